/** Folds events into a projection's tables as its projector does: page by page, each page in a transaction of its own. */
import type { RecordedEvent } from '#event-store';
import type { Pool } from 'pg';
import { isHandled, type Projection } from './projection.js';

export async function applyProjection(
  pool: Pool,
  projection: Projection,
  events: readonly RecordedEvent[],
  pageSize = 1_000,
): Promise<void> {
  const handled = events.filter(({ type }) => isHandled(projection, type));
  const client = await pool.connect();
  try {
    for (let from = 0; from < handled.length; from += pageSize) {
      await client.query('BEGIN');
      await client.query('SET LOCAL search_path = read');
      await projection.apply(client, handled.slice(from, from + pageSize));
      await client.query('COMMIT');
    }
  } finally {
    client.release();
  }
}
