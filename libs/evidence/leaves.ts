/** The leaves of the log in order, a page at a time: 32 bytes an event and nothing else, so that reading them costs appends little. */
import type { Pool, PoolClient } from 'pg';
import { EvidenceRefused } from './evidence.error.js';
import { HASH_BYTES } from './tile-tree.js';

export type Leaf = { readonly position: number; readonly hash: Buffer };

type LeavesRow = { readonly last: number | null; readonly leaves: Buffer | null; readonly head: number };

/**
 * At most `limit` leaves after a position, up to the head. Throws EvidenceRefused naming the first position that the log
 * has no row for: positions are dense, so somebody has taken it out.
 */
export async function readLeaves(pool: Pool, after: number, limit: number): Promise<Leaf[]> {
  const { rows } = await pool.query<LeavesRow>({
    name: 'evidence.leaves',
    text: `SELECT max(position) AS last, string_agg(leaf, ''::bytea ORDER BY position) AS leaves,
                  (SELECT size FROM log.log_head) AS head
             FROM (SELECT position, leaf FROM log.event_log
                    WHERE position > $1 AND position <= (SELECT size FROM log.log_head)
                    ORDER BY position LIMIT $2) AS page`,
    values: [after, limit],
  });
  const { last, leaves, head } = rows[0]!;
  const count = Math.max(0, Math.min(limit, head - after));
  if ((leaves?.length ?? 0) !== count * HASH_BYTES || (last ?? after) !== after + count)
    throw new EvidenceRefused('log-changed', await describeGap(pool, after));
  return Array.from({ length: count }, (_, n) => ({
    position: after + n + 1,
    hash: leaves!.subarray(n * HASH_BYTES, (n + 1) * HASH_BYTES),
  }));
}

async function describeGap(pool: Pool, after: number): Promise<string> {
  const { rows } = await pool.query<{ missing: number }>(
    `SELECT expected AS missing
       FROM (SELECT position, $1::bigint + row_number() OVER (ORDER BY position) AS expected FROM log.event_log WHERE position > $1) AS counted
      WHERE position <> expected ORDER BY expected LIMIT 1`,
    [after],
  );
  const { rows: ends } = await pool.query<{ end: number }>(
    'SELECT coalesce(max(position), 0) AS end FROM log.event_log',
  );
  const missing = rows[0]?.missing ?? Math.max(after, ends[0]!.end) + 1;
  return `event ${missing} was appended and the log has it no more: it was removed before a checkpoint covered it`;
}

/** The leaf that the log has at a position now. */
export async function readLeaf(connection: Pool | PoolClient, position: number): Promise<Buffer | null> {
  const { rows } = await connection.query<{ leaf: Buffer }>('SELECT leaf FROM log.event_log WHERE position = $1', [
    position,
  ]);
  return rows[0]?.leaf ?? null;
}
