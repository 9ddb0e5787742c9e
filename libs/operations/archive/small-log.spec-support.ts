/** A log in which a segment has 256 events and a partition 512, with the tree over it that the evidence log would keep. */
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createNameKey, readKeyEncryptionKey } from '#directory';
import {
  createEventStore,
  createSystemClock,
  sealSegments,
  systemRandom,
  type EventStore,
  type NewEvent,
} from '#event-store';
import { TreeFrontier } from '#tlog';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { operationEvents } from '../operation.events.js';
import type { ArchivePorts } from './archive-log.js';

export const SEGMENT = 256;
export const PARTITION = 512;

export type SmallLog = {
  readonly database: TestDatabase;
  readonly folder: string;
  readonly store: EventStore;
  readonly ports: ArchivePorts;
  /** As another process: nothing remembered. */
  another(): EventStore;
  /** So many events; every fifth is its account's, the others are exchanges of three. */
  fill(events: number): Promise<void>;
  /** Covers the whole log by a checkpoint, and seals what is whole. Gives how many segments. */
  coverAndSeal(): Promise<number>;
  close(): Promise<void>;
};

export async function openSmallLog(): Promise<SmallLog> {
  const database = await createTestDatabase();
  const folder = await mkdtemp(join(tmpdir(), 'kerbtrail-archive-'));
  const { pool, adminPool } = database;
  await adminPool.query(`
    DROP TABLE log.event_log_1;
    DELETE FROM log.event_partition;
    CREATE OR REPLACE FUNCTION log.partition_size() RETURNS bigint LANGUAGE sql IMMUTABLE RETURN ${PARTITION};
    CREATE OR REPLACE FUNCTION log.segment_size() RETURNS integer LANGUAGE sql IMMUTABLE RETURN ${SEGMENT};
    SELECT log.make_partitions_ahead()`);
  const another = (): EventStore => createEventStore({ pool, catalogues: [operationEvents], segmentsFolder: folder });
  const store = another();
  const kek = readKeyEncryptionKey(Buffer.alloc(32, 7).toString('base64'), 'test');
  const leaves: Buffer[] = [];
  const readTile = async ({ index }: { index: number }): Promise<Buffer> =>
    Buffer.concat(leaves.slice(index * 256, index * 256 + 256));
  let filled = 0;
  return {
    database,
    folder,
    store,
    another,
    ports: {
      store,
      pool,
      owner: adminPool,
      segmentsFolder: folder,
      readTile,
      checkpointSize: async () => leaves.length,
      nameKey: await createNameKey(pool, kek, systemRandom),
      clock: createSystemClock(),
    },
    async fill(events) {
      const items = Array.from({ length: events }, () => {
        const n = filled++;
        const stream = n % 5 === 0 ? `account-${n % 3}` : `exchange-${Math.floor(n / 15)}-${n % 5}`;
        const id = `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
        return { id, digest: digestOf(id), writes: [{ stream, expected: 'any' as const, events: [someEvent(n)] }] };
      });
      await store.append(items);
    },
    async coverAndSeal() {
      const { rows } = await pool.query<{ leaf: Buffer }>(
        'SELECT leaf FROM log.event_log WHERE position > $1 ORDER BY position',
        [leaves.length],
      );
      leaves.push(...rows.map(({ leaf }) => leaf));
      const tree = TreeFrontier.empty();
      for (const leaf of leaves) tree.append(leaf);
      await pool.query(`INSERT INTO evidence.checkpoint VALUES ($1, $2, 'note', now()) ON CONFLICT DO NOTHING`, [
        leaves.length,
        tree.root(),
      ]);
      return sealSegments({ pool, folder, coveredTo: leaves.length, readTile });
    },
    async close() {
      await database.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

export function someEvent(n: number): NewEvent {
  const occurredAt = '2026-11-22T10:00:00Z';
  return { type: 'Counted', schemaVersion: 1, occurredAt, data: { n, text: '\\ü€"' }, metadata: { origin: 'decided' } };
}
