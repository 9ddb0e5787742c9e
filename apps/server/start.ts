/**
 * From configuration to a working process, in the order in which each step needs the one before; `close` undoes them in
 * reverse: stop answering, stop the roles, close pools, stop the embedded database, give the folder back.
 */
import 'reflect-metadata';
import type { DynamicModule } from '@nestjs/common';
import type pino from 'pino';
import { AppModule, HealthModule } from './app.module.js';
import { startApiRole } from './boot/api.js';
import { closeApp, createApp, listen } from './boot/http.js';
import { DataFolder } from './boot/local-file.js';
import { type OpenLog, openLog } from './boot/log.js';
import { operatorToken } from './boot/operator-token.js';
import { startRoles } from './boot/roles.js';
import { type Undo, undoStack } from './boot/undo.js';
import type { ServerConfig } from './config.js';
import { createLogger } from './logging.js';
import { Metrics } from './metrics.js';
import type { Running } from './running.js';

export type RunningServer = { readonly url: string; close(): Promise<void> };

/** Throws coded errors that say what to do; whatever was begun is then undone. */
export async function startServer(config: ServerConfig): Promise<RunningServer> {
  const undo = undoStack();
  try {
    const folder = new DataFolder(config.folder);
    folder.acquire();
    undo.add(() => folder.release());
    const logger = createLogger(config.logLevel);
    const log = await openLog(config, logger, undo);
    const app = await createApp(await startParts(config, log, logger, undo), config);
    undo.add(() => closeApp(app));
    const token = config.roles.has('api') ? await operatorToken(folder, app, log) : undefined;
    const url = await listen(app, config);
    if (token !== undefined) folder.publish({ url, pid: process.pid, token });
    return { url, close: () => undo.run() };
  } catch (error) {
    await undo.run().catch(() => undefined); // the first error is the cause
    throw error;
  }
}

/** The roles, and the module that answers for them. */
async function startParts(config: ServerConfig, log: OpenLog, logger: pino.Logger, undo: Undo): Promise<DynamicModule> {
  const { pool, store, database } = log;
  const roles = startRoles(config, log, logger, undo);
  const metrics = new Metrics();
  const { logLevel } = config;
  const running: Running = { ...roles, store, pool, isFedByKafka: config.kafka !== undefined };
  if (!config.roles.has('api')) return HealthModule.with({ running, metrics, logLevel });
  const { projectors } = roles;
  const api = await startApiRole(config, log, projectors, logger, undo);
  return AppModule.with({
    ...log,
    ...api,
    running: { ...running, evidence: api.evidence },
    keyEncryptionKey: log.kek,
    prisma: database.prisma,
    projectors,
    archive: { segmentsFolder: config.segmentsFolder, ownerUrl: database.ownerUrl },
    metrics,
    logLevel,
  });
}
