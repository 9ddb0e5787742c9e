/** The history as PostgreSQL holds it: read with SQL of its own, past the store whose work is judged. */
import type { Pool, PoolClient } from 'pg';
import type { History, LogRow, Receipt } from './history.js';

const PAGE = 5_000;

/** As it is at one moment: servers may append meanwhile. The connection is given back when `rows` have been read. */
export async function readHistory(pool: Pool): Promise<Omit<History, 'told'>> {
  const client = await pool.connect();
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  const receipts = await client.query<Receipt>(
    `SELECT id, first_position AS first, events, reply FROM log.append_receipt ORDER BY first_position, events`,
  );
  const heads = await client.query<{ stream: string; version: number; leaf: string }>(
    `SELECT stream, version, encode(leaf, 'hex') AS leaf FROM log.stream_head`,
  );
  const { rows } = await client.query<{ size: number }>('SELECT size FROM log.log_head');
  return {
    rows: readRows(client),
    receipts: receipts.rows,
    heads: new Map(heads.rows.map(({ stream, ...head }) => [stream, head])),
    size: rows[0]!.size,
  };
}

async function* readRows(client: PoolClient): AsyncIterable<LogRow> {
  try {
    for (let after = 0; ;) {
      const { rows } = await client.query<LogRow>(
        `SELECT position, stream, version, body, encode(leaf, 'hex') AS leaf FROM log.event_log
          WHERE position > $1 ORDER BY position LIMIT $2`,
        [after, PAGE],
      );
      yield* rows;
      if (rows.length < PAGE) return;
      after = rows.at(-1)!.position;
    }
  } finally {
    client.release(true);
  }
}
