/**
 * Builds a projection anew while the old tables serve: the same `apply` over the whole log, into tables of the same make in
 * schema `read_next`; then, in one transaction, the last events, the swap and the checkpoint. Whoever projects meanwhile is
 * fenced off by the epoch and goes on from the new checkpoint.
 */
import type { EventStore } from '#event-store';
import { createHash } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import { lockTables, projectPage } from './project-page.js';
import type { Projection } from './projection.js';
import { digestTable } from './table-digest.js';

export type RebuildOptions = {
  readonly store: EventStore;
  readonly pool: Pool;
  readonly projection: Projection;
  /** After every page. `head`: the end of the log when the rebuild began. */
  readonly onProgress?: (progress: { readonly position: number; readonly head: number }) => void;
};

/** `digest`: hex SHA-256 over the digests of the projection's tables as they were swapped in. */
export type Rebuilt = { readonly position: number; readonly digest: string };

export class RebuildRunning extends Error {
  readonly code = 'PROJ_REBUILD_RUNNING';
  constructor(projection: string) {
    super(`projection ${projection} is being rebuilt already: wait until that rebuild has finished`);
  }
}

const PAGE_SIZE = 1_000;

/** Throws RebuildRunning. After a failure the tables in use are untouched, and the next rebuild begins from nothing. */
export async function rebuild(options: RebuildOptions): Promise<Rebuilt> {
  const { store, pool, projection, onProgress } = options;
  const client = await pool.connect();
  try {
    if (!(await tryLock(client, projection))) throw new RebuildRunning(projection.name);
    await createTables(client, projection);
    const head = await store.head();
    let position = 0;
    while (position < head) {
      position = await inTransaction(client, () => projectNext(client, options, position));
      onProgress?.({ position, head });
    }
    for (const table of projection.tables) await client.query(`ANALYZE read_next.${table}`);
    return await inTransaction(client, () => swap(client, options, position));
  } finally {
    client.release(true); // ends the session, and with it the lock
  }
}

/** Position of the last event projected. */
async function projectNext(client: PoolClient, options: RebuildOptions, after: number): Promise<number> {
  const events = await options.store.readAll({ after, limit: PAGE_SIZE });
  await projectPage(client, options.projection, events, 'read_next');
  return events.at(-1)?.position ?? after;
}

/** The rest of the log, the swap and the checkpoint. Readers of the old tables are waited for, and wait, only at the drop. */
async function swap(client: PoolClient, options: RebuildOptions, from: number): Promise<Rebuilt> {
  const { projection } = options;
  await lockTables(client, projection);
  let position = from;
  for (let last = -1; last < position;) {
    last = position;
    position = await projectNext(client, options, position);
  }
  const hash = createHash('sha256');
  for (const table of projection.tables) hash.update(await digestTable(client, table, 'read_next'));
  for (const table of projection.tables) {
    await client.query(`DROP TABLE read.${table}`);
    await client.query(`ALTER TABLE read_next.${table} SET SCHEMA read`);
  }
  await client.query(
    `INSERT INTO read.checkpoint AS c (projection, version, position, epoch, updated_at) VALUES ($1, $2, $3, 1, now())
     ON CONFLICT (projection, version) DO UPDATE SET position = $3, epoch = c.epoch + 1, updated_at = now()`,
    [projection.name, projection.version, position],
  );
  return { position, digest: hash.digest('hex') };
}

/** Empty tables with the columns, constraints and indexes of those in use, under the same names. */
async function createTables(client: PoolClient, { tables }: Projection): Promise<void> {
  for (const table of tables) {
    await client.query(`DROP TABLE IF EXISTS read_next.${table}`);
    await client.query(`CREATE TABLE read_next.${table} (LIKE read.${table} INCLUDING DEFAULTS INCLUDING STORAGE)`);
    const { rows } = await client.query<{ statement: string }>(
      `SELECT format('ALTER TABLE read_next.%I ADD CONSTRAINT %I %s', $1::text, conname, pg_get_constraintdef(oid)) AS statement
         FROM pg_constraint WHERE conrelid = $2::regclass AND contype IN ('p', 'u', 'c')
        UNION ALL
       SELECT replace(pg_get_indexdef(indexrelid), ' ON read.', ' ON read_next.')
         FROM pg_index WHERE indrelid = $2::regclass
          AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)`,
      [table, `read.${table}`],
    );
    for (const { statement } of rows) await client.query(statement);
  }
}

async function tryLock(client: PoolClient, { name }: Projection): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>(
    `SELECT pg_try_advisory_lock(hashtextextended('rebuild ' || $1, 0)) AS locked`,
    [name],
  );
  return rows[0]?.locked === true;
}

async function inTransaction<T>(client: PoolClient, work: () => Promise<T>): Promise<T> {
  await client.query('BEGIN');
  try {
    const done = await work();
    await client.query('COMMIT');
    return done;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {}); // a lost connection has rolled back already; `error` says so
    throw error;
  }
}
