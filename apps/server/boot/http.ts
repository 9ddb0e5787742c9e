/** The HTTP server of a process: every role answers /health, /ready and /metrics; role `api` all the rest too. */
import type { DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Logger } from 'nestjs-pino';
import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import type { ServerConfig } from '../config.js';
import { prepareApi, prepareHttp } from '../http/prepare-http.js';
import { refuseUnroutable } from '../http/problem.filter.js';

/** Of everything but imports, which are read as they come. */
const BODY_BYTES_MAX = 1024 * 1024;
const FINISH_MS_MAX = 5_000;

export async function createApp(module: DynamicModule, { roles }: ServerConfig): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_BYTES_MAX,
    forceCloseConnections: 'idle',
    genReqId: () => randomUUID(),
    frameworkErrors: refuseUnroutable,
  });
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, { bufferLogs: true });
  app.useLogger(app.get(Logger));
  await prepareHttp(app);
  if (roles.has('api')) prepareApi(app);
  await app.init();
  return app;
}

/** Requests at hand are finished, but an upload or a tail that goes on for long is cut off. */
export async function closeApp(app: NestFastifyApplication): Promise<void> {
  const overdue = setTimeout(() => app.getHttpServer().closeAllConnections(), FINISH_MS_MAX);
  await app.close();
  clearTimeout(overdue);
}

/** The URL that people of this machine reach it by. */
export async function listen(app: NestFastifyApplication, { host, port }: ServerConfig): Promise<string> {
  await app.listen({ host, port });
  const address = app.getHttpServer().address() as AddressInfo;
  const shown = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `http://${shown === '0.0.0.0' ? '127.0.0.1' : shown}:${address.port}`;
}
