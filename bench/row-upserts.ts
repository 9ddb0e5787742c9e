/**
 * The usual way to fill a read model, as the yardstick: the log is read from its start and folded by the projection's own
 * derivation, as a rebuild does it, but each row is a statement of its own, 1,000 to a transaction.
 */
import type { Pool, PoolClient } from 'pg';
import type { EventStore, RecordedEvent } from '#event-store';
import type { Projection } from '#projections';

const ROWS_PER_TRANSACTION = 1_000;
const ROWS_PER_READ = 2_000;

type BuildTarget = Parameters<NonNullable<Projection['build']>>[1];
type Row = { readonly [column: string]: unknown };
type Column = { readonly name: string; readonly type: string; readonly is_key: boolean; readonly is_json: boolean };
type Upsert = { readonly statement: string; readonly columns: readonly Column[] };

/** Rows a second from the first `events` of the log, into tables of the same make as those in use; these are empty at first. */
export async function upsertRows(
  store: EventStore,
  pool: Pool,
  projection: Projection,
  events: number,
): Promise<number> {
  const client = await pool.connect();
  for (const table of projection.tables)
    await client.query(
      `DROP TABLE IF EXISTS read_next.${table}; CREATE TABLE read_next.${table} (LIKE read.${table} INCLUDING ALL)`,
    );
  const target = new UpsertTarget(client, pool);
  const started = performance.now();
  await projection.build!(handled(store, projection, events), target);
  await target.finish();
  const took = (performance.now() - started) / 1000;
  for (const table of projection.tables) await client.query(`DROP TABLE read_next.${table}`);
  client.release(true);
  return target.written / took;
}

function handled(store: EventStore, { types }: Projection, events: number): AsyncIterable<readonly RecordedEvent[]> {
  return store.replay({ after: 0, upTo: events, ...(types && { types }) });
}

class UpsertTarget implements BuildTarget {
  written = 0;
  readonly #upserts = new Map<string, Upsert>();
  #inTransaction = 0;

  constructor(
    private readonly client: PoolClient,
    private readonly pool: Pool,
  ) {}

  async write(table: string, rows: readonly Row[]): Promise<void> {
    if (rows.length === 0) return;
    const { statement, columns } = this.#upserts.get(table) ?? (await this.#prepare(table));
    for (const row of rows) {
      if (this.#inTransaction === 0) await this.client.query('BEGIN');
      await this.client.query({
        name: `upsert ${table}`,
        text: statement,
        values: columns.map((c) => valueOf(c, row)),
      });
      this.written++;
      if (++this.#inTransaction === ROWS_PER_TRANSACTION) await this.finish();
    }
  }

  async finish(): Promise<void> {
    if (this.#inTransaction > 0) await this.client.query('COMMIT');
    this.#inTransaction = 0;
  }

  async *read<R>(select: string, values: readonly unknown[] = []): AsyncGenerator<R[]> {
    const client = await this.pool.connect();
    try {
      await client.query(`BEGIN; SET LOCAL search_path TO read_next; SET LOCAL work_mem = '128MB'`);
      await client.query(`DECLARE rows NO SCROLL CURSOR FOR ${select}`, [...values]);
      for (;;) {
        const { rows } = await client.query(`FETCH ${ROWS_PER_READ} FROM rows`);
        if (rows.length === 0) return;
        yield rows as R[];
      }
    } finally {
      client.release(true);
    }
  }

  async #prepare(table: string): Promise<Upsert> {
    const { rows: columns } = await this.client.query<Column>(
      `SELECT attname AS name, format_type(atttypid, atttypmod) AS type, attnum = ANY (indkey) AS is_key,
              atttypid IN ('json'::regtype, 'jsonb'::regtype) AS is_json
         FROM pg_attribute JOIN pg_index ON indrelid = attrelid AND indisprimary
        WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
      [`read_next.${table}`],
    );
    const quoted = (list: readonly Column[]): string => list.map(({ name }) => `"${name}"`).join(', ');
    const others = columns.filter(({ is_key }) => !is_key);
    const statement = `INSERT INTO read_next.${table} (${quoted(columns)})
      VALUES (${columns.map(({ type }, index) => `$${index + 1}::${type}`).join(', ')})
      ON CONFLICT (${quoted(columns.filter(({ is_key }) => is_key))})
      DO UPDATE SET ${others.map(({ name }) => `"${name}" = EXCLUDED."${name}"`).join(', ')}`;
    const upsert = { statement, columns };
    this.#upserts.set(table, upsert);
    return upsert;
  }
}

function valueOf({ name, is_json }: Column, row: Row): unknown {
  const value = row[name];
  return is_json && value !== null && value !== undefined ? JSON.stringify(value) : value;
}
