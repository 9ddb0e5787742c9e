/**
 * What stands in a table, as one digest: equal digests mean byte-identical rows. Where an event stands in our log, and when we
 * learned of it, is left out: it differs by the order in which sources were imported.
 */
import { createHash } from 'node:crypto';
import { pipeline } from 'node:stream/promises';
import type { Pool, PoolClient } from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import type { ReadSchema } from './project-page.js';

const ARRIVAL = ['position', 'recorded_at'];

/** Hex SHA-256 of `COPY (SELECT … ORDER BY primary key)` of a table in use. `table` is a name of ours. */
export async function tableDigest(pool: Pool, table: string): Promise<string> {
  const client = await pool.connect();
  try {
    return await digestTable(client, table, 'read');
  } finally {
    client.release();
  }
}

/** As above, on this connection and as its transaction sees the table. */
export async function digestTable(client: PoolClient, table: string, schema: ReadSchema): Promise<string> {
  const { rows } = await client.query<{ column: string; is_key: boolean }>(
    `SELECT quote_ident(attname) AS column, attnum = ANY (indkey) AS is_key
       FROM pg_attribute JOIN pg_index ON indrelid = attrelid AND indisprimary
      WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attname <> ALL ($2)
      ORDER BY attname`,
    [`${schema}.${table}`, ARRIVAL],
  );
  const columns = rows.map(({ column }) => column).join(', ');
  const key = rows.flatMap(({ column, is_key }) => (is_key ? [column] : [])).join(', ');
  const hash = createHash('sha256');
  await pipeline(
    client.query(copyTo(`COPY (SELECT ${columns} FROM ${schema}.${table} ORDER BY ${key}) TO STDOUT`)),
    hash,
  );
  return hash.digest('hex');
}
