/**
 * Every durable step of an append and of a subscription, failing before it was done, and failing after it was done but
 * before anybody heard so. Whichever it is: asking again gives one effect, and the log stays whole.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Pool } from 'pg';
import { createPool } from '#postgres';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { expectIntactLog, freshStream, item, write } from './append.spec-support.js';
import { waitForCheckpoint } from './checkpoint.js';
import { type Cut, CuttingProxy } from './cutting-proxy.spec-support.js';
import { LogUnavailable } from './event-store.error.js';
import type { AppendItem, EventStore } from './event-store.js';
import { createEventStore } from './postgres-event-store.js';
import { subscribe } from './subscription.js';

let database: TestDatabase;
let proxy: CuttingProxy;
let pool: Pool;
let appendPool: Pool;
/** Reaches PostgreSQL through the proxy. */
let store: EventStore;
/** Another process, undisturbed. */
let other: EventStore;

beforeAll(async () => {
  database = await createTestDatabase();
  proxy = await CuttingProxy.start(database.url);
  pool = createPool(proxy.url, { max: 4, applicationName: 'test cut' });
  appendPool = createPool(proxy.url, { max: 2, applicationName: 'test cut append', pipelined: true });
  other = createEventStore({ pool: database.pool, catalogues: [] });
});
beforeEach(() => {
  store = createEventStore({ pool, appendPool, catalogues: [] });
});
afterEach(() => expectIntactLog(database.pool));
afterAll(async () => {
  await Promise.all([pool.end(), appendPool.end()]);
  await proxy.stop();
  await database.drop();
});

type Row = [step: string, message: string, nth: number, when: Cut['when'], asksAgain: 'committed' | 'duplicate'];

describe('an append whose connection is cut at', () => {
  it.each<Row>([
    ['the look-up of heads', 'log.stream_heads', 1, 'before', 'committed'],
    ['the look-up of heads', 'log.stream_heads', 1, 'after', 'committed'],
    ['the group', 'log.append_group', 1, 'before', 'committed'],
    ['the group', 'log.append_group', 1, 'after', 'duplicate'],
  ])('%s (%s, %d, %s) fails, and asking again gives: %s', async (_, message, nth, when, asksAgain) => {
    const request = item([write(freshStream(), 'any', 'A', 'B')], { reply: 'kept' });
    proxy.arm({ message, nth, when });
    expect(await failOnce(request)).toBe(asksAgain);
  });

  it.each<Row>([
    ['the begin of the locked session', 'idle_in_transaction', 1, 'before', 'committed'],
    ['the begin of the locked session', 'idle_in_transaction', 1, 'after', 'committed'],
    ['the head lock', 'log.lock_head', 1, 'before', 'committed'],
    ['the head lock', 'log.lock_head', 1, 'after', 'committed'],
    ['the look-up of receipts under the lock', 'log.receipts', 1, 'before', 'committed'],
    ['the look-up of receipts under the lock', 'log.receipts', 1, 'after', 'committed'],
    ['the look-up of heads under the lock', 'log.stream_heads', 1, 'before', 'committed'],
    ['the look-up of heads under the lock', 'log.stream_heads', 1, 'after', 'committed'],
    ['the group under the lock', 'log.append_group', 2, 'before', 'committed'],
    ['the group under the lock', 'log.append_group', 2, 'after', 'committed'],
    ['the commit', 'COMMIT', 1, 'before', 'committed'],
    ['the commit', 'COMMIT', 1, 'after', 'duplicate'],
  ])('%s (%s, %d, %s) fails, and asking again gives: %s', async (_, message, nth, when, asksAgain) => {
    // What this process remembers of the stream is out of date, so it appends under the lock.
    const stream = freshStream();
    await store.append([item([write(stream, 'any', 'Ours')])]);
    await other.append([item([write(stream, 'any', 'Theirs')])]);
    proxy.arm({ message, nth, when });
    expect(await failOnce(item([write(stream, 'any', 'A', 'B')], { reply: 'kept' }))).toBe(asksAgain);
  });

  /** Appends, which fails; asks again in another process, which gives the one result; gives its status. */
  async function failOnce(request: AppendItem): Promise<string> {
    const head = await other.head();
    await expect(store.append([request])).rejects.toThrow(LogUnavailable);
    expect(proxy.spent).toBe(true);
    const [again] = await other.append([request]);
    expect(again).toMatchObject({ position: head + 2, reply: 'kept' });
    // The process that lost its connection goes on as well.
    expect(await store.append([request])).toEqual([{ ...again, status: 'duplicate' }]);
    const { stream } = request.writes[0]!;
    expect(await store.append([item([write(stream, 'any', 'Next')])])).toMatchObject([{ position: head + 3 }]);
    return again!.status;
  }

  it.each<Cut['when']>(['before', 'after'])(
    'a group (%s) with another under way behind it fails both; what waits goes on a new connection; each is there once',
    async (when) => {
      proxy.arm({ message: 'log.append_group', nth: 1, when });
      const requests = ['A', 'B', 'C'].map((type) => item([write(freshStream(), 0, type)]));
      const answers: Promise<unknown>[] = [];
      for (const request of requests) {
        answers.push(store.append([request]));
        await new Promise(setImmediate);
      }
      const [first, second, third] = await Promise.allSettled(answers);
      for (const lost of [first, second]) {
        expect(lost).toMatchObject({ status: 'rejected', reason: expect.any(LogUnavailable) });
      }
      expect(third).toMatchObject({ status: 'fulfilled', value: [{ status: 'committed' }] });
      expect(proxy.spent).toBe(true);

      const again = await store.append(requests);
      expect(again[0]!.status).toBe(when === 'before' ? 'committed' : 'duplicate');
      expect(again[2]!.status).toBe('duplicate');
      const versions = await other.versions(requests.map(({ writes }) => writes[0]!.stream));
      expect([...versions.values()]).toEqual([1, 1, 1]);
    },
  );
});

describe('an append whose PostgreSQL backend dies at', () => {
  const PARTITION_EVENTS = 8;
  let small: TestDatabase;

  beforeAll(async () => {
    small = await createTestDatabase();
    await small.adminPool.query(`
      DROP TABLE log.event_log_1;
      DELETE FROM log.event_partition;
      CREATE OR REPLACE FUNCTION log.partition_size() RETURNS bigint LANGUAGE sql IMMUTABLE RETURN ${PARTITION_EVENTS};
      SELECT log.make_partitions_ahead();
      CREATE FUNCTION public.die() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(10); RETURN NEW; END'`);
  });
  afterAll(() => small.drop());

  it.each([
    ['the receipt', 'BEFORE INSERT ON log.append_receipt'],
    ['the receipt, written', 'AFTER INSERT ON log.append_receipt'],
    ['the head of a new stream', 'BEFORE INSERT ON log.stream_head'],
    ['the head of a stream', 'BEFORE UPDATE ON log.stream_head'],
    ["the log's size", 'BEFORE UPDATE ON log.log_head'],
    ["the log's size, written", 'AFTER UPDATE ON log.log_head'],
    ['the making of a partition', 'BEFORE INSERT ON log.event_partition'],
    ['the events', 'BEFORE INSERT ON log.event_log'],
    ['the events, written', 'AFTER INSERT ON log.event_log'],
    ['the commit', 'AFTER INSERT ON log.append_receipt DEFERRABLE INITIALLY DEFERRED'],
  ])('%s leaves nothing behind; asking again is the first time', async (_, step) => {
    const killed = createEventStore({ pool: small.pool, catalogues: [] });
    const stream = freshStream();
    await killed.append([item([write(stream, 0, 'First')])]);
    const head = await killed.head();
    // More events than are left in the partitions that exist, so that one is made under way.
    const types = Array<string>(3 * PARTITION_EVENTS).fill('A');
    const request = item([write(stream, 1, ...types), write(freshStream(), 0, 'B')], { reply: 'kept' });

    const constraint = step.includes('DEFERRABLE') ? 'CONSTRAINT' : '';
    await small.adminPool.query(`CREATE ${constraint} TRIGGER die ${step} FOR EACH ROW EXECUTE FUNCTION public.die()`);
    await expect(killed.append([request])).rejects.toThrow(LogUnavailable);
    await small.adminPool.query(`DROP TRIGGER die ON ${/log\.\w+/.exec(step)![0]}`);

    expect(await expectIntactLog(small.adminPool)).toBe(head);
    expect(await killed.append([request])).toMatchObject([
      { status: 'committed', position: head + types.length + 1, reply: 'kept' },
    ]);
    expect(await expectIntactLog(small.adminPool)).toBe(head + types.length + 1);
  });
});

describe('a subscription whose connection is cut at', () => {
  const KEY = { name: 'counted', version: 1 };

  beforeEach(async () => {
    await database.pool.query(`
      DROP TABLE IF EXISTS read.counted;
      CREATE TABLE read.counted (position bigint);
      DELETE FROM read.checkpoint`);
  });

  it.each<[step: string, message: string, when: Cut['when']]>([
    ['the lock', 'pg_try_advisory_lock', 'before'],
    ['the lock', 'pg_try_advisory_lock', 'after'],
    ['taking the checkpoint over', 'INSERT INTO read.checkpoint', 'before'],
    ['taking the checkpoint over', 'INSERT INTO read.checkpoint', 'after'],
    ['the begin', 'BEGIN', 'before'],
    ['the begin', 'BEGIN', 'after'],
    ["the reader's own writing", 'INSERT INTO read.counted', 'before'],
    ["the reader's own writing", 'INSERT INTO read.counted', 'after'],
    ['the checkpoint', 'log.checkpoint', 'before'],
    ['the checkpoint', 'log.checkpoint', 'after'],
    ['the commit', 'COMMIT', 'before'],
    ['the commit', 'COMMIT', 'after'],
  ])('%s (%s, %s) handles every event once', async (_, message, when) => {
    await other.append([item([write(freshStream(), 0, 'A', 'B', 'C')])]);
    const head = await other.head();
    proxy.arm({ message, nth: 1, when });
    const subscription = subscribe({
      store: other,
      pool,
      ...KEY,
      pageSize: 2,
      handle: async (tx, events) => {
        const positions = events.map(({ position }) => position);
        await tx.query('INSERT INTO read.counted SELECT unnest($1::bigint[])', [positions]);
      },
    });
    try {
      expect(await waitForCheckpoint(database.pool, KEY, head, 10_000)).toBe(head);
      expect(proxy.spent).toBe(true);
      const { rows } = await database.pool.query(
        'SELECT count(*) AS handled, count(DISTINCT position) AS events FROM read.counted',
      );
      expect(rows).toEqual([{ handled: head, events: head }]);
    } finally {
      await subscription.stop();
    }
  });
});
