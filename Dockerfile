# The server on an external PostgreSQL. The embedded PostgreSQL is for laptops: this image runs as an ordinary user without it.
FROM node:20-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build && npm prune --omit=dev

FROM node:20-bookworm-slim
WORKDIR /app
ENV NODE_ENV=production KERBTRAIL_HOST=0.0.0.0 KERBTRAIL_FOLDER=/var/lib/kerbtrail
RUN mkdir -p /var/lib/kerbtrail/segments && chown -R node:node /var/lib/kerbtrail
COPY --from=build --chown=node:node /app/package.json ./
COPY --from=build --chown=node:node /app/node_modules ./node_modules
COPY --from=build --chown=node:node /app/dist ./dist
COPY --from=build --chown=node:node /app/prisma ./prisma
USER node
VOLUME /var/lib/kerbtrail
EXPOSE 8088
CMD ["node", "dist/apps/server/main.js"]
