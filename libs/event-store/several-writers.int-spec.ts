/**
 * Promise 3 (architecture §7): positions are dense and become visible in order, however many processes and connections
 * append, whatever their clocks say, and whichever of them are killed in the middle of it.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Pool, PoolClient } from 'pg';
import { createPool } from '#postgres';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { startProcess, type TestProcess } from '../../test/support/processes.js';
import { event, expectIntactLog, freshStream, item, until, write } from './append.spec-support.js';
import { appendGroup } from './append-group.js';
import { prepareItem } from './append-item.js';
import { systemRandom } from './clock.js';
import { encodeGroup } from './encode-group.js';
import { createIdSource } from './event-id.js';
import { LogUnavailable } from './event-store.error.js';
import type { AppendItem, EventStore } from './event-store.js';
import { createEventStore } from './postgres-event-store.js';
import { readStreamHeads } from './stream-heads.js';

const preparation = { definitions: new Map(), newId: createIdSource(systemRandom) };
let database: TestDatabase;
let store: EventStore;

beforeEach(async () => {
  database = await createTestDatabase();
  store = createEventStore({ pool: database.pool, catalogues: [] });
});
afterEach(() => database.drop());

/** Under the lock, as the queue does it when it must. */
async function sendGroup(client: PoolClient, one: AppendItem): Promise<void> {
  const prepared = prepareItem(one, preparation);
  await client.query('SELECT log.lock_head()');
  const heads = await readStreamHeads(client, [one.writes[0]!.stream]);
  const recordedAt = await client.query<{ now: string }>('SELECT clock_timestamp() AS now');
  await appendGroup(
    client,
    encodeGroup([prepared], (stream) => heads.get(stream), recordedAt.rows[0]!.now)!,
  );
}

describe('several processes', () => {
  const script = join(import.meta.dirname, 'append-process.spec-support.mjs');
  const ITEMS = 300;
  let processes: TestProcess[];

  const start = async (name: string): Promise<TestProcess> => {
    const started = await startProcess([script, database.url, name, String(ITEMS)]);
    processes.push(started);
    return started;
  };

  beforeAll(() => {
    processes = [];
  });
  afterAll(() => Promise.all(processes.map((running) => running.stop('SIGKILL'))));

  it('append at once: one dense order, one shared stream, nothing lost', async () => {
    const both = await Promise.all([start('one'), start('two')]);
    await Promise.all(both.map((running) => running.waitFor(/^done$/m)));
    expect(await expectIntactLog(database.pool)).toBe(2 * ITEMS * 3);
    expect((await store.versions(['all-shared'])).get('all-shared')).toBe(2 * ITEMS * 2);
  });

  it('go on when one is killed, and what it was told to be committed is there; started again, it adds only the rest', async () => {
    const [victim, survivor] = await Promise.all([start('victim'), start('survivor')]);
    await victim.waitFor(/^committed 40 /m);
    await victim.stop('SIGKILL');
    await survivor.waitFor(/^done$/m);
    const told = [...victim.output().matchAll(/^committed (\d+) (\d+)$/gm)];
    expect(told.length).toBeLessThan(ITEMS);
    for (const [, n, position] of told) {
      const [last] = await store.readAll({ after: Number(position) - 1, limit: 1 });
      expect(last).toMatchObject({ stream: 'all-shared', data: { by: 'victim' } });
      expect((await store.versions([`own-victim/${n}`])).get(`own-victim/${n}`)).toBe(1);
    }

    const again = await start('victim');
    await again.waitFor(/^done$/m);
    expect(again.output()).toContain('duplicate');
    expect(await expectIntactLog(database.pool)).toBe(2 * ITEMS * 3);
  });
});

describe('a reader', () => {
  const WRITERS = 8;
  const APPENDS = 60;

  it('never skips: eight writers on connections of their own, a tenth of them rolling back', async () => {
    let writing = true;
    const reading = readOn(() => writing);
    const committed = await Promise.all(Array.from({ length: WRITERS }, (_, writer) => writeSome(writer)));
    writing = false;

    const total = committed.reduce((sum, events) => sum + events, 0);
    expect(total).toBeLessThan(WRITERS * APPENDS * 2);
    expect(await expectIntactLog(database.pool)).toBe(total);
    expect(await reading).toEqual(Array.from({ length: total }, (_, n) => n + 1));
  });

  it('never skips when writers lose their connections in the middle of an append', async () => {
    let writing = true;
    const reading = readOn(() => writing);
    const killing = killBackends(() => writing);
    const stores = Array.from({ length: 4 }, () => createEventStore({ pool: database.pool, catalogues: [] }));
    const lost = await Promise.all(stores.map((each) => appendUntilDone(each)));
    writing = false;
    await killing;

    expect(lost.reduce((sum, times) => sum + times, 0)).toBeGreaterThan(0);
    expect(await expectIntactLog(database.adminPool)).toBe(4 * APPENDS * 2);
    expect(await reading).toEqual(Array.from({ length: 4 * APPENDS * 2 }, (_, n) => n + 1));
  });

  /** Positions in the order in which a reader met them, polling without a pause until it has met the end. */
  async function readOn(writing: () => boolean): Promise<number[]> {
    const reader = createEventStore({ pool: database.adminPool, catalogues: [] });
    const met: number[] = [];
    for (;;) {
      const last = !writing();
      const events = await reader.readAll({ after: met.at(-1) ?? 0, limit: 50 });
      met.push(...events.map(({ position }) => position));
      if (last && events.length === 0) return met;
    }
  }

  /** Groups in transactions of their own that stay open for a while, every tenth of them rolled back. Gives the events kept. */
  async function writeSome(writer: number): Promise<number> {
    const client = await database.pool.connect();
    let kept = 0;
    for (let n = 0; n < APPENDS; n++) {
      const events = 1 + (n % 2);
      const stream = freshStream();
      await client.query('BEGIN');
      await sendGroup(client, item([{ stream, expected: 0, events: Array(events).fill(event('A')) }]));
      if (n % 3 === 0) await delay(1);
      const rollBack = (n + writer) % 10 === 0;
      await client.query(rollBack ? 'ROLLBACK' : 'COMMIT');
      if (!rollBack) kept += events;
    }
    client.release();
    return kept;
  }

  /** Each append asked again until it is answered. Gives how often the connection was lost. */
  async function appendUntilDone(each: EventStore): Promise<number> {
    let lost = 0;
    for (let n = 0; n < APPENDS; n++) {
      const request = item([write(freshStream(), 0, 'A'), write('test-shared', 'any', 'B')]);
      for (let answered = false; !answered;) {
        answered = await each.append([request]).then(
          () => true,
          (error: unknown) => {
            if (!(error instanceof LogUnavailable)) throw error;
            lost += 1;
            return false;
          },
        );
      }
    }
    return lost;
  }

  async function killBackends(writing: () => boolean): Promise<void> {
    while (writing()) {
      await database.adminPool.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND application_name = 'test' AND query LIKE '%append_group%' LIMIT 1`,
      );
      await delay(10);
    }
  }
});

describe('clocks that disagree', () => {
  it('never make recordedAt fall: who is behind records at the instant of the last event', async () => {
    const ahead = createEventStore({
      pool: database.pool,
      catalogues: [],
      clock: { now: () => '2031-01-01T00:00:00.5Z' },
    });
    const behind = createEventStore({
      pool: database.pool,
      catalogues: [],
      clock: { now: () => '2001-01-01T00:00:00Z' },
    });
    for (const each of [behind, ahead, behind, store]) await each.append([item([write(freshStream(), 0, 'A', 'B')])]);
    expect(await expectIntactLog(database.pool)).toBe(8);
    const instants = (await store.readAll({ after: 0, limit: 10 })).map(({ recordedAt }) => recordedAt);
    const last = '2031-01-01T00:00:00.500000Z';
    expect(instants).toEqual([
      '2001-01-01T00:00:00.000000Z',
      '2001-01-01T00:00:00.000000Z',
      ...Array<string>(6).fill(last),
    ]);
  });
});

describe('two groups under way at a time', () => {
  let appendPool: Pool;
  let piped: EventStore;

  beforeEach(() => {
    appendPool = createPool(database.url, { max: 2, applicationName: 'test piped', pipelined: true });
    piped = createEventStore({ pool: database.pool, appendPool, catalogues: [] });
  });
  // Before the database is dropped, whose suite-wide hook runs after this one.
  afterEach(() => appendPool.end());

  /** Sends each append as a group of its own while another process holds the lock and then does `meanwhile`. */
  async function whileLocked(
    appends: readonly AppendItem[],
    meanwhile: (client: PoolClient) => Promise<void>,
  ): Promise<unknown[]> {
    const client = await database.pool.connect();
    await client.query('BEGIN');
    await client.query('SELECT log.lock_head()');
    const answers = [];
    for (const one of appends) {
      answers.push(piped.append([one]));
      await until(waiting);
    }
    await meanwhile(client);
    await client.query('COMMIT');
    client.release();
    return (await Promise.all(answers)).flat();
  }

  async function waiting(): Promise<boolean> {
    const { rows } = await database.adminPool.query(
      `SELECT FROM pg_stat_activity WHERE application_name = 'test piped' AND wait_event_type = 'Lock'
          AND datname = current_database()`,
    );
    return rows.length > 0;
  }

  it('are appended in the order in which they were asked for, the second on what the first leaves behind', async () => {
    const stream = freshStream();
    const results = await whileLocked(
      [item([write(stream, 0, 'A')]), item([write(stream, 1, 'B')]), item([write(stream, 'any', 'C')])],
      async () => {},
    );
    expect(results).toMatchObject([1, 2, 3].map((position) => ({ status: 'committed', position })));
    expect(await expectIntactLog(database.pool)).toBe(3);
  });

  it('never follow a leaf that did not come to be, even where another process has brought the stream to its version', async () => {
    const stream = freshStream();
    await piped.append([item([write(stream, 0, 'A')])]);
    const results = await whileLocked(
      [item([write(stream, 'any', 'B')]), item([write(stream, 'any', 'C')])],
      (client) => sendGroup(client, item([write(stream, 'any', 'Theirs')])),
    );
    expect(results).toMatchObject([{ position: 3 }, { position: 4 }]);
    expect(await expectIntactLog(database.pool)).toBe(4);
    expect((await piped.readStream(stream)).map(({ type }) => type)).toEqual(['A', 'Theirs', 'B', 'C']);
  });

  it('hold the same request once: the second is answered from the receipt of the first', async () => {
    const request = item([write(freshStream(), 0, 'A')], { reply: 'kept' });
    const results = await whileLocked([request, request], async () => {});
    expect(results).toEqual([
      { status: 'committed', position: 1, reply: 'kept' },
      { status: 'duplicate', position: 1, reply: 'kept' },
    ]);
  });

  it('tell a conflict with the first from the second, which goes on', async () => {
    const [one, two] = [freshStream(), freshStream()];
    await piped.append([item([write(one, 0, 'A')])]);
    const results = await whileLocked([item([write(one, 1, 'B')]), item([write(two, 0, 'C')])], (client) =>
      sendGroup(client, item([write(one, 'any', 'Theirs')])),
    );
    expect(results).toMatchObject([{ status: 'conflict', expected: 1, actual: 2 }, { status: 'committed' }]);
    expect(await expectIntactLog(database.pool)).toBe(3);
  });

  it('never make recordedAt fall, though the clock jumps back between them', async () => {
    let now = Date.parse('2031-01-01T00:00:00Z');
    const clock = { now: () => new Date((now -= 60_000)).toISOString() };
    const jumping = createEventStore({ pool: database.pool, appendPool, catalogues: [], clock });
    const appends = Array.from({ length: 200 }, (_, n) =>
      Promise.resolve().then(async () => {
        for (let turn = 0; turn < n % 20; turn++) await new Promise(setImmediate);
        return jumping.append([item([write(freshStream(), 0, 'A')])]);
      }),
    );
    await Promise.all(appends);
    expect(await expectIntactLog(database.pool)).toBe(200);
  });
});

describe('a stream that every process appends to', () => {
  it('starves none of them', async () => {
    const stores = Array.from({ length: 4 }, () => createEventStore({ pool: database.pool, catalogues: [] }));
    const APPENDS_EACH = 50;
    const results = await Promise.all(
      stores.map(async (each) => {
        const statuses = new Set<string>();
        for (let n = 0; n < APPENDS_EACH; n++) {
          const [result] = await each.append([item([write('test-shared', 'any', 'A')])]);
          statuses.add(result!.status);
        }
        return [...statuses];
      }),
    );
    expect(results).toEqual(stores.map(() => ['committed']));
    expect(await expectIntactLog(database.pool)).toBe(stores.length * APPENDS_EACH);
  });
});
