/** Dead letters on a real PostgreSQL: opened, tried again, skipped and closed, by writers that know nothing of each other. */
import 'reflect-metadata';
import { randomBytes, randomUUID } from 'node:crypto';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { CommandBus, CqrsModule } from '@nestjs/cqrs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Pool } from 'pg';
import { NAME_KEY, readKeyEncryptionKey, type CommandRequest } from '#directory';
import {
  CLOCK,
  compareInstants,
  createEventStore,
  createSystemClock,
  EVENT_STORE,
  RANDOM,
  type EventStore,
} from '#event-store';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { CHECKPOINT_SEEDS } from '../evidence/evidence.handlers.js';
import { establishNameKey } from '../key/establish-name-key.js';
import { KEY_ENCRYPTION_KEY } from '../key/keys.handlers.js';
import { operationEvents } from '../operation.events.js';
import { OperationsModule } from '../operations.module.js';
import { RetryDeadLetter, SkipEvent } from './dead-letter.commands.js';
import {
  closeDeadLetter,
  deadLetterStatus,
  lettersToRetry,
  listDeadLetters,
  openDeadLetter,
  unsettledLetters,
  type NewDeadLetter,
} from './dead-letters.js';
import { letterStream, skippedPositions } from './skips.js';

const clock = createSystemClock();
let database: TestDatabase;
let pool: Pool;
let store: EventStore;
let app: INestApplicationContext;
let bus: CommandBus;

beforeAll(async () => {
  database = await createTestDatabase();
  pool = database.pool;
  store = createEventStore({ pool, catalogues: [operationEvents] });
  const kek = readKeyEncryptionKey(randomBytes(32).toString('base64'), 'test');
  const nameKey = await establishNameKey({ store, pool, kek, clock, random: randomBytes });
  const providers = [
    { provide: EVENT_STORE, useValue: store },
    { provide: CLOCK, useValue: clock },
    { provide: NAME_KEY, useValue: nameKey },
    { provide: Pool, useValue: pool },
    { provide: RANDOM, useValue: randomBytes },
    { provide: KEY_ENCRYPTION_KEY, useValue: kek },
    { provide: CHECKPOINT_SEEDS, useValue: { establish: async (origin: string, key: number) => `${origin}+${key}` } },
  ];
  const root = {
    module: OperationsModule,
    global: true,
    imports: [CqrsModule.forRoot()],
    providers,
    exports: providers,
  };
  app = await NestFactory.createApplicationContext(root, { logger: false });
  bus = app.get(CommandBus);
});
afterAll(async () => {
  await app.close();
  await database.drop();
});

let positions = 100;
/** A place of its own for every test. */
const stuck = (projection = 'attempts'): Extract<NewDeadLetter, { kind: 'event' }> => ({
  kind: 'event',
  projection,
  projectionVersion: 3,
  position: positions++,
  code: 'PROJ_FAILED',
  reason: 'the row has no place',
});
const unread = (topic: string): Extract<NewDeadLetter, { kind: 'raw' }> => ({
  kind: 'raw',
  topic,
  partition: 2,
  offset: BigInt(positions++),
  code: 'ING_UNKNOWN',
  reason: 'no parser takes it',
});
const operator = (): CommandRequest => ({ requestId: randomUUID(), caller: { actor: 'ops', administers: 'all' } });
const letterOf = async (id: string) => {
  const letters = await listDeadLetters(pool, { limit: 1_000 });
  return letters.find((letter) => letter.id === id);
};
const typesOf = async (stream: string) => (await store.readStream(stream)).map(({ type }) => type);

describe('a place that fails', () => {
  it('has one letter, which counts the tries and tells why the last one failed', async () => {
    const place = stuck();
    const id = await openDeadLetter(pool, place);
    expect(await openDeadLetter(pool, { ...place, code: 'OTHER', reason: 'two\nlines\0' })).toBe(id);
    expect(await letterOf(id)).toMatchObject({
      ...place,
      code: 'OTHER',
      reason: 'two lines ',
      tries: 2,
      status: 'open',
    });
    const others = [
      { ...place, projectionVersion: 4 },
      { ...place, projection: 'directory' },
      { ...place, position: positions++ },
    ];
    const ids = await Promise.all(others.map((other) => openDeadLetter(pool, other)));
    expect(new Set([id, ...ids]).size).toBe(4);
  });

  it('has one letter, whoever else opens it at the same moment', async () => {
    const place = unread('raced');
    const ids = await Promise.all(Array.from({ length: 8 }, () => openDeadLetter(pool, place)));
    expect(new Set(ids).size).toBe(1);
    expect(await letterOf(ids[0]!)).toMatchObject({ tries: 8, offset: Number(place.offset) });
  });

  it('keeps a reason to its length', async () => {
    const id = await openDeadLetter(pool, { ...stuck(), reason: 'é'.repeat(3_000) });
    expect((await letterOf(id))!.reason).toHaveLength(2_000);
  });

  it('that fails anew after its letter was closed has a new one', async () => {
    const place = stuck();
    const id = await openDeadLetter(pool, place);
    expect(await closeDeadLetter(pool, id)).toBe(true);
    expect(await openDeadLetter(pool, place)).not.toBe(id);
    expect(await deadLetterStatus(pool, id)).toBe('done');
  });
});

describe('a retry', () => {
  it('is an event, waits for the next try, and is open again when that fails', async () => {
    const place = stuck();
    const id = await openDeadLetter(pool, place);
    const answer = await bus.execute(new RetryDeadLetter(operator(), id));
    expect(answer).toEqual({ letter: id, position: expect.any(Number) });
    expect(await deadLetterStatus(pool, id)).toBe('retry');
    await bus.execute(new RetryDeadLetter(operator(), id));
    expect(await typesOf(letterStream(id))).toEqual(['DeadLetterRetried']);

    await openDeadLetter(pool, place);
    expect(await letterOf(id)).toMatchObject({ status: 'open', tries: 2 });
    await bus.execute(new RetryDeadLetter(operator(), id));
    expect(await typesOf(letterStream(id))).toEqual(['DeadLetterRetried', 'DeadLetterRetried']);
  });

  it('of raw records is found by the topic they lie in, the oldest first', async () => {
    const places = [unread('raw.a'), unread('raw.a'), unread('raw.a'), unread('raw.b')];
    const ids: string[] = [];
    for (const place of places) ids.push(await openDeadLetter(pool, place));
    for (const id of [ids[3]!, ids[2]!, ids[0]!]) await bus.execute(new RetryDeadLetter(operator(), id));
    expect(await lettersToRetry(pool, 'raw.a', 10)).toEqual([
      { id: ids[0], partition: 2, offset: places[0]!.offset },
      { id: ids[2], partition: 2, offset: places[2]!.offset },
    ]);
    expect(await lettersToRetry(pool, 'raw.a', 1)).toHaveLength(1);
  });

  it('asked again under its request id has the same answer, also when the letter is done by then', async () => {
    const id = await openDeadLetter(pool, stuck());
    const command = new RetryDeadLetter(operator(), id);
    const answer = await bus.execute(command);
    await closeDeadLetter(pool, id);
    expect(await bus.execute(command)).toEqual(answer);
    expect(await deadLetterStatus(pool, id)).toBe('done');
    await expect(bus.execute(new RetryDeadLetter(operator(), id))).rejects.toMatchObject({
      code: 'OPS_DEAD_LETTER_SETTLED',
      kind: 'conflict',
    });
  });
});

describe('a skip', () => {
  it('leaves the position out of this projection for good', async () => {
    const [one, two] = [stuck('skipping'), stuck('skipping')];
    const ids = [await openDeadLetter(pool, one), await openDeadLetter(pool, two)];
    for (const id of ids) await bus.execute(new SkipEvent(operator(), id, 'bug 12'));
    expect(await skippedPositions(store, 'skipping')).toEqual(new Set([one.position, two.position]));
    expect(await skippedPositions(store, 'directory')).toEqual(new Set());
    expect(await deadLetterStatus(pool, ids[0]!)).toBe('skipped');
    const [event] = await store.readStream('operation-skips-skipping');
    expect(event).toMatchObject({
      type: 'EventSkipped',
      data: { projection: 'skipping', position: one.position, reason: 'bug 12' },
      metadata: { actor: 'ops' },
    });
  });

  it('is not undone by a try that was under way: it can neither close nor open the letter', async () => {
    const place = stuck();
    const id = await openDeadLetter(pool, place);
    await bus.execute(new SkipEvent(operator(), id, 'bug 12'));
    expect(await closeDeadLetter(pool, id)).toBe(false);
    expect(await openDeadLetter(pool, place)).toBe(id);
    expect(await deadLetterStatus(pool, id)).toBe('skipped');
    await expect(bus.execute(new RetryDeadLetter(operator(), id))).rejects.toMatchObject({
      code: 'OPS_DEAD_LETTER_SETTLED',
    });
  });

  it('waits for a try that is just taking the event, and is then refused', async () => {
    const place = stuck('taking');
    const id = await openDeadLetter(pool, place);
    const taking = await pool.connect();
    await taking.query('BEGIN');
    expect(await closeDeadLetter(taking, id)).toBe(true);
    const [skipped] = await Promise.allSettled([
      bus.execute(new SkipEvent(operator(), id, 'bug 12')),
      waitingForLock().then(() => taking.query('COMMIT')),
    ]);
    taking.release();
    expect(skipped).toMatchObject({ status: 'rejected', reason: { code: 'OPS_DEAD_LETTER_SETTLED' } });
    expect(await skippedPositions(store, 'taking')).toEqual(new Set());
  });

  it('that was recorded by a process which then died is finished by asking again', async () => {
    const place = stuck('dying');
    const id = await openDeadLetter(pool, place);
    const command = new SkipEvent(operator(), id, 'bug 12');
    const answer = await bus.execute(command);
    await database.adminPool.query("UPDATE delivery.dead_letter SET status = 'open' WHERE id = $1", [id]);
    expect(await bus.execute(command)).toEqual(answer);
    expect(await deadLetterStatus(pool, id)).toBe('skipped');
    await bus.execute(new SkipEvent(operator(), id, 'bug 12'));
    expect(await typesOf('operation-skips-dying')).toEqual(['EventSkipped']);
  });

  it('of more letters at once than there are connections comes through', async () => {
    const ids = await Promise.all(Array.from({ length: 24 }, () => openDeadLetter(pool, stuck('many'))));
    await Promise.all(ids.map((id) => bus.execute(new SkipEvent(operator(), id, 'bug 12'))));
    expect((await skippedPositions(store, 'many')).size).toBe(24);
  });

  it('of a raw record, of no letter, or without a reason is refused, and changes nothing', async () => {
    const raw = await openDeadLetter(pool, unread('kept'));
    const event = await openDeadLetter(pool, stuck());
    const refusals = [
      [raw, 'bug 12', 'OPS_SKIP_INVALID'],
      [randomUUID(), 'bug 12', 'OPS_DEAD_LETTER_UNKNOWN'],
      [event, '', 'OPS_SKIP_INVALID'],
    ] as const;
    for (const [id, reason, code] of refusals)
      await expect(bus.execute(new SkipEvent(operator(), id, reason))).rejects.toMatchObject({ code });
    expect(await deadLetterStatus(pool, raw)).toBe('open');
    expect(await deadLetterStatus(pool, event)).toBe('open');
    await expect(deadLetterStatus(pool, randomUUID())).rejects.toMatchObject({ code: 'OPS_DEAD_LETTER_UNKNOWN' });
  });
});

describe('letters', () => {
  it('of a projection that nobody settled are found by position', async () => {
    const places = [stuck('stuck'), stuck('stuck'), stuck('stuck'), stuck('stuck')];
    const ids = await Promise.all(places.map((place) => openDeadLetter(pool, place)));
    await bus.execute(new RetryDeadLetter(operator(), ids[1]!));
    await bus.execute(new SkipEvent(operator(), ids[2]!, 'bug 12'));
    await closeDeadLetter(pool, ids[3]!);
    const expected = [0, 1].map((n) => [places[n]!.position, ids[n]] as const);
    expect(await unsettledLetters(pool, 'stuck', 3)).toEqual(new Map(expected));
    expect(await unsettledLetters(pool, 'stuck', 4)).toEqual(new Map());
  });

  it('are listed the oldest first, by status and kind, page by page without a gap', async () => {
    const all = await listDeadLetters(pool, { limit: 1_000 });
    const paged = [];
    for (let after: (typeof all)[number] | undefined; ;) {
      const page = await listDeadLetters(pool, { limit: 3, after });
      paged.push(...page);
      after = page.at(-1);
      if (!after) break;
    }
    expect(paged).toEqual(all);
    const instants = all.map(({ openedAt }) => openedAt);
    expect(instants).toEqual(instants.toSorted(compareInstants));
    const rawWaiting = await listDeadLetters(pool, { statuses: ['open', 'retry'], kind: 'raw', limit: 1_000 });
    expect(rawWaiting).toEqual(all.filter(({ status, kind }) => status !== 'done' && kind === 'raw'));
    expect(new Set(rawWaiting.map(({ status }) => status))).toEqual(new Set(['open', 'retry']));
  });
});

async function waitingForLock(): Promise<void> {
  for (const deadline = Date.now() + 10_000; Date.now() < deadline;) {
    const { rows } = await database.adminPool.query(
      "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
    );
    if (rows.length > 0) return;
  }
  throw new Error('the skip does not wait for the letter');
}
