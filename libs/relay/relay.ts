/**
 * The event log is the outbox: a subscription publishes every event to one topic, in order, key = stream. Published first,
 * then counted as published in the checkpoint's transaction, whose commit is not waited for to reach the disk: at least once, and
 * again with the same `previous` after a crash. Of several relays one is active (the subscription's lock); the broker fences the
 * one before it.
 */
import type { Pool, PoolClient } from 'pg';
import { type EventStore, subscribe, type SubscriptionState } from '#event-store';
import { type OutgoingMessage, partitionOf, type Publisher, type TopicSettings, type Transport } from '#kafka';
import { cloudEvent, storedEvent, type StoredEvent } from './cloud-event.js';
import { EVENTS_TOPIC } from './topic.js';
import { currentEpoch, readTails, type TopicEpoch, writeTails } from './topic-epoch.js';

export type RelayOptions = {
  readonly store: EventStore;
  /** An active relay keeps one of its connections. */
  readonly pool: Pool;
  readonly transport: Pick<Transport, 'ensureTopic' | 'publisher'>;
  /** Names this log to consumers: `ce_source`. */
  readonly source: string;
  readonly topic?: string;
  readonly settings: TopicSettings;
  readonly onChange?: (state: SubscriptionState) => void;
};

export type Relay = {
  state(): SubscriptionState;
  /** Finishes the page at hand. */
  stop(): Promise<void>;
};

const PAGE_SIZE = 2_000;
/** A relay that says nothing for so long is cut off by PostgreSQL, and another takes over. */
const SILENCE_MS_MAX = 6_000;
const TOPIC_LOOK_MS = 10_000;
/** A transaction costs broker and readers the same for one event as for a hundred: after one, some are left to gather. */
const GATHER_MS = 40;

/** `limit` events, or what is there: events that retention gave up leave gaps, which may be long. */
async function readPage(store: EventStore, after: number, limit: number): Promise<StoredEvent[]> {
  const head = await store.head();
  const page: StoredEvent[] = [];
  for (let from = after; from < head && page.length < limit;) {
    const upTo = Math.min(from + limit - page.length, head);
    for await (const records of store.records({ after: from, upTo })) page.push(...records.map(storedEvent));
    from = upTo;
  }
  return page;
}

export function startRelay(options: RelayOptions): Relay {
  const relay = new LogRelay(options);
  const { store, pool, onChange } = options;
  const subscription = subscribe<StoredEvent>({
    store,
    pool,
    name: 'relay',
    pageSize: PAGE_SIZE,
    silenceMsMax: SILENCE_MS_MAX,
    read: (after, limit) => readPage(store, after, limit),
    readsAhead: true,
    pauseMs: GATHER_MS,
    prepare: async (connection) => void (await connection.query('SET synchronous_commit = off')),
    handle: (tx, events) => relay.publish(tx, events),
    ...(onChange && { onChange }),
  });
  return {
    state: () => subscription.state(),
    stop: async () => {
      await subscription.stop();
      await relay.close();
    },
  };
}

class LogRelay {
  #publisher: Publisher | undefined;
  #topic: { readonly partitions: number; readonly seenAt: number } | undefined;

  constructor(private readonly options: RelayOptions) {}

  /** Throws what the transport throws; it may pass, and the page is then published again. */
  async publish(tx: PoolClient, events: readonly StoredEvent[]): Promise<void> {
    const { transport, topic = EVENTS_TOPIC, source } = this.options;
    const epoch = await currentEpoch(tx, topic, await this.#partitions(topic), events[0]!.position - 1);
    const tails = await readTails(tx, epoch.epoch);
    try {
      this.#publisher ??= await transport.publisher(`${source} ${topic}`);
      await this.#publisher.publish(topic, this.#messages(events, epoch, tails));
    } catch (error) {
      this.#topic = undefined; // it may be gone, or have more partitions than it had
      await this.close();
      throw error;
    }
    await writeTails(tx, epoch.epoch, tails);
  }

  /** Moves the tails. One at a time: what lives no longer than its request costs the garbage collector least. */
  *#messages(
    events: readonly StoredEvent[],
    { epoch, partitions }: TopicEpoch,
    tails: Map<number, number>,
  ): Generator<OutgoingMessage> {
    for (const event of events) {
      const partition = partitionOf(event.stream, partitions);
      const previous = tails.get(partition) ?? 0;
      tails.set(partition, event.position);
      yield cloudEvent(this.options.source, event, { partition, epoch, previous });
    }
  }

  /** Made when it is missing; looked at again now and then, because an operator may have given it more partitions. */
  async #partitions(topic: string): Promise<number> {
    const now = performance.now();
    if (!this.#topic || now - this.#topic.seenAt > TOPIC_LOOK_MS) {
      const partitions = await this.options.transport.ensureTopic(topic, this.options.settings);
      this.#topic = { partitions, seenAt: now };
    }
    return this.#topic.partitions;
  }

  async close(): Promise<void> {
    const publisher = this.#publisher;
    this.#publisher = undefined;
    await publisher?.close();
  }
}
