/**
 * Builds a projection anew while the old tables serve: the whole log into tables of the same make in schema `read_next`, in bulk
 * where the projection knows how; then, page by page, what was appended meanwhile; then, in one transaction, the last events,
 * the swap and the checkpoint. Whoever projects meanwhile is fenced off by the epoch and goes on from the new checkpoint.
 */
import type { EventStore, LogRecord, RecordedEvent } from '#event-store';
import { createHash } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import { PoisonedEvents } from './poisoned-events.js';
import { lockTables, projectPage } from './project-page.js';
import type { Projection } from './projection.js';
import { createBareTables, finishTable, inSession, swapTables } from './shadow-tables.js';
import { ShadowTarget } from './shadow-target.js';
import { digestTable } from './table-digest.js';

export type RebuildOptions = {
  readonly store: EventStore;
  readonly pool: Pool;
  readonly projection: Projection;
  /** After every page. `head`: the end of the log when the rebuild began. */
  readonly onProgress?: (progress: { readonly position: number; readonly head: number }) => void;
  /** Publish only if every event up to here is what was signed; what came after it is caught up as always. */
  readonly verify?: { readonly upTo: number; readonly verifier: ReplayVerifier };
};

/** Sees the exact records that the tables are built from (libs/evidence). Both throw where they are not what was signed. */
export type ReplayVerifier = {
  onRecords(records: readonly LogRecord[]): void;
  finish(): Promise<{ readonly size: number; readonly root: Buffer }>;
};

/**
 * `digest`: hex SHA-256 over the digests of the tables, in the state in which they held the log up to `position` exactly.
 * `verified`: size and root (base64) of the signed tree that all events up to `position` were found in.
 */
export type Rebuilt = {
  readonly position: number;
  readonly digest: string;
  readonly verified?: { readonly size: number; readonly root: string };
};

export class RebuildRunning extends Error {
  readonly code = 'PROJ_REBUILD_RUNNING';
  constructor(projection: string) {
    super(`projection ${projection} is being rebuilt already: wait until that rebuild has finished`);
  }
}

const PAGE_SIZE = 1_000;

type Rebuild = RebuildOptions & { readonly poisoned: PoisonedEvents };

/**
 * Throws RebuildRunning, and what the verifier throws, which names the first event that is not what was signed. After a failure
 * the tables in use are untouched, and the next rebuild begins from nothing.
 */
export async function rebuild(request: RebuildOptions): Promise<Rebuilt> {
  const { store, pool, projection, verify } = request;
  return inSession(pool, async (client) => {
    if (!(await tryLock(client, projection))) throw new RebuildRunning(projection.name);
    const options = { ...request, poisoned: new PoisonedEvents(store, pool, projection) };
    await options.poisoned.load();
    await createBareTables(client, projection.tables);
    const position = verify?.upTo ?? (await store.head());
    await fill(client, options, position).catch(async (error: unknown) => {
      await verify?.verifier.finish(); // a log that cannot be read on may be one that somebody took events out of
      throw error;
    });
    const verified = await verify?.verifier.finish();
    const digest = await digestTables(client, projection);
    const caughtUp = await catchUp(client, options, position);
    await inTransaction(client, () => swap(client, options, caughtUp));
    return { position, digest, ...(verified && { verified: { ...verified, root: verified.root.toString('base64') } }) };
  });
}

async function fill(client: PoolClient, options: Rebuild, head: number): Promise<void> {
  const { pool, projection } = options;
  if (projection.build) {
    const target = new ShadowTarget(client, pool, projection.tables);
    await projection.build(handledEvents(options, head), target);
    return target.finishAll();
  }
  for (const table of projection.tables) await finishTable(pool, table);
  for await (const events of handledEvents(options, head)) {
    await inTransaction(client, () => projectPage(client, projection, events, 'read_next'));
  }
}

async function* handledEvents(options: Rebuild, head: number): AsyncGenerator<readonly RecordedEvent[]> {
  const { store, projection, onProgress, verify } = options;
  const { types } = projection;
  for await (const events of store.replay({
    after: 0,
    upTo: head,
    ...(types && { types }),
    ...(verify && { onRecords: (records) => verify.verifier.onRecords(records) }),
  })) {
    yield options.poisoned.leaveOut(events);
    const last = events.at(-1);
    if (last) onProgress?.({ position: last.position, head });
  }
  onProgress?.({ position: head, head });
}

async function digestTables(client: PoolClient, { tables }: Projection): Promise<string> {
  const hash = createHash('sha256');
  for (const table of tables) hash.update(await digestTable(client, table, 'read_next'));
  return hash.digest('hex');
}

/** To where the log ends now; the projectors are not held up meanwhile. */
async function catchUp(client: PoolClient, options: Rebuild, from: number): Promise<number> {
  const head = await options.store.head();
  let position = from;
  while (position < head) position = await inTransaction(client, () => projectNext(client, options, position));
  return position;
}

/** Position of the last event projected. */
async function projectNext(client: PoolClient, options: Rebuild, after: number): Promise<number> {
  const events = await options.store.readAll({ after, limit: PAGE_SIZE });
  await projectPage(client, options.projection, options.poisoned.leaveOut(events), 'read_next');
  return events.at(-1)?.position ?? after;
}

/** The rest of the log, the swap and the checkpoint. */
async function swap(client: PoolClient, options: Rebuild, from: number): Promise<void> {
  const { projection } = options;
  await lockTables(client, projection);
  let position = from;
  for (let last = -1; last < position;) {
    last = position;
    position = await projectNext(client, options, position);
  }
  await client.query('SET LOCAL synchronous_commit TO on'); // pages do not wait for the disk; this does
  await swapTables(client, projection.tables);
  await options.poisoned.settleThrough(client, position);
  await client.query(
    `INSERT INTO read.checkpoint AS c (projection, version, position, epoch, updated_at) VALUES ($1, $2, $3, 1, now())
     ON CONFLICT (projection, version) DO UPDATE SET position = $3, epoch = c.epoch + 1, updated_at = now()`,
    [projection.name, projection.version, position],
  );
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
