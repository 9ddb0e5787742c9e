/**
 * What the HTTP server needs before it listens: security headers and metrics; of an api also raw bodies for imports and the
 * OpenAPI 3.1 page at /docs.
 */
import helmet from '@fastify/helmet';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { SwaggerModule } from '@nestjs/swagger';
import { Metrics } from '../metrics.js';
import { openApi } from './openapi.js';

export const IMPORT_MEDIA_TYPE = 'application/octet-stream';

export async function prepareHttp(app: NestFastifyApplication): Promise<void> {
  const fastify = app.getHttpAdapter().getInstance();
  // A hook sees every answer, the refusals before any route too, with the status that it had in the end.
  const metrics = app.get(Metrics);
  fastify.addHook('onResponse', (request, reply, done) => {
    metrics.observeRequest(
      request.method,
      request.routeOptions.url ?? 'none',
      reply.statusCode,
      reply.elapsedTime / 1000,
    );
    done();
  });
  await app.register(helmet as never, {
    // The page of the OpenAPI document brings its own script and style, and nothing from elsewhere.
    contentSecurityPolicy: { directives: { scriptSrc: ["'self'", "'unsafe-inline'"], upgradeInsecureRequests: null } },
  });
}

export function prepareApi(app: NestFastifyApplication): void {
  // An import's body is a stream of any size: it goes to the reader as it comes and is never held in memory.
  app
    .getHttpAdapter()
    .getInstance()
    .addContentTypeParser(
      IMPORT_MEDIA_TYPE,
      (_request: unknown, payload: unknown, done: (error: null, body: unknown) => void) => done(null, payload),
    );
  SwaggerModule.setup('docs', app, openApi(app), {
    jsonDocumentUrl: 'docs/openapi.json',
    yamlDocumentUrl: 'docs/openapi.yaml',
  });
}
