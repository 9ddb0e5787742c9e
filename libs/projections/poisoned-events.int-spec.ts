/**
 * An event that a projection cannot apply: nothing behind it is applied, an operator decides, and nothing is lost by either
 * decision. The same fed from the log and from a real Kafka, where only the event's partition stands still.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createEventStore, type EventStore, type NewEvent, type RecordedEvent } from '#event-store';
import { connectKafka, type IncomingMessage, partitionOf, type Transport } from '#kafka';
import { operationEvents } from '#operations';
import { startRelay } from '#relay';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { describeWithKafka, type Kafka, openKafka } from '../../test/support/kafka-brokers.js';
import { eventsProjection } from './events/events.projection.js';
import { startKafkaProjectors } from './kafka-projectors.js';
import type { Projection } from './projection.js';
import { type Projectors, startProjectors } from './projectors.js';
import { rebuild } from './rebuild.js';

const WAIT_MS = 30_000;
const PARTITIONS = 3;
const STREAMS = 9;
const EVENTS = 5;
const SECRET = 'alice@LAB.EXAMPLE';

let brokers: Kafka;
let database: TestDatabase;
let store: EventStore;
let transport: Transport;
let topic: string;
let said: string[];
let running: { stop(): Promise<void> }[];
/** Positions that the projection cannot apply. */
let poison: Set<number>;

/** As `events`, but for what is poisoned. */
const projection: Projection = {
  ...eventsProjection,
  apply: async (tx, events) => {
    if (events.some(({ position }) => poison.has(position))) throw new TypeError(`no such principal: ${SECRET}`);
    await eventsProjection.apply(tx, events);
  },
};

/** The next event of every stream. */
async function append(version: number): Promise<void> {
  const event: NewEvent = {
    type: 'Stepped',
    schemaVersion: 1,
    occurredAt: '2026-11-22T10:00:00Z',
    data: { version },
    metadata: { origin: 'decided' },
  };
  const items = Array.from({ length: STREAMS }, (_, n) => ({
    id: randomUUID(),
    digest: Buffer.alloc(32, `${n} ${version}`),
    writes: [{ stream: `exchange-${n}`, expected: version - 1, events: [event] }],
  }));
  for (const { status } of await store.append(items)) expect(status).toBe('committed');
}

function start(feed: string): Projectors {
  const { pool } = database;
  const options = { store, pool, projections: [projection], log: (message: string) => void said.push(message) };
  if (feed === 'Kafka') {
    running.push(startRelay({ store, pool, transport, source: 'test', topic, settings: { partitions: PARTITIONS } }));
  }
  const projectors =
    feed === 'Kafka' ? startKafkaProjectors({ ...options, transport, topic }) : startProjectors(options);
  running.push(projectors);
  return projectors;
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + WAIT_MS; !(await holds()); await delay(50)) {
    if (Date.now() > deadline) throw new Error(`not within ${WAIT_MS} ms: ${what}; said: ${said.join('; ')}`);
  }
}

async function applied(): Promise<number[]> {
  const { rows } = await database.pool.query<{ position: number }>(
    'SELECT position FROM read.event_index ORDER BY position',
  );
  return rows.map(({ position }) => position);
}

type Letter = { id: string; position: number; code: string; reason: string; status: string; tries: number };

async function letters(): Promise<Letter[]> {
  const { rows } = await database.pool.query<Letter>(
    'SELECT id, position, code, reason, status, tries FROM delivery.dead_letter ORDER BY position',
  );
  return rows;
}

async function stoppedAt(position: number): Promise<Letter> {
  await until(`event ${position} has a dead letter`, async () =>
    (await letters()).some((one) => one.position === position && one.status === 'open'),
  );
  return (await letters()).find((one) => one.position === position)!;
}

/** As `kerbtrail dlq retry` does. */
const retry = (id: string) =>
  database.pool.query(`UPDATE delivery.dead_letter SET status = 'retry' WHERE id = $1`, [id]);

/** As `kerbtrail dlq skip` does. */
async function skip(id: string, position: number): Promise<void> {
  const event: NewEvent = {
    type: 'EventSkipped',
    schemaVersion: 1,
    occurredAt: '2026-11-22T11:00:00Z',
    data: { projection: projection.name, position, reason: 'bug 12' },
    metadata: { origin: 'decided' },
  };
  await store.append([
    {
      id: randomUUID(),
      digest: Buffer.alloc(32, 1),
      writes: [{ stream: 'operation-skips-events', expected: 'any', events: [event] }],
    },
  ]);
  await database.pool.query(`UPDATE delivery.dead_letter SET status = 'skipped' WHERE id = $1`, [id]);
}

const all = async (): Promise<number[]> => Array.from({ length: await store.head() }, (_, n) => n + 1);

async function caughtUp(projectors: Projectors): Promise<void> {
  const head = await store.head();
  await until('all is applied', async () => (await projectors.waitFor(head, 100)).length === 0);
}

describeWithKafka('events that cannot be applied', () => {
  beforeAll(async () => {
    brokers = await openKafka();
  }, 400_000);
  afterAll(() => brokers?.stop());

  beforeEach(async () => {
    database = await createTestDatabase();
    store = createEventStore({ pool: database.pool, catalogues: [operationEvents] });
    transport = await connectKafka({ brokers: brokers.addresses, clientId: 'test' });
    topic = `events-${randomUUID()}`;
    said = [];
    running = [];
    poison = new Set();
    for (let n = 1; n <= EVENTS; n++) await append(n);
  });
  afterEach(async () => {
    await Promise.all(running.map((one) => one.stop()));
    await transport.close();
    await database.drop();
  });

  describe.each(['the log', 'Kafka'])('an event that cannot be applied, fed from %s,', (feed) => {
    const at = 20;

    it('stops what comes after it, with a letter that quotes nothing of it, and is applied when that is retried', async () => {
      poison.add(at);
      const projectors = start(feed);
      const letter = await stoppedAt(at);
      expect(letter).toMatchObject({ code: 'PROJ_EVENT_POISONED', status: 'open', tries: 1 });
      expect(letter.reason).not.toContain(SECRET);
      expect((await projectors.status())[0]).toMatchObject({ name: 'events', mode: 'failed', error: { position: at } });
      await append(EVENTS + 1);
      expect(await projectors.waitFor(at, 300)).toHaveLength(1);

      await retry(letter.id);
      await until('it was tried again', async () => (await letters())[0]!.tries === 2);
      expect(await applied()).not.toContain(at);

      poison.clear();
      await retry(letter.id);
      await caughtUp(projectors);
      expect(await applied()).toEqual(await all());
      expect(await letters()).toMatchObject([{ status: 'done', tries: 2 }]);
    });

    it('is left out for good when an operator skips it: by the next one who reads, and by rebuilds', async () => {
      poison.add(at);
      const projectors = start(feed);
      const letter = await stoppedAt(at);
      await skip(letter.id, at);
      await caughtUp(projectors);
      const others = (await all()).filter((position) => position !== at);
      expect(await applied()).toEqual(others);
      await Promise.all(running.map((one) => one.stop()));
      running = [];
      await rebuild({ store, pool: database.pool, projection });
      expect(await applied()).toEqual(others);
      await append(EVENTS + 1);
      await caughtUp(start(feed));
      expect((await letters())[0]).toMatchObject({ status: 'skipped' });
    });

    it('holds up the next process too, and goes when the projection was rebuilt past it', async () => {
      poison.add(at);
      const first = start(feed);
      await stoppedAt(at);
      await Promise.all(running.map((one) => one.stop()));
      running = [];
      expect((await first.status())[0]!.position).toBeLessThan(at);
      const second = start(feed);
      await until('it was tried again', async () => (await letters())[0]!.tries === 2);
      poison.clear();
      await rebuild({ store, pool: database.pool, projection });
      await append(EVENTS + 1);
      await caughtUp(second);
      expect(await applied()).toEqual(await all());
      expect(await letters()).toMatchObject([{ status: 'done' }]);
    });
  });

  describe('a partition with an event that cannot be applied', () => {
    it('stands still alone, and the message is in the topic of dead letters with its reason', async () => {
      const at = 20;
      poison.add(at);
      start('Kafka');
      await stoppedAt(at);
      const events = await store.readAll({ after: 0, limit: 1_000 });
      const stands = partitionOf(events[at - 1]!.stream, PARTITIONS);
      const isFree = ({ stream, position }: RecordedEvent) =>
        partitionOf(stream, PARTITIONS) !== stands || position < at;
      const free = events.filter(isFree).map(({ position }) => position);
      await until('the other partitions are at their end', async () => (await applied()).length >= free.length);
      expect(await applied()).toEqual(free);
      const found: IncomingMessage[] = [];
      await transport.read(`${topic}.dlq`, 0, { from: 0n, to: 0n }, (messages) => found.push(...messages));
      expect(found[0]!.headers).toMatchObject({
        position: String(at),
        'dlq-code': 'PROJ_EVENT_POISONED',
        'dlq-by': 'projection events',
        'dlq-topic': topic,
        'dlq-partition': String(stands),
      });
    });

    it('a message that is no event of the log is put aside, and nothing waits for it', async () => {
      const projectors = start('Kafka');
      await caughtUp(projectors);
      await transport.send(topic, [{ key: 'exchange-1', value: '{"who":"are you"}', headers: {} }]);
      await append(EVENTS + 1);
      await caughtUp(projectors);
      expect(await applied()).toEqual(await all());
      await until('it is said', async () => said.some((message) => message.includes('is not an event of the log')));
      expect(await letters()).toEqual([]);
    });
  });
});
