/** Receipts: what an append item was answered, for ever (table log.append_receipt). */
import type { Pool, PoolClient } from 'pg';
import type { Json } from './event.js';

export type Receipt = {
  readonly digest: Uint8Array;
  /** Of the item's last event; of the log's head then, when it wrote none. */
  readonly position: number;
  readonly reply: Json;
};

/** Those of `ids` (lower case) that there are. Throws what the driver throws. */
export async function readReceipts(
  connection: Pool | PoolClient,
  ids: readonly string[],
): Promise<Map<string, Receipt>> {
  const { rows } = await connection.query<{ id: string; digest: Buffer; position: number; reply: string | null }>({
    name: 'log.receipts',
    text: 'SELECT id, digest, position, reply FROM log.receipts($1)',
    values: [ids],
  });
  return new Map(
    rows.map(({ id, digest, position, reply }) => [id, { digest, position, reply: JSON.parse(reply ?? 'null') }]),
  );
}
