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
/** Reaches PostgreSQL through the proxy. */
let store: EventStore;
/** Another process, undisturbed. */
let other: EventStore;

beforeAll(async () => {
  database = await createTestDatabase();
  proxy = await CuttingProxy.start(database.url);
  pool = createPool(proxy.url, { max: 4, applicationName: 'test cut' });
  other = createEventStore({ pool: database.pool, catalogues: [] });
});
beforeEach(() => {
  store = createEventStore({ pool, catalogues: [] });
});
afterEach(() => expectIntactLog(database.pool));
afterAll(async () => {
  await pool.end();
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

  it('the very group, takes nothing else with it: what was queued behind goes on a new connection', async () => {
    proxy.arm({ message: 'log.append_group', nth: 1, when: 'before' });
    const first = store.append([item([write(freshStream(), 0, 'A')])]);
    await new Promise(setImmediate);
    const second = store.append([item([write(freshStream(), 0, 'B')])]);
    const [lost, kept] = await Promise.allSettled([first, second]);
    expect(lost).toMatchObject({ status: 'rejected', reason: expect.any(LogUnavailable) });
    expect(kept).toMatchObject({ status: 'fulfilled', value: [{ status: 'committed' }] });
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
