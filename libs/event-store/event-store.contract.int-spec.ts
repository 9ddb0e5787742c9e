/**
 * What the event log promises (architecture §7), stated as facts on a real PostgreSQL. Promise 3 is tested with several
 * writers (several-writers.int-spec.ts), 5 in append-only.int-spec.ts, 6 in subscription.int-spec.ts.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { digestOf, event, expectIntactLog, freshStream, item, write } from './append.spec-support.js';
import { defineEvent } from './catalogue.js';
import { EventRejected, LogBusy, NewerSchemaVersion, StreamTooLong } from './event-store.error.js';
import type { AppendItem, AppendResult, EventStore } from './event-store.js';
import { createEventStore } from './postgres-event-store.js';

let database: TestDatabase;
let store: EventStore;
/** As another process would: it shares nothing with `store` but the database. */
let other: EventStore;

beforeAll(async () => {
  database = await createTestDatabase();
  store = createEventStore({ pool: database.pool, catalogues: [] });
  other = createEventStore({ pool: database.pool, catalogues: [] });
});
afterEach(() => expectIntactLog(database.pool));
afterAll(() => database.drop());

async function appendOne(to: EventStore, one: AppendItem): Promise<AppendResult> {
  const [result] = await to.append([one]);
  return result!;
}

const committed = expect.objectContaining({ status: 'committed' });

describe('promise 1: every item is atomic and judged on its own', () => {
  it('gives each item its own result, in order, with the position of its last event', async () => {
    const [a, b] = [freshStream(), freshStream()];
    const before = await store.head();
    const results = await store.append([
      item([write(a, 0, 'A1', 'A2')], { reply: { text: 'first' } }),
      item([write(a, 7, 'Wrong')]),
      item([write(a, 2, 'A3'), write(b, 0, 'B1')]),
    ]);
    expect(results).toEqual([
      { status: 'committed', position: before + 2, reply: { text: 'first' } },
      { status: 'conflict', stream: a, expected: 7, actual: 2 },
      { status: 'committed', position: before + 4, reply: null },
    ]);
    expect((await store.readStream(a)).map(({ type, version }) => [type, version])).toEqual([
      ['A1', 1],
      ['A2', 2],
      ['A3', 3],
    ]);
  });

  it('writes nothing of an item of which one stream is not as expected', async () => {
    const [a, b] = [freshStream(), freshStream()];
    await store.append([item([write(b, 0, 'B1')])]);
    const result = await appendOne(store, item([write(a, 0, 'A1'), write(b, 0, 'B1')]));
    expect(result).toEqual({ status: 'conflict', stream: b, expected: 0, actual: 1 });
    expect(await store.versions([a, b])).toEqual(new Map([[a, 0], [b, 1]])); // prettier-ignore
  });

  it.each<[guard: string, version: number, expected: 'committed' | 'conflict']>([
    ['at its version', 1, 'committed'],
    ['that has moved on', 0, 'conflict'],
    ['that is not there yet', 2, 'conflict'],
  ])('holds an item to a guard %s', async (_, version, expected) => {
    const [a, guarded] = [freshStream(), freshStream()];
    await store.append([item([write(guarded, 0, 'G1')])]);
    const result = await appendOne(store, item([write(a, 0, 'A1')], { guards: [{ stream: guarded, version }] }));
    expect(result.status).toBe(expected);
    expect((await store.readStream(a)).length).toBe(expected === 'committed' ? 1 : 0);
  });

  it('lets a guard demand that a stream does not exist', async () => {
    const [a, absent] = [freshStream(), freshStream()];
    const guards = [{ stream: absent, version: 0 }];
    expect(await appendOne(store, item([write(a, 0, 'A1')], { guards }))).toEqual(committed);
    await other.append([item([write(absent, 0, 'X')])]);
    const late = await appendOne(store, item([write(a, 1, 'A2')], { guards }));
    expect(late).toEqual({ status: 'conflict', stream: absent, expected: 0, actual: 1 });
  });

  it('sees a guard lost inside the same group, and only by items before it', async () => {
    const [a, b, guarded] = [freshStream(), freshStream(), freshStream()];
    const guards = [{ stream: guarded, version: 0 }];
    const results = await store.append([
      item([write(a, 0, 'Before')], { guards }),
      item([write(guarded, 0, 'Moves')]),
      item([write(b, 0, 'After')], { guards }),
    ]);
    expect(results).toEqual([committed, committed, { status: 'conflict', stream: guarded, expected: 0, actual: 1 }]);
  });

  it('sees a version taken by another process, however fresh what this one remembers', async () => {
    const stream = freshStream();
    await store.append([item([write(stream, 0, 'Ours')])]);
    await other.append([item([write(stream, 1, 'Theirs')])]);
    const exact = await appendOne(store, item([write(stream, 1, 'Late')]));
    expect(exact).toEqual({ status: 'conflict', stream, expected: 1, actual: 2 });
  });

  it('adds to whatever is there when any version is expected, also behind another process', async () => {
    const stream = freshStream();
    await store.append([item([write(stream, 'any', 'One')])]);
    await other.append([item([write(stream, 'any', 'Two')])]);
    expect(await appendOne(store, item([write(stream, 'any', 'Three')]))).toEqual(committed);
    expect((await store.readStream(stream)).map(({ type }) => type)).toEqual(['One', 'Two', 'Three']);
  });

  it('commits what was encoded behind an item that fails', async () => {
    const stream = freshStream();
    const results = await store.append([
      item([write(stream, 'any', 'One')], { guards: [{ stream: freshStream(), version: 1 }] }),
      item([write(stream, 'any', 'Two')]),
      item([write(stream, 1, 'Three')]),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['conflict', 'committed', 'committed']);
    expect((await store.readStream(stream)).map(({ type }) => type)).toEqual(['Two', 'Three']);
  });

  it('commits good items beside one that PostgreSQL refuses', async () => {
    const bad = freshStream();
    await database.adminPool.query(`ALTER TABLE log.event_log ADD CONSTRAINT no_poison CHECK (stream <> '${bad}')`);
    const good = [freshStream(), freshStream()];
    const appends = [good[0]!, bad, good[1]!].map((stream) => store.append([item([write(stream, 0, 'A')])]));
    const [first, second, third] = await Promise.allSettled(appends);
    expect([first, third]).toEqual([
      { status: 'fulfilled', value: [committed] },
      { status: 'fulfilled', value: [committed] },
    ]);
    expect(second).toMatchObject({ status: 'rejected', reason: expect.any(EventRejected) });
    await database.adminPool.query('ALTER TABLE log.event_log DROP CONSTRAINT no_poison');
  });
});

describe('promise 2: asking again gives the first answer and adds nothing', () => {
  it('for an item that was committed, in this process or another, also when its stream has moved on', async () => {
    const stream = freshStream();
    const request = item([write(stream, 0, 'A')], { reply: ['made', 1] });
    const first = await appendOne(store, request);
    await store.append([item([write(stream, 1, 'B')])]);
    const again = { ...first, status: 'duplicate' };
    expect(await appendOne(store, request)).toEqual(again);
    expect(await appendOne(other, request)).toEqual(again);
    expect(await store.receipt(request.id, request.digest)).toEqual(again);
    expect((await store.readStream(stream)).length).toBe(2);
  });

  it('for an item that wrote no event: its reply and its position are kept', async () => {
    const request = item([], { reply: { outcome: 'nothing to do' }, guards: [{ stream: freshStream(), version: 0 }] });
    const head = await store.head();
    const first = await appendOne(store, request);
    expect(first).toEqual({ status: 'committed', position: head, reply: { outcome: 'nothing to do' } });
    await store.append([item([write(freshStream(), 0, 'Later')])]);
    expect(await appendOne(store, request)).toEqual({ ...first, status: 'duplicate' });
  });

  it('for the same request twice in one call, or at once from two processes', async () => {
    const request = item([write(freshStream(), 'any', 'Once')], { reply: 'once' });
    const twice = await store.append([request, request]);
    expect(twice.map(({ status }) => status)).toEqual(['committed', 'duplicate']);

    const next = item([write(freshStream(), 'any', 'Once')]);
    const both = await Promise.all([appendOne(store, next), appendOne(other, next)]);
    expect(both.map(({ status }) => status).toSorted()).toEqual(['committed', 'duplicate']);
  });

  it('but refuses another request under the same id', async () => {
    const request = item([write(freshStream(), 0, 'A')]);
    const reused = { ...item([write(freshStream(), 0, 'B')]), id: request.id };
    const refusal = { status: 'id_reuse', id: request.id };
    expect(await store.append([request, reused])).toEqual([committed, refusal]);
    expect(await appendOne(other, reused)).toEqual(refusal);
    expect(await store.receipt(reused.id, reused.digest)).toEqual(refusal);
    expect(await store.receipt(randomUUID(), reused.digest)).toBeNull();
  });

  it('leaves no receipt for a conflict: the request may be decided again', async () => {
    const stream = freshStream();
    const id = randomUUID();
    expect((await appendOne(store, item([write(stream, 3, 'A')], { id }))).status).toBe('conflict');
    expect(await appendOne(store, item([write(stream, 0, 'A')], { id }))).toEqual(committed);
  });
});

describe('promise 4: what is answered is durable', () => {
  it('even where the server is set to answer before it has written', async () => {
    const client = await database.pool.connect();
    await client.query('BEGIN; SET LOCAL synchronous_commit = off');
    await client.query(`SELECT * FROM log.append_group(now(), '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}',
      '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')`);
    const { rows } = await client.query('SHOW synchronous_commit');
    await client.query('ROLLBACK');
    client.release();
    expect(rows).toEqual([{ synchronous_commit: 'on' }]);
  });
});

describe('promise 7: readers get current event shapes', () => {
  const Moved = defineEvent('Moved', z.object({ to: z.object({ room: z.number() }) }), {
    schemaVersion: 3,
    upcasters: { 1: (data) => ({ room: Number(data['where']) }), 2: (data) => ({ to: data }) },
  });

  it('whichever way they read, and unknown types as they were written', async () => {
    const stream = freshStream();
    const after = await store.head();
    const events = [
      event('Moved', { where: '7' }),
      { ...event('Moved', { room: 8 }), schemaVersion: 2 },
      event('Unknown'),
    ];
    await store.append([item([{ stream, expected: 0, events }])]);

    const reader = createEventStore({ pool: database.pool, catalogues: [{ Moved }] });
    const current = [
      { schemaVersion: 3, data: { to: { room: 7 } } },
      { schemaVersion: 3, data: { to: { room: 8 } } },
      { schemaVersion: 1, data: {} },
    ];
    expect(await reader.readStream(stream)).toMatchObject(current);
    expect(await reader.readAll({ after, limit: 10 })).toMatchObject(current);
  });

  it('and never a guess at an event that a newer program wrote', async () => {
    const stream = freshStream();
    await store.append([item([{ stream, expected: 0, events: [{ ...event('Moved'), schemaVersion: 4 }] }])]);
    const reader = createEventStore({ pool: database.pool, catalogues: [{ Moved }] });
    await expect(reader.readStream(stream)).rejects.toThrow(NewerSchemaVersion);
  });
});

describe('promise 8: memory is bounded', () => {
  it('a full queue takes nothing more until there is room, and says when to ask again', async () => {
    const small = createEventStore({ pool: database.pool, catalogues: [], queue: { itemsMax: 3, bytesMax: 1e6 } });
    const stream = freshStream();
    const blocker = await database.adminPool.connect();
    await blocker.query('BEGIN; SELECT FROM log.log_head FOR UPDATE');
    // One group is under way behind the blocker; the next three wait in the queue.
    const sent = small.append([item([write(stream, 'any', 'Sent')])]);
    await new Promise(setImmediate);
    const queued = [1, 2, 3].map(() => small.append([item([write(stream, 'any', 'Queued')])]));
    const refused = small.append([item([write(stream, 'any', 'Refused')])]);
    await expect(refused).rejects.toMatchObject({ code: 'ES_LOG_BUSY', retryAfterMs: expect.any(Number) });

    await blocker.query('ROLLBACK');
    blocker.release();
    await Promise.all([sent, ...queued]);
    await small.append([item([write(stream, 'any', 'AskedAgain')])]);
    const types = (await store.readStream(stream)).map(({ type }) => type);
    expect(types).toEqual(['Sent', 'Queued', 'Queued', 'Queued', 'AskedAgain']);
  });

  it('by bytes as well as by items', async () => {
    const small = createEventStore({ pool: database.pool, catalogues: [], queue: { itemsMax: 100, bytesMax: 10_000 } });
    const large = {
      stream: freshStream(),
      expected: 'any' as const,
      events: [event('Large', { text: 'x'.repeat(6_000) })],
    };
    const results = await Promise.allSettled([small.append([item([large])]), small.append([item([large])])]);
    expect(results).toMatchObject([{ status: 'fulfilled' }, { status: 'rejected', reason: expect.any(LogBusy) }]);
  });

  it('a call larger than the whole queue is refused for good', async () => {
    const small = createEventStore({ pool: database.pool, catalogues: [], queue: { itemsMax: 2, bytesMax: 10_000 } });
    const items = [1, 2, 3].map(() => item([write(freshStream(), 0, 'A')]));
    await expect(small.append(items)).rejects.toThrow(RangeError);
  });

  it('a stream is read up to a limit, and in parts beyond it', async () => {
    const stream = freshStream();
    await store.append([item([write(stream, 0, 'A', 'B', 'C', 'D')])]);
    await expect(store.readStream(stream, { limit: 3 })).rejects.toThrow(StreamTooLong);
    expect((await store.readStream(stream, { fromVersion: 2, limit: 3 })).map(({ type }) => type)).toEqual([
      'B',
      'C',
      'D',
    ]);
    expect(await store.readStream(freshStream())).toEqual([]);
  });

  it('the whole log is read page by page', async () => {
    const after = await store.head();
    await store.append([item([write(freshStream(), 0, 'A', 'B', 'C', 'D')])]);
    const types = async (page: { after: number; limit: number; upTo?: number }): Promise<string[]> =>
      (await store.readAll(page)).map(({ type }) => type);
    expect(await types({ after, limit: 3 })).toEqual(['A', 'B', 'C']);
    expect(await types({ after: after + 3, limit: 3 })).toEqual(['D']);
    expect(await types({ after, limit: 10, upTo: after + 2 })).toEqual(['A', 'B']);
    expect(await types({ after: after + 4, limit: 3 })).toEqual([]);
  });
});

describe('an event that can never be stored', () => {
  const stream = 'test-rejected';
  const one = (change: Partial<ReturnType<typeof event>>): AppendItem =>
    item([{ stream, expected: 'any', events: [{ ...event('A'), ...change }] }]);

  it.each<[why: string, bad: AppendItem]>([
    ['is larger than 60 KiB', one({ data: { text: 'x'.repeat(61_440) } })],
    ['is larger than 60 KiB in UTF-8', one({ data: { text: '€'.repeat(21_000) } })],
    ['has an integer-like key', one({ data: { list: { 1: 'a' } } })],
    ['holds half of a surrogate pair', one({ data: { text: '\ud800' } })],
    ['has no instant', one({ occurredAt: '2026-11-22' })],
    ['has an id that is no UUID', one({ id: 'seven' })],
    ['has a type that is no word', one({ type: 'a type' })],
    ['has no schema version', one({ schemaVersion: 0 })],
    ['has a schema version that is not the current one', one({ type: 'Known', schemaVersion: 1 })],
    ['is for a stream without a category', item([write('nameless', 'any', 'A')])],
    ['is for a stream with a control character', item([write('test-\0', 'any', 'A')])],
    ['is for a stream with too long a name', item([write(`test-${'x'.repeat(1_100)}`, 'any', 'A')])],
    ['is for a stream at version -1', item([write(stream, -1, 'A')])],
    ['is one of two writes to its stream', item([write(stream, 0, 'A'), write(stream, 1, 'B')])],
    ['is none at all', item([write(stream, 0)])],
    ['comes in an item of more than 1 MiB', item([{ stream, expected: 0, events: Array(20).fill(event('A', { t: 'x'.repeat(60_000) })) }])], // prettier-ignore
    ['comes in an item whose id is no UUID', item([write(stream, 0, 'A')], { id: 'one' })],
    ['comes in an item without a digest', item([write(stream, 0, 'A')], { digest: Buffer.alloc(0) })],
    ['comes with a reply of more than 60 KiB', item([write(stream, 0, 'A')], { reply: 'x'.repeat(61_440) })],
  ])('because it %s, is refused in its own call and nothing of that call is written', async (_, bad) => {
    const Known = defineEvent('Known', z.object({}), { schemaVersion: 2, upcasters: { 1: (data) => data } });
    const strict = createEventStore({ pool: database.pool, catalogues: [{ Known }] });
    const head = await store.head();
    const neighbour = freshStream();
    const refused = strict.append([item([write(neighbour, 0, 'A')]), bad]);
    await expect(refused).rejects.toThrow(EventRejected);
    await expect(refused).rejects.toMatchObject({ itemId: bad.id });
    expect(await store.head()).toBe(head);
  });

  it('is not one that has just room', async () => {
    const stream = freshStream();
    const text = 'x'.repeat(60 * 1024 - 450);
    const reply = digestOf('reply').toString('hex');
    expect(await appendOne(store, item([{ stream, expected: 0, events: [event('A', { text })] }], { reply }))).toEqual(
      committed,
    );
    expect((await store.readStream(stream))[0]?.data).toEqual({ text });
  });
});
