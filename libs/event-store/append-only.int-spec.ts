/** Promise 5 (architecture §7): nothing updates or deletes. And partitions, which are made ahead without anybody's help. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { expectIntactLog, freshStream, item, until, write } from './append.spec-support.js';
import { LogUnavailable } from './event-store.error.js';
import type { EventStore } from './event-store.js';
import { createEventStore } from './postgres-event-store.js';
import { SegmentMissing } from './segment/segment.error.js';

let database: TestDatabase;
let store: EventStore;

beforeAll(async () => {
  database = await createTestDatabase();
  store = createEventStore({ pool: database.pool, catalogues: [] });
  await store.append([item([write(freshStream(), 0, 'A', 'B', 'C')])]);
});
afterAll(() => database.drop());

const CHANGES = [
  'UPDATE log.event_log SET body = body',
  'UPDATE log.event_log_1 SET leaf = leaf WHERE position = 2',
  'DELETE FROM log.event_log',
  'DELETE FROM log.event_log_1 WHERE position = 3',
  'DELETE FROM log.event_log WHERE false',
  'TRUNCATE log.event_log',
  'TRUNCATE log.event_log_1',
  `INSERT INTO log.event_log SELECT * FROM log.event_log ON CONFLICT (position) DO UPDATE SET body = ''`,
  'MERGE INTO log.event_log e USING log.event_log f ON e.position = f.position WHEN MATCHED THEN DELETE',
  'UPDATE log.append_receipt SET reply = NULL',
  'DELETE FROM log.append_receipt',
  'TRUNCATE log.append_receipt',
  `UPDATE log.segment SET digest = ''`,
  'DELETE FROM log.segment',
  'DELETE FROM log.archived_stream',
];

describe('promise 5: nothing updates or deletes', () => {
  it.each([
    ...CHANGES,
    `INSERT INTO log.event_log SELECT position + 100, stream, version + 100, event_id, type, schema_version, recorded_at, body, leaf FROM log.event_log`,
    'UPDATE log.log_head SET size = 0',
    'DELETE FROM log.stream_head',
    'INSERT INTO log.append_receipt SELECT gen_random_uuid(), digest, first_position, events, reply FROM log.append_receipt',
    'DROP TABLE log.event_log',
    'DROP TABLE log.event_log_1',
    'ALTER TABLE log.event_log DISABLE TRIGGER ALL',
    'ALTER TABLE log.event_log DETACH PARTITION log.event_log_1',
    'CREATE TABLE log.mine ()',
    'CREATE TRIGGER mine BEFORE INSERT ON log.event_log EXECUTE FUNCTION log.refuse_change()',
    `SELECT log.make_append_only('log.log_head')`,
    'SELECT log.detach_partition(1)',
    `SELECT log.replace_segment(1, 2::smallint, 1, '')`,
    'UPDATE log.event_partition SET detached_at = now()',
    'SET LOCAL session_replication_role = replica',
  ])("not the program's role: %s", async (sql) => {
    await expect(database.pool.query(sql)).rejects.toThrow(/permission denied|must be owner/);
  });

  it.each(CHANGES)('not the owner: %s', async (sql) => {
    await expect(database.adminPool.query(sql)).rejects.toThrow('the event log is append-only');
  });

  it.each(CHANGES)('not the owner as a replica either: %s', async (sql) => {
    const asReplica = `SET LOCAL session_replication_role = replica; ${sql}`;
    await expect(database.adminPool.query(asReplica)).rejects.toThrow('the event log is append-only');
  });

  it('so what was appended is still there', async () => {
    expect(await expectIntactLog(database.pool)).toBe(3);
  });
});

describe('partitions', () => {
  const SIZE = 8;
  let small: TestDatabase;
  let smallStore: EventStore;

  beforeAll(async () => {
    small = await createTestDatabase();
    await small.adminPool.query(`
      DROP TABLE log.event_log_1;
      DELETE FROM log.event_partition;
      CREATE OR REPLACE FUNCTION log.partition_size() RETURNS bigint LANGUAGE sql IMMUTABLE RETURN ${SIZE};
      SELECT log.make_partitions_ahead()`);
    smallStore = createEventStore({ pool: small.pool, catalogues: [] });
  });
  afterAll(() => small.drop());

  async function lastPosition(): Promise<number> {
    const { rows } = await small.pool.query<{ last: number }>(
      'SELECT max(last_position) AS last FROM log.event_partition',
    );
    return rows[0]!.last;
  }

  it('are made ahead: after an append there is soon room for a whole one', async () => {
    await smallStore.append([item([write(freshStream(), 0, 'A', 'B')])]);
    await until(async () => (await lastPosition()) >= 2 + SIZE);
    expect(await lastPosition()).toBe(2 * SIZE);
  });

  it('are crossed by a stream, a group and an item, with no gap and nothing lost', async () => {
    const stream = freshStream();
    const types = Array.from({ length: 5 * SIZE }, (_, n) => `N${n}`);
    // Larger than all the room there is: the append makes what it needs itself.
    await smallStore.append([item([write(stream, 0, ...types)])]);
    await smallStore.append([1, 2, 3].map(() => item([write(stream, 'any', 'More', 'More', 'More', 'More')])));
    const last = 2 + 5 * SIZE + 12;
    expect(await expectIntactLog(small.pool)).toBe(last);
    const versions = (await smallStore.readStream(stream)).map(({ version }) => version);
    expect(versions).toEqual(Array.from({ length: 5 * SIZE + 12 }, (_, n) => n + 1));
    const positions = (await smallStore.readAll({ after: 0, limit: 1_000 })).map(({ position }) => position);
    expect(positions).toEqual(Array.from({ length: last }, (_, n) => n + 1));
  });

  it('are looked into for a stream only between its first and its last event', async () => {
    const stream = freshStream();
    await smallStore.append([item([write(stream, 0, 'A')])]);
    await smallStore.append(Array.from({ length: 3 * SIZE }, () => item([write(freshStream(), 0, 'B')])));
    const client = await small.adminPool.connect();
    await client.query('BEGIN');
    await client.query(`SELECT * FROM log.read_streams(ARRAY[$1], '{1}', '{10}')`, [stream]);
    const { rows } = await client.query(
      `SELECT DISTINCT relname FROM pg_locks JOIN pg_class c ON c.oid = relation
        WHERE pid = pg_backend_pid() AND relname ~ '^event_log' AND relkind IN ('r', 'p')`,
    );
    await client.query('ROLLBACK');
    client.release();
    expect(rows).toHaveLength(1);
  });

  it('are append-only from the start', async () => {
    const { rows } = await small.pool.query<{ name: string }>(
      `SELECT 'log.event_log_' || first_position AS name FROM log.event_partition ORDER BY first_position`,
    );
    expect(rows.length).toBeGreaterThan(6);
    for (const { name } of rows) {
      await expect(small.adminPool.query(`TRUNCATE ${name}`)).rejects.toThrow('the event log is append-only');
    }
  });

  it('can be detached by the owner, once full, without losing versions or receipts', async () => {
    const stream = freshStream();
    const first = item([write(stream, 0, ...Array<string>(2 * SIZE).fill('Old'))]);
    await smallStore.append([first]);
    await small.adminPool.query(`DO $$
      DECLARE first bigint;
      BEGIN
        FOR first IN SELECT first_position FROM log.event_partition, log.log_head WHERE last_position <= size LOOP
          EXECUTE format('ALTER TABLE log.event_log DETACH PARTITION log.event_log_%s', first);
          EXECUTE format('DROP TABLE log.event_log_%s', first);
        END LOOP;
      END $$`);
    // Nobody has sealed them, so what is left of a stream is not taken for the whole.
    await expect(smallStore.readStream(stream)).rejects.toThrow(SegmentMissing);

    const other = createEventStore({ pool: small.pool, catalogues: [] });
    expect(await other.append([first])).toMatchObject([{ status: 'duplicate' }]);
    expect(await other.append([item([write(stream, 2 * SIZE, 'New')])])).toMatchObject([{ status: 'committed' }]);
    const [added] = await other.readStream(stream, { fromVersion: 2 * SIZE + 1 });
    expect(added).toMatchObject({ version: 2 * SIZE + 1, type: 'New' });
  });

  it('that are missing make the log unavailable; they are not the fault of an event', async () => {
    await small.adminPool.query(`DO $$
      DECLARE name regclass;
      BEGIN
        FOR name IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'log.event_log'::regclass LOOP
          EXECUTE format('ALTER TABLE log.event_log DETACH PARTITION %s', name);
        END LOOP;
      END $$`);
    await expect(smallStore.append([item([write(freshStream(), 0, 'A')])])).rejects.toThrow(LogUnavailable);
  });
});
