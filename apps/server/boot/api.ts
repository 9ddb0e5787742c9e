/**
 * What the role `api` does beside answering: it finishes erasures, keeps the evidence behind the log and seals what was
 * signed. Of several such processes one is active at each.
 */
import type pino from 'pino';
import { sweepKeys } from '#directory';
import type { Evidence } from '#evidence';
import type { CheckpointSeeds } from '#operations';
import type { Projectors } from '#projections';
import type { ServerConfig } from '../config.js';
import { PersonEraser } from '../erasure/erase-person.js';
import { checkpointSeeds, openEvidence } from './evidence.js';
import type { OpenLog } from './log.js';
import { keepSealing } from './segments.js';
import type { Undo } from './undo.js';

export type ApiRole = {
  readonly eraser: PersonEraser;
  readonly evidence: Evidence;
  readonly checkpointSeeds: CheckpointSeeds;
};

export async function startApiRole(
  config: ServerConfig,
  log: OpenLog,
  projectors: Projectors,
  logger: pino.Logger,
  undo: Undo,
): Promise<ApiRole> {
  const { store, pool, keyStore, database } = log;
  const swept = await sweepKeys(store, keyStore);
  if (swept.removed > 0) logger.warn(swept, 'account keys that no event names were removed');
  const eraser = new PersonEraser({ ...log, projectors, prisma: database.prisma });
  undo.add(await resumeErasures(eraser, logger));
  const keeperPool = database.projectorPool;
  const evidence = openEvidence({ ...log, config, keeperPool, log: (message) => logger.warn(message) });
  undo.add(() => evidence.stop());
  undo.add(keepSealing({ pool, folder: config.segmentsFolder, evidence, logger }));
  return { eraser, evidence, checkpointSeeds: checkpointSeeds(log) };
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
