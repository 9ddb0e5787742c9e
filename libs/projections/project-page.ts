/**
 * One page of the log into a projection's tables, in the caller's transaction. A lock is held until that ends, so that a
 * rebuild never swaps the tables under a page.
 */
import type { PoolClient } from 'pg';
import type { RecordedEvent } from '#event-store';
import { isHandled, type Projection } from './projection.js';

/** The tables in use, or those of a rebuild. */
export type ReadSchema = 'read' | 'read_next';

/**
 * Until the transaction ends. Its commit is not waited for to reach the disk: what a crash takes is rows and checkpoint together,
 * and they are folded from the log again. Look-ups are by key, also while tables are young and without statistics: no plan may
 * read one whole.
 */
const SETTINGS = {
  synchronous_commit: 'off',
  enable_seqscan: 'off',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
};

/**
 * Who else may project meanwhile. `alone`: nobody. `together`: members that read other partitions, but for what the projection wants
 * one at a time (`Projection.serial`); nobody rebuilds or swaps.
 */
export type PageLock = 'alone' | 'together';

export async function projectPage(
  tx: PoolClient,
  projection: Projection,
  events: readonly RecordedEvent[],
  schema: ReadSchema,
): Promise<void> {
  await openPage(tx, projection, schema, 'alone');
  await applyPage(tx, projection, events);
}

/** Before anything of a page is read or written. */
export async function openPage(
  tx: PoolClient,
  projection: Projection,
  schema: ReadSchema,
  lock: PageLock,
): Promise<void> {
  const settings = Object.entries({ ...SETTINGS, search_path: schema });
  const steps = settings.map(([name, value]) => `set_config('${name}', '${value}', true)`);
  if (schema === 'read') steps.push(lockOf(projection, lock));
  await tx.query(`SELECT ${steps.join(', ')}`);
}

/** On an opened page. */
export async function applyPage(
  tx: PoolClient,
  projection: Projection,
  events: readonly RecordedEvent[],
): Promise<void> {
  const handled = events.filter(({ type }) => isHandled(projection, type));
  if (handled.length > 0) await projection.apply(tx, handled);
}

/** Waits for members that apply events of the same kind (`Projection.serial`); in one order, so that none waits in a circle. */
export async function lockSerial(
  tx: PoolClient,
  { name, serial }: Projection,
  events: readonly RecordedEvent[],
): Promise<void> {
  if (!serial) return;
  const keys = [...new Set(events.map(serial))].map((key) => `projection ${name} ${key}`).toSorted();
  if (keys.length === 0) return;
  await tx.query({
    name: 'read.lock_serial',
    text: 'SELECT pg_advisory_xact_lock(hashtextextended(key, 0)) FROM unnest($1::text[]) AS key',
    values: [keys],
  });
}

/** Until the transaction ends, nobody else projects into the tables in use. */
export async function lockTables(tx: PoolClient, projection: Projection): Promise<void> {
  await tx.query(`SELECT ${lockOf(projection, 'alone')}`);
}

function lockOf({ name }: Projection, lock: PageLock): string {
  const take = lock === 'alone' ? 'pg_advisory_xact_lock' : 'pg_advisory_xact_lock_shared';
  return `${take}(hashtextextended('projection ${name}', 0))`;
}
