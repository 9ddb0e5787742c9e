/**
 * From configuration to a serving process, in the order in which each step needs the one before; `close` undoes them in
 * reverse: stop answering, stop projecting, close pools, stop the embedded database, give the folder back.
 */
import 'reflect-metadata';
import { CommandBus } from '@nestjs/cqrs';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Logger } from 'nestjs-pino';
import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import type pino from 'pino';
import { exchangeEvents, lockoutEvents } from '#authentication';
import { createKeyStore, createSubjectKeys, directoryEvents, sweepKeys } from '#directory';
import { createEventStore, createSystemClock, systemRandom } from '#event-store';
import { authenticate, CreateToken, establishNameKey, operationEvents } from '#operations';
import { projections, startProjectors } from '#projections';
import { AppModule, type ServerParts } from './app.module.js';
import { openDatabase } from './boot/database.js';
import { checkpointSeeds, openEvidence } from './boot/evidence.js';
import { keepSealing } from './boot/segments.js';
import { openKeyEncryptionKey } from './boot/keys.js';
import { DataFolder } from './boot/local-file.js';
import type { ServerConfig } from './config.js';
import { prepareHttp } from './http/prepare-http.js';
import { refuseUnroutable } from './http/problem.filter.js';
import { PersonEraser } from './erasure/erase-person.js';
import { createLogger } from './logging.js';
import { Metrics } from './metrics.js';

export type RunningServer = { readonly url: string; close(): Promise<void> };

/** Of everything but imports, which are read as they come. */
const BODY_BYTES_MAX = 1024 * 1024;
const FINISH_MS_MAX = 5_000;

/** `run` takes every step, whatever fails, and then throws the first failure: a database is never left running for it. */
type Undo = { add(step: () => Promise<unknown> | void): void; run(): Promise<void> };

/** Throws coded errors that say what to do; whatever was begun is then undone. */
export async function startServer(config: ServerConfig): Promise<RunningServer> {
  const undo = undoStack();
  try {
    const folder = new DataFolder(config.folder);
    folder.acquire();
    undo.add(() => folder.release());
    const parts = await openParts(config, undo);
    const app = await createApp(parts);
    undo.add(() => closeApp(app));
    const token = await operatorToken(folder, app, parts);
    const url = await listen(app, config);
    folder.publish({ url, pid: process.pid, token });
    return { url, close: () => undo.run() };
  } catch (error) {
    await undo.run().catch(() => undefined); // the first error is the cause
    throw error;
  }
}

/** The log, the keys and the read side, without HTTP. */
async function openParts(config: ServerConfig, undo: Undo): Promise<ServerParts> {
  const logger = createLogger(config.logLevel);
  const database = await openDatabase(config, logger);
  undo.add(() => database.close());
  const { pool, appendPool, projectorPool } = database;
  const { segmentsFolder } = config;
  const clock = createSystemClock();
  const random = systemRandom;
  const catalogues = [directoryEvents, exchangeEvents, lockoutEvents, operationEvents];
  const keyEncryptionKey = await openKeyEncryptionKey(config, database.embedded);
  const kek = keyEncryptionKey;
  const keyStore = createKeyStore(pool, kek);
  // What tells of the log's own keys holds no names, and subjects' keys are looked up under one of them.
  const unsealed = createEventStore({ pool, appendPool, catalogues: [operationEvents], clock, random, segmentsFolder });
  const nameKey = await establishNameKey({ store: unsealed, pool, kek, clock, random });
  const subjectKeys = createSubjectKeys({ pool, kek, nameKey, random });
  const store = createEventStore({ pool, appendPool, catalogues, clock, random, subjectKeys, segmentsFolder });
  const swept = await sweepKeys(store, keyStore);
  if (swept.removed > 0) logger.warn(swept, 'account keys that no event names were removed');
  const log = (message: string): void => logger.warn(message);
  const projectors = startProjectors({
    store,
    pool: projectorPool,
    projections,
    log,
  });
  undo.add(() => projectors.stop());
  const eraser = new PersonEraser({ store, projectors, pool, prisma: database.prisma, subjectKeys, nameKey, clock });
  undo.add(await resumeErasures(eraser, logger));
  const evidence = await openEvidence({
    config,
    store,
    pool,
    keeperPool: projectorPool,
    kek,
    nameKey,
    clock,
    random,
    log,
  });
  undo.add(() => evidence.stop());
  undo.add(keepSealing({ pool, folder: segmentsFolder, evidence, logger }));
  const metrics = new Metrics();
  const { prisma } = database;
  return {
    store,
    clock,
    random,
    keyStore,
    nameKey,
    keyEncryptionKey,
    pool,
    prisma,
    projectors,
    evidence,
    archive: { segmentsFolder, ownerUrl: database.ownerUrl },
    eraser,
    checkpointSeeds: checkpointSeeds({ pool, kek, random }),
    metrics,
    logLevel: config.logLevel,
  };
}

/** The step that stops what was resumed. */
async function resumeErasures(eraser: PersonEraser, logger: pino.Logger): Promise<() => Promise<void>> {
  const { removed, finish } = await eraser.resume();
  if (removed > 0) logger.warn({ removed }, 'keys of erased persons were there again, and are deleted again');
  const stopping = new AbortController();
  const finished = finish(stopping.signal).catch((error: unknown) => {
    if (!stopping.signal.aborted) logger.error(error, 'an erasure is not finished: it goes on at the next start');
  });
  return () => {
    stopping.abort();
    return finished;
  };
}

async function createApp(parts: ServerParts): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_BYTES_MAX,
    forceCloseConnections: 'idle',
    genReqId: () => randomUUID(),
    frameworkErrors: refuseUnroutable,
  });
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.with(parts), adapter, { bufferLogs: true });
  app.useLogger(app.get(Logger));
  await prepareHttp(app);
  await app.init();
  return app;
}

/** Requests at hand are finished, but an upload or a tail that goes on for long is cut off. */
async function closeApp(app: NestFastifyApplication): Promise<void> {
  const overdue = setTimeout(() => app.getHttpServer().closeAllConnections(), FINISH_MS_MAX);
  await app.close();
  clearTimeout(overdue);
}

async function listen(app: NestFastifyApplication, { host, port }: ServerConfig): Promise<string> {
  await app.listen({ host, port });
  const address = app.getHttpServer().address() as AddressInfo;
  const shown = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `http://${shown === '0.0.0.0' ? '127.0.0.1' : shown}:${address.port}`;
}

/** The token of the last run while it is valid; else a new one, made by command like every other. */
async function operatorToken(
  folder: DataFolder,
  app: NestFastifyApplication,
  { store, clock }: ServerParts,
): Promise<string> {
  const previous = folder.previousToken();
  if (previous && (await authenticate(store, previous, clock.now()))?.roles.includes('operator')) return previous;
  const { text } = await app.get(CommandBus).execute(
    new CreateToken(
      { requestId: randomUUID(), caller: { actor: 'kerbtrail', administers: 'all' } },
      {
        actor: 'local-operator',
        roles: ['operator', 'installer', 'ingest', 'auditor'],
        note: `made at start for ${folder.localJson}`,
      },
    ),
  );
  return text;
}

function undoStack(): Undo {
  const steps: (() => Promise<unknown> | void)[] = [];
  return {
    add: (step) => void steps.push(step),
    async run() {
      const failures: unknown[] = [];
      for (let step = steps.pop(); step; step = steps.pop()) {
        try {
          await step();
        } catch (error) {
          failures.push(error);
        }
      }
      if (failures.length > 0) throw failures[0];
    },
  };
}
