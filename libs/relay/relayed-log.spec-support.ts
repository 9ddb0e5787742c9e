/** A log of its own and a topic of its own, and what must be true of the two after anything that may happen between them. */
import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';
import { createEventStore, type EventStore, readCheckpoint } from '#event-store';
import { connectKafka, partitionOf, type TopicSettings, type Transport } from '#kafka';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { cloudEvent } from './cloud-event.js';
import { type Relay, type RelayOptions, startRelay } from './relay.js';

export type Seen = {
  readonly partition: number;
  readonly key: string;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
};

const WAIT_MS = 60_000;
const DIFFERENCES_MAX = 5;
const TRACE_PARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

export class RelayedLog {
  readonly topic = `events-${randomUUID()}`;
  readonly source = `/log/${this.topic}`;
  readonly #relays: Relay[] = [];

  private constructor(
    readonly brokers: readonly string[],
    readonly settings: TopicSettings,
    readonly database: TestDatabase,
    readonly store: EventStore,
    readonly transport: Transport,
  ) {}

  static async open(brokers: readonly string[], settings: TopicSettings): Promise<RelayedLog> {
    const database = await createTestDatabase();
    const store = createEventStore({ pool: database.pool, catalogues: [] });
    return new RelayedLog(brokers, settings, database, store, await connectKafka({ brokers, clientId: 'test' }));
  }

  /** `over`: what is not as in a server. */
  relay(over: Partial<RelayOptions> = {}): Relay {
    const { store, transport, source, topic, settings } = this;
    const relay = startRelay({ store, pool: this.database.pool, transport, source, topic, settings, ...over });
    this.#relays.push(relay);
    return relay;
  }

  async close(): Promise<void> {
    await Promise.all(this.#relays.map((relay) => relay.stop()));
    await this.transport.close();
    await this.database.drop();
  }

  /** So many events to the end of each of so many streams. */
  async append(streams: number, eventsEach: number, { name = 'größer' } = {}): Promise<void> {
    const items = Array.from({ length: streams }, (_, n) => ({
      id: randomUUID(),
      digest: createHash('sha256').update(String(n)).digest(),
      writes: [
        {
          stream: `exchange-${n}`,
          expected: 'any' as const,
          events: Array.from({ length: eventsEach }, (__, step) => ({
            type: 'Stepped',
            schemaVersion: 1,
            occurredAt: '2026-11-22T10:00:00.123456789Z',
            data: { step, name },
            metadata: { origin: 'decided' as const, actor: 'a', traceparent: TRACE_PARENT },
          })),
        },
      ],
    }));
    const refused = (await this.store.append(items)).find(({ status }) => status !== 'committed');
    if (refused) throw new Error(`an append was not committed: ${JSON.stringify(refused)}`);
  }

  /** Appends all the while, a thousand events a second, until it is told to stop. */
  startWriting(): { stop(): Promise<void> } {
    const stopping = new AbortController();
    const running = (async () => {
      while (!stopping.signal.aborted) {
        await this.append(30, 2);
        await delay(50);
      }
    })();
    running.catch(() => {}); // told by stop
    return {
      stop: async () => {
        stopping.abort();
        await running;
      },
    };
  }

  /** Waits until the relay, in whichever process, has counted all of the log as published. */
  async published(upTo?: number): Promise<void> {
    const head = upTo ?? (await this.store.head());
    const deadline = Date.now() + WAIT_MS;
    for (let position = 0; position < head; await delay(20)) {
      position = await readCheckpoint(this.database.pool, { name: 'relay', version: 1 });
      const states = JSON.stringify(this.#relays.map((relay) => relay.state()));
      if (Date.now() > deadline) throw new Error(`published up to ${position}, the log is at ${head}; ${states}`);
    }
  }

  /** Everything committed in the topic, per partition in order. The last transaction in each partition must be a committed one. */
  async content(): Promise<Seen[]> {
    const kafka = new Kafka({ brokers: [...this.brokers], logLevel: logLevel.NOTHING });
    const ends = (await this.transport.partitionEnds(this.topic)) ?? [];
    const consumer = kafka.consumer({ groupId: randomUUID(), readUncommitted: false });
    await consumer.connect();
    await consumer.subscribe({ topic: this.topic, fromBeginning: true });
    const seen: Seen[] = [];
    const left = new Map(ends.filter(({ low, high }) => high > low).map(({ partition, high }) => [partition, high]));
    try {
      await new Promise<void>((done, fail) => {
        if (left.size === 0) return done();
        const tooLate = (): void => fail(new Error(`partitions not read to their end: ${[...left.keys()].join()}`));
        setTimeout(tooLate, WAIT_MS).unref();
        void consumer.run({
          eachBatch: async ({ batch }) => {
            for (const { key, value, headers } of batch.messages) {
              const texts = Object.entries(headers ?? {}).map(([name, text]) => [name, String(text)] as const);
              const { partition } = batch;
              seen.push({ partition, key: String(key), value: String(value), headers: Object.fromEntries(texts) });
            }
            // The last offset of a committed transaction is its marker.
            if (BigInt(batch.lastOffset()) + 2n >= (left.get(batch.partition) ?? 0n)) left.delete(batch.partition);
            if (left.size === 0) done();
          },
        });
      });
    } finally {
      await consumer.disconnect();
    }
    return seen;
  }

  /**
   * What is not as promised to a reader who follows the chains (docs/kafka-events.md), first to last: every event of the log after
   * `gone`, as it stands there, in order for each stream, nothing else, and no hole told but those before `gone`.
   */
  async differences({ gone = 0 } = {}): Promise<string[]> {
    await this.append(60, 1); // in every partition: ends of partitions are known by it
    await this.published();
    const seen = onceEach(await this.content(), gone);
    const events = new Map(
      (await this.store.readAll({ after: gone, limit: 1_000_000 })).map((one) => [one.position, one]),
    );
    const positions = new Set(seen.map(({ headers }) => Number(headers['position'])));
    const partitions = await this.#partitionsByEpoch();
    const altered = seen.filter((one) => {
      const [position, previous, epoch] = ['position', 'previous', 'epoch'].map((name) => Number(one.headers[name]));
      const event = events.get(position!);
      if (!event) return true;
      const partition = partitionOf(event.stream, partitions.get(epoch!)!);
      const written = { ...event, data: JSON.stringify(event.data), metadata: JSON.stringify(event.metadata) };
      return !isDeepStrictEqual(
        one,
        cloudEvent(this.source, written, { partition, epoch: epoch!, previous: previous! }),
      );
    });
    return [
      ...[...events.keys()].filter((position) => !positions.has(position)).map((position) => `missing: ${position}`),
      ...altered.map((one) => `not as in the log: ${JSON.stringify(one)}`),
      ...holes(seen, gone).map((one) => `after a hole: ${JSON.stringify(one)}`),
      ...disordered(seen).map((one) => `behind a later event of its stream: ${JSON.stringify(one)}`),
    ].slice(0, DIFFERENCES_MAX);
  }

  async #partitionsByEpoch(): Promise<Map<number, number>> {
    const { rows } = await this.database.pool.query<{ epoch: number; partitions: number }>(
      'SELECT epoch, partitions FROM relay.epoch',
    );
    return new Map(rows.map(({ epoch, partitions }) => [epoch, partitions]));
  }
}

/** Without what was published twice: what is not beyond the last position of its partition. */
function onceEach(content: readonly Seen[], gone: number): Seen[] {
  const last = new Map<number, number>();
  return content.filter(({ partition, headers }) => {
    const position = Number(headers['position']);
    if (position <= (last.get(partition) ?? gone)) return false;
    last.set(partition, position);
    return true;
  });
}

/** What names a position before it that was not seen in its partition. */
function holes(seen: readonly Seen[], gone: number): Seen[] {
  const last = new Map<number, number>();
  return seen.filter(({ partition, headers }) => {
    const before = last.get(partition) ?? gone;
    last.set(partition, Number(headers['position']));
    return Number(headers['previous']) > before;
  });
}

function disordered(seen: readonly Seen[]): Seen[] {
  const versions = new Map<string, number>();
  return seen.filter(({ partition, key, headers }) => {
    const place = `${partition} ${key}`;
    const version = Number(headers['version']);
    const before = versions.get(place) ?? 0;
    versions.set(place, version);
    return version <= before;
  });
}
