/**
 * One page of the log into a projection's tables, in the caller's transaction. A lock is held until that ends, so that a
 * rebuild never swaps the tables under a page.
 */
import type { PoolClient } from 'pg';
import type { RecordedEvent } from '#event-store';
import { isHandled, type Projection } from './projection.js';

/** The tables in use, or those of a rebuild. */
export type ReadSchema = 'read' | 'read_next';

export async function projectPage(
  tx: PoolClient,
  projection: Projection,
  events: readonly RecordedEvent[],
  schema: ReadSchema,
): Promise<void> {
  if (schema === 'read') await lockTables(tx, projection);
  const handled = events.filter(({ type }) => isHandled(projection, type));
  if (handled.length === 0) return;
  await tx.query(`SET LOCAL search_path TO ${schema}`);
  await projection.apply(tx, handled);
}

/** Until the transaction ends, nobody else projects into the tables in use. */
export async function lockTables(tx: PoolClient, { name }: Projection): Promise<void> {
  await tx.query(`SELECT pg_advisory_xact_lock(hashtextextended('projection ' || $1, 0))`, [name]);
}
