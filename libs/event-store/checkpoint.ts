/**
 * How far a reader has come: its row of read.checkpoint. The row moves only in the transaction that holds the reader's own
 * effect, and only from the position and epoch that the reader knows; whoever takes over counts the epoch up.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Pool, PoolClient } from 'pg';

export type CheckpointKey = { readonly name: string; readonly version: number };
export type Checkpoint = { readonly position: number; readonly epoch: number };

const POLL_MS = 25;

/**
 * Until the session ends: `alone`, or `together` with others that share the reader's work and keep places of their own. False:
 * a reader of the other kind is active.
 */
export async function tryLock(
  connection: PoolClient,
  { name, version }: CheckpointKey,
  kind: 'alone' | 'together',
): Promise<boolean> {
  const lock = kind === 'alone' ? 'pg_try_advisory_lock' : 'pg_try_advisory_lock_shared';
  const { rows } = await connection.query<{ locked: boolean }>(
    `SELECT ${lock}(hashtextextended('subscription ' || $1 || ' ' || $2, 0)) AS locked`,
    [name, String(version)],
  );
  return rows[0]!.locked;
}

/** From here on, whoever held an older epoch can move the checkpoint no more. */
export async function takeOver(connection: PoolClient, { name, version }: CheckpointKey): Promise<Checkpoint> {
  const { rows } = await connection.query<Checkpoint>(
    `INSERT INTO read.checkpoint AS c (projection, version, position, epoch, updated_at) VALUES ($1, $2, 0, 1, now())
     ON CONFLICT (projection, version) DO UPDATE SET epoch = c.epoch + 1, updated_at = now()
     RETURNING position, epoch`,
    [name, version],
  );
  return rows[0]!;
}

/** Whether it moved. False: somebody else has taken over or moved it, and this transaction must be rolled back. */
export async function advance(
  tx: PoolClient,
  { name, version }: CheckpointKey,
  from: Checkpoint,
  position: number,
): Promise<boolean> {
  const { rowCount } = await tx.query({
    name: 'log.checkpoint',
    text: `UPDATE read.checkpoint SET position = $3, updated_at = now()
            WHERE projection = $1 AND version = $2 AND position = $4 AND epoch = $5`,
    values: [name, version, position, from.position, from.epoch],
  });
  return rowCount === 1;
}

/** 0 when nothing has been read under this key yet. */
export async function readCheckpoint(pool: Pool, { name, version }: CheckpointKey): Promise<number> {
  const { rows } = await pool.query<{ position: number }>(
    'SELECT position FROM read.checkpoint WHERE projection = $1 AND version = $2',
    [name, version],
  );
  return rows[0]?.position ?? 0;
}

/** Read your own writes, in whichever process the reader runs: the position reached, at once or after at most `timeoutMs`. */
export async function waitForCheckpoint(
  pool: Pool,
  key: CheckpointKey,
  position: number,
  timeoutMs: number,
): Promise<number> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const reached = await readCheckpoint(pool, key);
    if (reached >= position || performance.now() >= deadline) return reached;
    await delay(POLL_MS);
  }
}
