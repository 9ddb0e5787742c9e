/** How the columns of a table are written in COPY's text format. */
import type { PoolClient } from 'pg';
import type { CopyColumn } from './copy-text.js';

/** By connection, and asked once: the make of a table changes by migrations alone. */
const known = new WeakMap<PoolClient, Map<string, readonly CopyColumn[]>>();

/** In the order of the table. `table` is a name of ours, with its schema or found through the search path. */
export async function copyColumns(client: PoolClient, table: string): Promise<readonly CopyColumn[]> {
  const tables = known.get(client) ?? new Map<string, readonly CopyColumn[]>();
  known.set(client, tables);
  const columns = tables.get(table) ?? (await readColumns(client, table));
  tables.set(table, columns);
  return columns;
}

/** As COPY and INSERT name them. */
export function columnList(columns: readonly CopyColumn[]): string {
  return columns.map(({ name }) => `"${name}"`).join(', ');
}

async function readColumns(client: PoolClient, table: string): Promise<CopyColumn[]> {
  const { rows } = await client.query<CopyColumn>(
    `SELECT attname AS name, CASE WHEN typname IN ('json', 'jsonb') THEN 'json' WHEN typcategory = 'A' THEN 'array' ELSE 'plain' END AS form
       FROM pg_attribute JOIN pg_type t ON t.oid = atttypid
      WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
    [table],
  );
  return rows;
}
