/** Look-ups of a projection are by key, also while its tables are young and without statistics: no plan may read one whole. */
import type { PoolClient } from 'pg';

/** Until the end of the transaction. */
export async function useIndexes(tx: PoolClient): Promise<void> {
  await tx.query('SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off');
}
