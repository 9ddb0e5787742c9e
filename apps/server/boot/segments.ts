/** Keeps sealing behind the evidence: what a signed checkpoint covers goes into segment files (docs/archive.md). */
import type { Pool } from 'pg';
import { setTimeout as delay } from 'node:timers/promises';
import { type Evidence, tileReader } from '#evidence';
import { sealSegments } from '#event-store';

const PACE_MS = 5_000;

type Log = { info(message: string): void; warn(message: string): void };

/** Gives the step that stops it. What fails is told once and tried again. */
export function keepSealing(options: {
  readonly pool: Pool;
  readonly folder: string;
  readonly evidence: Evidence;
  readonly logger: Log;
}): () => Promise<void> {
  const { pool, folder, evidence, logger } = options;
  const stopping = new AbortController();
  const readTile = tileReader(pool);
  const log = (message: string): void => logger.info(message);
  const run = async (): Promise<void> => {
    let told = '';
    while (!stopping.signal.aborted) {
      try {
        const coveredTo = (await evidence.checkpoint())?.size ?? 0;
        await sealSegments({ pool, folder, coveredTo, readTile, log, signal: stopping.signal });
        told = '';
      } catch (error) {
        const { message } = error as Error;
        if (message !== told) logger.warn(`segments are not sealed: ${message}`);
        told = message;
      }
      await delay(PACE_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  };
  const running = run();
  return () => {
    stopping.abort();
    return running;
  };
}
