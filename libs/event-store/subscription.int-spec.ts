/** Promise 6 (architecture §7): at least once, in order; with the checkpoint in the reader's transaction, exactly once. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { PoolClient } from 'pg';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { item, write } from './append.spec-support.js';
import { readCheckpoint, takeOver, waitForCheckpoint } from './checkpoint.js';
import type { RecordedEvent } from './event.js';
import { SubscriptionFenced } from './event-store.error.js';
import type { EventStore } from './event-store.js';
import { createEventStore } from './postgres-event-store.js';
import { type Subscription, type SubscriptionOptions, type SubscriptionState, subscribe } from './subscription.js';

const WAIT_MS = 10_000;
const KEY = { name: 'seen', version: 1 };

let database: TestDatabase;
let store: EventStore;
let running: Subscription[];

beforeAll(async () => {
  database = await createTestDatabase();
  store = createEventStore({ pool: database.pool, catalogues: [] });
});
afterAll(() => database.drop());

beforeEach(async () => {
  running = [];
  await database.pool.query('DROP TABLE IF EXISTS read.seen');
  await database.pool.query('CREATE TABLE read.seen (nth serial, position bigint, reader text)');
  await database.pool.query('DELETE FROM read.checkpoint');
});
afterEach(() => Promise.all(running.map((subscription) => subscription.stop())));

function start(options: Partial<SubscriptionOptions> = {}): Subscription {
  const subscription = subscribe({ store, pool: database.pool, ...KEY, handle: see('a'), ...options });
  running.push(subscription);
  return subscription;
}

function see(reader: string): SubscriptionOptions['handle'] {
  return async (tx, events) => {
    for (const { position } of events) {
      await tx.query('INSERT INTO read.seen (position, reader) VALUES ($1, $2)', [position, reader]);
    }
  };
}

async function seen(): Promise<number[]> {
  const { rows } = await database.pool.query<{ position: number }>('SELECT position FROM read.seen ORDER BY nth');
  return rows.map(({ position }) => position);
}

function upTo(position: number): number[] {
  return Array.from({ length: position }, (_, n) => n + 1);
}

/** Appends so many events and gives the head. */
async function append(count: number, type = 'Counted'): Promise<number> {
  const items = Array.from({ length: count }, () => item([write('test-subscription', 'any', type)]));
  await store.append(items);
  return store.head();
}

async function becomes(subscription: Subscription, mode: SubscriptionState['mode']): Promise<SubscriptionState> {
  const deadline = Date.now() + WAIT_MS;
  while (subscription.state().mode !== mode) {
    if (Date.now() > deadline)
      throw new Error(`still ${subscription.state().mode}, not ${mode}: ${subscription.state().error}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return subscription.state();
}

describe('a subscription', () => {
  it('handles every event once and in order, from the first to those appended while it is live', async () => {
    const before = await append(7);
    const subscription = start({ pageSize: 3 });
    expect(await subscription.waitFor(before, WAIT_MS)).toBe(before);
    await becomes(subscription, 'live');

    const after = await append(5);
    expect(await subscription.waitFor(after, WAIT_MS)).toBe(after);
    expect(await seen()).toEqual(upTo(after));
    expect(await readCheckpoint(database.pool, KEY)).toBe(after);
  });

  it('goes on from its checkpoint after a restart', async () => {
    const first = await append(2);
    const one = start();
    await one.waitFor(first, WAIT_MS);
    await one.stop();
    expect(one.state().mode).toBe('stopped');

    const second = await append(2);
    await start().waitFor(second, WAIT_MS);
    expect(await seen()).toEqual(upTo(second));
  });

  it('answers a wait that is not met in time with the position reached', async () => {
    const head = await append(1);
    const subscription = start();
    await subscription.waitFor(head, WAIT_MS);
    expect(await subscription.waitFor(head + 1, 50)).toBe(head);
    expect(await waitForCheckpoint(database.pool, KEY, head + 1, 50)).toBe(head);
  });
});

describe('a subscription that reads its own way', () => {
  it('is handed what it read of every event, with the same guarantees', async () => {
    const head = await append(5);
    const leaves: string[] = [];
    const subscription = subscribe({
      store,
      pool: database.pool,
      ...KEY,
      read: async (after, limit) => {
        const { rows } = await database.pool.query<{ position: number; leaf: string }>(
          `SELECT position, encode(leaf, 'hex') AS leaf FROM log.event_log WHERE position > $1 ORDER BY position LIMIT $2`,
          [after, limit],
        );
        return rows;
      },
      handle: async (_tx, read) => void leaves.push(...read.map(({ leaf }) => leaf)),
    });
    expect(await subscription.waitFor(head, WAIT_MS)).toBe(head);
    await subscription.stop();
    const { rows } = await database.pool.query(
      `SELECT encode(leaf, 'hex') AS leaf FROM log.event_log ORDER BY position`,
    );
    expect(leaves).toEqual(rows.map(({ leaf }) => leaf));
  });

  it('rests between pages when it is told to, so that they become fewer, and still stops at once', async () => {
    const before = await append(1);
    const pages: number[] = [];
    const subscription = start({
      pauseMs: 60_000,
      handle: async (_tx, events) => void pages.push(events.length),
    });
    await subscription.waitFor(before, WAIT_MS);
    await becomes(subscription, 'live');
    const head = await append(3);
    expect(await subscription.waitFor(head, 300)).toBe(before);
    await subscription.stop();
    expect(pages).toHaveLength(1);

    const next = start({ pauseMs: 20, handle: async (_tx, events) => void pages.push(events.length) });
    expect(await next.waitFor(head, WAIT_MS)).toBe(head);
    expect(pages.slice(1)).toEqual([3]);
  });
});

describe('two subscriptions of one name', () => {
  it('share the work without doing any of it twice: one is active, the other waits and takes over', async () => {
    const one = start({ handle: see('one') });
    await becomes(one, 'live');
    const two = start({ handle: see('two') });
    const head = await append(3);
    // The one that waits knows the position too, for its process' readers.
    expect(await two.waitFor(head, WAIT_MS)).toBe(head);
    expect(two.state().mode).toBe('waiting');

    await one.stop();
    await becomes(two, 'live');
    const end = await append(3);
    await two.waitFor(end, WAIT_MS);
    expect(await seen()).toEqual(upTo(end));
    const { rows } = await database.pool.query('SELECT DISTINCT reader FROM read.seen WHERE position > $1', [head]);
    expect(rows).toEqual([{ reader: 'two' }]);
  });

  it('take over from a process whose connection is lost, and what it was doing leaves no trace', async () => {
    const states: SubscriptionState[] = [];
    const before = await store.head();
    const one = start({
      onChange: (state) => states.push(state),
      handle: async (tx, events) => {
        await see('one')(tx, events);
        if (events.at(-1)!.position <= before) return;
        const { rows } = await tx.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
        await database.adminPool.query('SELECT pg_terminate_backend($1)', [rows[0]!.pid]);
      },
    });
    await becomes(one, 'live');
    const two = start({ handle: see('two') });
    const head = await append(4);
    expect(await waitForCheckpoint(database.pool, KEY, head, WAIT_MS)).toBe(head);
    expect(await seen()).toEqual(upTo(head));
    expect(states.some(({ mode, error }) => mode === 'waiting' && error !== undefined)).toBe(true);
    await becomes(two, 'live');
  });

  it('fence the slower one: with the checkpoint taken over, its transaction is rolled back whole', async () => {
    const head = await append(2);
    const states: SubscriptionState[] = [];
    let takenOver = false;
    const subscription = start({
      onChange: (state) => states.push(state),
      handle: async (tx, events) => {
        if (!takenOver) await countEpochUp();
        takenOver = true;
        await see('a')(tx, events);
      },
    });
    expect(await waitForCheckpoint(database.pool, KEY, head, WAIT_MS)).toBe(head);
    await becomes(subscription, 'live');
    expect(states.find(({ error }) => error !== undefined)?.error).toBeInstanceOf(SubscriptionFenced);
    // It waited for its next turn and then went on from the checkpoint as it had become.
    expect(await seen()).toEqual(upTo(head));
  });

  async function countEpochUp(): Promise<void> {
    const other = await database.pool.connect();
    await takeOver(other, KEY);
    other.release();
  }
});

describe('an event that cannot be handled', () => {
  it('stops the subscription with the checkpoint just before it, and is named', async () => {
    const good = await append(4);
    await append(1, 'Poison');
    await append(2);
    const subscription = start({ handle: refusePoison });
    const { error, failedAt } = await becomes(subscription, 'failed');
    expect(failedAt).toBe(good + 1);
    expect(error).toEqual(new Error(`cannot handle ${good + 1}`));
    expect(await readCheckpoint(database.pool, KEY)).toBe(good);
    expect(await seen()).toEqual(upTo(good));
    expect(await subscription.waitFor(good + 1, WAIT_MS)).toBe(good);

    // Nothing is lost: a program that can handle it goes on from there.
    const head = await store.head();
    await start().waitFor(head, WAIT_MS);
    expect(await seen()).toEqual(upTo(head));
  });

  async function refusePoison(tx: PoolClient, events: readonly RecordedEvent[]): Promise<void> {
    await see('a')(tx, events);
    const poison = events.find(({ type }) => type === 'Poison');
    if (poison) throw new Error(`cannot handle ${poison.position}`);
  }

  it('is not one whose failure may pass, such as a deadlock', async () => {
    const head = await append(1);
    let failures = 2;
    const subscription = start({
      handle: async (tx, events) => {
        await see('a')(tx, events);
        if (failures-- > 0) await tx.query(`DO $$ BEGIN RAISE 'deadlock' USING ERRCODE = 'deadlock_detected'; END $$`);
      },
    });
    expect(await waitForCheckpoint(database.pool, KEY, head, WAIT_MS)).toBe(head);
    expect(await seen()).toEqual(upTo(head));
    expect(subscription.state().mode).not.toBe('failed');
  });
});
