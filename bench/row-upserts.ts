/** The usual way to fill a read model, as the yardstick: a statement per row, 1,000 to a transaction. */
import type { Pool, PoolClient } from 'pg';

const ROWS = 20_000;
const ROWS_PER_TRANSACTION = 1_000;

type Column = { readonly name: string; readonly type: string; readonly is_key: boolean };

/**
 * Rows a second into tables of the same make as these of schema `read`, empty at first, from rows that stand there: no log is
 * read and nothing derived. Each table has the share of the rows that it has there.
 */
export async function upsertRows(pool: Pool, tables: readonly string[]): Promise<number> {
  const client = await pool.connect();
  const counts = new Map<string, number>();
  for (const table of tables) {
    const { rows } = await client.query<{ count: number }>(`SELECT count(*) FROM read.${table}`);
    counts.set(table, rows[0]!.count);
  }
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  let written = 0;
  let ms = 0;
  for (const [table, count] of counts) {
    const wanted = Math.ceil((ROWS * count) / total);
    ms += await upsertTable(client, table, wanted);
    written += Math.min(wanted, count);
  }
  client.release(true);
  return written / (ms / 1000);
}

async function upsertTable(client: PoolClient, table: string, wanted: number): Promise<number> {
  await client.query(
    `DROP TABLE IF EXISTS read_next.upserted; CREATE TABLE read_next.upserted (LIKE read.${table} INCLUDING ALL)`,
  );
  const { rows: columns } = await client.query<Column>(
    `SELECT quote_ident(attname) AS name, format_type(atttypid, atttypmod) AS type, attnum = ANY (indkey) AS is_key
       FROM pg_attribute JOIN pg_index ON indrelid = attrelid AND indisprimary
      WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
    [`read.${table}`],
  );
  const selected = columns.map(({ name }) => `${name}::text`).join(', ');
  const { rows } = await client.query<unknown[]>({
    text: `SELECT ${selected} FROM read.${table} LIMIT ${wanted}`,
    rowMode: 'array',
  });
  const others = columns.filter(({ is_key }) => !is_key);
  const text = `INSERT INTO read_next.upserted (${columns.map(({ name }) => name).join(', ')})
    VALUES (${columns.map(({ type }, index) => `$${index + 1}::${type}`).join(', ')})
    ON CONFLICT (${columns.flatMap(({ name, is_key }) => (is_key ? [name] : [])).join(', ')})
    DO UPDATE SET ${others.map(({ name }) => `${name} = EXCLUDED.${name}`).join(', ')}`;
  const started = performance.now();
  for (let from = 0; from < rows.length; from += ROWS_PER_TRANSACTION) {
    await client.query('BEGIN');
    for (const values of rows.slice(from, from + ROWS_PER_TRANSACTION))
      await client.query({ name: `upsert ${table}`, text, values });
    await client.query('COMMIT');
  }
  const took = performance.now() - started;
  await client.query(`DEALLOCATE ALL; DROP TABLE read_next.upserted`);
  return took;
}
