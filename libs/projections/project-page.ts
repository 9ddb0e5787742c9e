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

export async function projectPage(
  tx: PoolClient,
  projection: Projection,
  events: readonly RecordedEvent[],
  schema: ReadSchema,
): Promise<void> {
  const handled = events.filter(({ type }) => isHandled(projection, type));
  const settings = Object.entries({ ...SETTINGS, search_path: schema });
  const steps = settings.map(([name, value]) => `set_config('${name}', '${value}', true)`);
  if (schema === 'read') steps.push(lockOf(projection));
  await tx.query(`SELECT ${steps.join(', ')}`);
  if (handled.length > 0) await projection.apply(tx, handled);
}

/** Until the transaction ends, nobody else projects into the tables in use. */
export async function lockTables(tx: PoolClient, projection: Projection): Promise<void> {
  await tx.query(`SELECT ${lockOf(projection)}`);
}

function lockOf({ name }: Projection): string {
  return `pg_advisory_xact_lock(hashtextextended('projection ${name}', 0))`;
}
