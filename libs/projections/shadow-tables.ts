/**
 * The tables of a rebuild: of the same make as those in use, in schema `read_next`, first bare, then with constraints and
 * indexes, at last in the place of the old ones.
 */
import { DatabaseError, type Pool, type PoolClient } from 'pg';

/** Index builds at a time; each sorts in this much memory. */
const LANES = 2;
const SORT_MEMORY = '128MB';
const UNIQUE_VIOLATION = '23505';

type Make = { readonly index: string; readonly statement: string; readonly key: string | null };

/** Columns, defaults and NOT NULL, and nothing else: rows come in by COPY. */
export async function createBareTables(client: PoolClient, tables: readonly string[]): Promise<void> {
  for (const table of tables) {
    await client.query(`DROP TABLE IF EXISTS read_next.${table}`);
    await client.query(`CREATE TABLE read_next.${table} (LIKE read.${table} INCLUDING DEFAULTS INCLUDING STORAGE)`);
  }
}

/**
 * Constraints and indexes as the table in use has them, under the same names, and statistics. Of rows with one primary key
 * the first written stays, as it would have by `insertRows`.
 */
export async function finishTable(pool: Pool, table: string): Promise<void> {
  const { rows: makes } = await pool.query<Make>(
    `SELECT i.relname AS index, replace(pg_get_indexdef(indexrelid), ' ON read.', ' ON read_next.') AS statement,
            CASE WHEN indisprimary THEN (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
                                          WHERE attrelid = indrelid AND attnum = ANY (indkey)) END AS key
       FROM pg_index JOIN pg_class i ON i.oid = indexrelid JOIN pg_am ON pg_am.oid = relam
      WHERE indrelid = $1::regclass ORDER BY indisprimary DESC, amname = 'gin' DESC`, // what takes longest is not left for the end
    [`read.${table}`],
  );
  const waiting = [...makes];
  await Promise.all(
    Array.from({ length: LANES }, () => inSession(pool, (client) => makeIndexes(client, table, waiting))),
  );
  await inSession(pool, async (client) => {
    const { rows } = await client.query<{ statement: string }>(
      `SELECT format('ALTER TABLE read_next.%I ADD CONSTRAINT %I %s', $1::text, conname, CASE contype
                WHEN 'p' THEN format('PRIMARY KEY USING INDEX %I', conname)
                WHEN 'u' THEN format('UNIQUE USING INDEX %I', conname)
                ELSE pg_get_constraintdef(oid) END) AS statement
         FROM pg_constraint WHERE conrelid = $2::regclass AND contype IN ('p', 'u', 'c')`,
      [table, `read.${table}`],
    );
    for (const { statement } of rows) await client.query(statement);
    await client.query(`ANALYZE read_next.${table}`);
  });
}

async function makeIndexes(client: PoolClient, table: string, waiting: Make[]): Promise<void> {
  for (let make = waiting.shift(); make; make = waiting.shift()) {
    const { key, statement } = make;
    await client.query(statement).catch(async (error: unknown) => {
      if (key === null || !(error instanceof DatabaseError) || error.code !== UNIQUE_VIOLATION) throw error;
      await client.query(
        `DELETE FROM read_next.${table} WHERE ctid NOT IN (SELECT min(ctid) FROM read_next.${table} GROUP BY ${key})`,
      );
      await client.query(statement);
    });
  }
}

/** In the caller's transaction. Readers of the old tables are waited for, and wait, only here. */
export async function swapTables(tx: PoolClient, tables: readonly string[]): Promise<void> {
  for (const table of tables) {
    await tx.query(`DROP TABLE read.${table}`);
    await tx.query(`ALTER TABLE read_next.${table} SET SCHEMA read`);
  }
}

/** A connection without the pool's time limit, and with memory to sort in. It is ended with the work. */
export async function inSession<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query(
      `SET statement_timeout = 0; SET work_mem = '${SORT_MEMORY}'; SET maintenance_work_mem = '${SORT_MEMORY}'`,
    );
    return await work(client);
  } finally {
    client.release(true);
  }
}
