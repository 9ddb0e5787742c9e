/** The relay against a real broker and a real log: what is in the topic is what is in the log, whatever happens between. */
import { createHash, randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { Kafka, logLevel } from 'kafkajs';
import { createEventStore, type EventStore } from '#event-store';
import { connectKafka, type Publisher, PublisherFenced, type Transport } from '#kafka';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { describeWithKafka, type Kafka as Brokers, openKafka } from '../../test/support/kafka-brokers.js';
import { type Relay, startRelay } from './relay.js';

type Seen = {
  readonly partition: number;
  readonly key: string;
  readonly value: string;
  readonly headers: Record<string, string>;
};

const SETTINGS = { partitions: 3, replicas: 1 };
const WAIT_MS = 30_000;

let brokers: Brokers;
let database: TestDatabase;
let store: EventStore;
let transport: Transport;
let topic: string;
let relays: Relay[];

beforeAll(async () => {
  brokers = await openKafka();
}, 400_000);
afterAll(() => brokers?.stop());

beforeEach(async () => {
  database = await createTestDatabase();
  store = createEventStore({ pool: database.pool, catalogues: [] });
  transport = await connectKafka({ brokers: brokers.addresses, clientId: 'test' });
  topic = `events-${randomUUID()}`;
  relays = [];
});
afterEach(async () => {
  await Promise.all(relays.map((relay) => relay.stop()));
  await transport.close();
  await database.drop();
});

function relay(over: Partial<Transport> = {}): Relay {
  const through: Transport = {
    ensureTopic: (...args) => transport.ensureTopic(...args),
    partitionEnds: (name) => transport.partitionEnds(name),
    publisher: (id) => transport.publisher(id),
    send: (...args) => transport.send(...args),
    committed: (...args) => transport.committed(...args),
    read: (...args) => transport.read(...args),
    consume: (options) => transport.consume(options),
    close: async () => {},
    ...over,
  };
  const started = startRelay({
    store,
    pool: database.pool,
    transport: through,
    source: `/log/${topic}`,
    topic,
    settings: SETTINGS,
  });
  relays.push(started);
  return started;
}

async function append(streams: number, eventsEach: number, from = 1): Promise<void> {
  const items = Array.from({ length: streams }, (_, n) => ({
    id: randomUUID(),
    digest: createHash('sha256').update(String(n)).digest(),
    writes: [
      {
        stream: `exchange-${n}`,
        expected: from - 1,
        events: Array.from({ length: eventsEach }, (__, m) => ({
          type: 'Stepped',
          schemaVersion: 1,
          occurredAt: '2026-11-22T10:00:00.123456789Z',
          data: { step: from + m, name: 'größer' },
          metadata: {
            origin: 'decided' as const,
            actor: 'a',
            traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
          },
        })),
      },
    ],
  }));
  for (const { status } of await store.append(items)) expect(status).toBe('committed');
}

async function published(relayed: Relay): Promise<void> {
  const head = await store.head();
  const deadline = Date.now() + WAIT_MS;
  while (relayed.state().position < head) {
    if (Date.now() > deadline)
      throw new Error(`the relay is at ${JSON.stringify(relayed.state())}, the log at ${head}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}

/** Everything committed in the topic, per partition in order. */
async function topicContent(): Promise<Seen[]> {
  const kafka = new Kafka({ brokers: [...brokers.addresses], logLevel: logLevel.NOTHING });
  const ends = (await transport.partitionEnds(topic)) ?? [];
  const consumer = kafka.consumer({ groupId: randomUUID(), readUncommitted: false });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const seen: Seen[] = [];
  const left = new Set(ends.filter(({ low, high }) => high > low).map(({ partition }) => partition));
  await new Promise<void>((done, fail) => {
    if (left.size === 0) return done();
    setTimeout(() => fail(new Error(`partitions not read to their end: ${[...left].join()}`)), WAIT_MS).unref();
    void consumer.run({
      eachBatchAutoResolve: true,
      eachBatch: async ({ batch }) => {
        for (const { key, value, headers } of batch.messages) {
          const texts = Object.fromEntries(Object.entries(headers ?? {}).map(([name, text]) => [name, String(text)]));
          seen.push({ partition: batch.partition, key: String(key), value: String(value), headers: texts });
        }
        // The last offset of a committed transaction is its marker.
        if (BigInt(batch.lastOffset()) + 2n >= BigInt(batch.highWatermark)) left.delete(batch.partition);
        if (left.size === 0) done();
      },
    });
  });
  await consumer.disconnect();
  return seen;
}

/** Without what was published twice: a reader drops what is not beyond the last position of the partition. */
function onceEach(content: readonly Seen[]): Seen[] {
  const last = new Map<number, number>();
  return content.filter(({ partition, headers }) => {
    const position = Number(headers['position']);
    if (position <= (last.get(partition) ?? 0)) return false;
    expect(Number(headers['previous'])).toBe(last.get(partition) ?? 0);
    last.set(partition, position);
    return true;
  });
}

async function expectTopicEqualsLog(): Promise<void> {
  const seen = onceEach(await topicContent());
  const events = await store.readAll({ after: 0, limit: 100_000 });
  expect(seen.length).toBe(events.length);
  const byPosition = new Map(seen.map((one) => [Number(one.headers['position']), one]));
  for (const event of events) {
    const one = byPosition.get(event.position)!;
    expect(one.key).toBe(event.stream);
    expect(JSON.parse(one.value)).toEqual(event.data);
    expect(one.headers).toMatchObject({
      ce_specversion: '1.0',
      ce_id: event.id,
      ce_type: event.type,
      ce_subject: event.stream,
      ce_time: event.occurredAt,
      version: String(event.version),
      recordedat: event.recordedAt,
      traceparent: event.metadata.traceparent,
    });
    expect(JSON.parse(one.headers['metadata']!)).toEqual(event.metadata);
  }
}

describeWithKafka('the relay', () => {
  it('publishes every event of the log, in order per stream, each naming the position before it in its partition', async () => {
    await append(40, 25);
    const running = relay();
    await published(running);
    await append(40, 3, 26);
    await published(running);
    await expectTopicEqualsLog();
  });

  it('publishes again what was published but not counted, with the same chain, and nothing is lost', async () => {
    await append(20, 10);
    let lost = 0;
    const losing = relay({
      publisher: async (id) => {
        const publisher = await transport.publisher(id);
        const publish: Publisher['publish'] = async (name, messages) => {
          await publisher.publish(name, messages);
          if (lost++ < 2) throw Object.assign(new Error('the answer was lost'), { mayPass: true });
        };
        return { publish, close: () => publisher.close() };
      },
    });
    await published(losing);
    expect(lost).toBeGreaterThan(2);
    expect((await topicContent()).length).toBeGreaterThan(200);
    await expectTopicEqualsLog();
  });

  it('is one of several: when it hangs it is cut off, another takes over in ten seconds, and what it still sends is refused', async () => {
    await append(10, 10);
    let hang = false;
    let goOn = (): void => {};
    const wentOn = new Promise<void>((resolve) => (goOn = resolve));
    let lateAnswer: Promise<unknown> = Promise.resolve();
    const hanging = relay({
      publisher: async (id) => {
        const publisher = await transport.publisher(id);
        const publish: Publisher['publish'] = async (name, messages) => {
          if (!hang) return publisher.publish(name, messages);
          await wentOn;
          const late = publisher.publish(name, messages);
          lateAnswer = late.then(
            () => 'published',
            (error: unknown) => error,
          );
          return late;
        };
        return { publish, close: () => publisher.close() };
      },
    });
    await published(hanging);
    hang = true;
    const second = relay();
    const began = Date.now();
    await append(10, 5, 11);
    await published(second);
    expect(Date.now() - began).toBeLessThan(10_000);
    goOn();
    await hanging.stop();
    expect(await lateAnswer).toBeInstanceOf(PublisherFenced);
    await append(10, 5, 16);
    await published(second);
    expect((await topicContent()).length).toBe(200);
    await expectTopicEqualsLog();
  });

  it('hands over at once when it is stopped', async () => {
    await append(10, 10);
    const first = relay();
    await published(first);
    const second = relay();
    await first.stop();
    await append(10, 5, 11);
    await published(second);
    await expectTopicEqualsLog();
  });

  it('begins a new epoch when the topic gets more partitions', async () => {
    await append(12, 4);
    await published(relay());
    await relays[0]!.stop();
    const kafka = new Kafka({ brokers: [...brokers.addresses], logLevel: logLevel.NOTHING });
    const admin = kafka.admin();
    await admin.connect();
    await admin.createPartitions({ topicPartitions: [{ topic, count: 7 }] });
    await admin.disconnect();
    await append(12, 4, 5);
    await published(relay());
    const seen = await topicContent();
    expect(seen.length).toBe(96);
    expect(
      new Set(seen.filter(({ headers }) => headers['epoch'] === '2').map(({ partition }) => partition)).size,
    ).toBeGreaterThan(3);
    const { rows } = await database.pool.query(
      'SELECT epoch, partitions, after_position FROM relay.epoch ORDER BY epoch',
    );
    expect(rows).toEqual([
      { epoch: 1, partitions: 3, after_position: 0 },
      { epoch: 2, partitions: 7, after_position: 48 },
    ]);
  });
});
