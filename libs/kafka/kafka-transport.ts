/**
 * The transport over KafkaJS 2.2.4. A publisher is a transactional, idempotent producer: the broker counts its epoch up when
 * it begins, which fences whoever published under the same id.
 */
import { readFileSync } from 'node:fs';
import { type Admin, Kafka, type KafkaConfig, logLevel, type Producer } from 'kafkajs';
import { AdminSession } from './kafka-admin.js';
import { startConsuming } from './kafka-consumption.js';
import { openPublisher, sendAll } from './kafka-publisher.js';
import { readStretch } from './kafka-read.js';
import { partitionOf } from './partition-of.js';
import {
  BrokerUnavailable,
  type ConsumeOptions,
  type Consumption,
  type LooseMessage,
  type PartitionEnds,
  type Publisher,
  type TopicSettings,
  type Transport,
} from './transport.js';

export type KafkaOptions = {
  /** host:port of one broker or more. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** Paths of PEM files; `true`: the system's authorities. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string } | true | undefined;
  readonly sasl?:
    | {
        readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
        readonly username: string;
        readonly password: string;
      }
    | undefined;
  readonly log?: (message: string) => void;
};

const FETCH_BYTES_MAX = 2 * 1024 * 1024;
/** A member that waits for messages hears of a rebalance, or that it shall stop, only afterwards. */
const FETCH_WAIT_MS = 500;
const SESSION_TIMEOUT_MS = 10_000;
const HEARTBEAT_MS = 1_000;
/** So soon a consumer sees that a topic has more partitions. */
const METADATA_MAX_AGE_MS = 10_000;
const TRANSACTION_TIMEOUT_MS = 30_000;
/** One request is in flight at a time, so order is kept. A topic is made by whoever owns it, with as many partitions as it says. */
const PRODUCER = { idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false } as const;
/** A broker that hangs is known by it; long waits (fetch, join) have limits of their own. */
const REQUEST_TIMEOUT_MS = 10_000;
const RETRY = { initialRetryTime: 100, maxRetryTime: 2_000, retries: 12 };
/** A transaction cannot begin before the broker has ended the one before, which takes milliseconds: Apache's client waits 20, too. */
const PUBLISHER_RETRY = { ...RETRY, initialRetryTime: 20, retries: 14 };
/** So many survive the loss of one broker without a pause, and of two without a loss. */
const REPLICAS = 3;

export async function connectKafka(options: KafkaOptions): Promise<Transport> {
  const kafka = new Kafka(configOf(options));
  const admin = new AdminSession(kafka);
  await admin.run('answer', async () => {});
  return new KafkaTransport(kafka, admin);
}

class KafkaTransport implements Transport {
  #sender: Promise<Producer> | undefined;

  constructor(
    private readonly kafka: Kafka,
    private readonly admin: AdminSession,
  ) {}

  async ensureTopic(topic: string, { partitions, config = {}, ...asked }: TopicSettings): Promise<number> {
    return this.admin.run('make or describe a topic', async (admin) => {
      const replicas = asked.replicas ?? (await replicasOf(admin));
      const safe = replicas >= REPLICAS ? { 'min.insync.replicas': '2', ...config } : config;
      const configEntries = Object.entries(safe).map(([name, value]) => ({ name, value }));
      await admin.createTopics({
        waitForLeaders: true,
        topics: [{ topic, numPartitions: partitions, replicationFactor: replicas, configEntries }],
      });
      return partitionsOf(admin, topic);
    });
  }

  async partitionEnds(topic: string): Promise<PartitionEnds[] | null> {
    return this.admin.run('tell the offsets of a topic', async (admin) => {
      if (!(await admin.listTopics()).includes(topic)) return null;
      await admin.fetchTopicMetadata({ topics: [topic] }); // else partitions made meanwhile stay unknown
      const offsets = await admin.fetchTopicOffsets(topic);
      return offsets
        .map(({ partition, low, high }) => ({ partition, low: BigInt(low), high: BigInt(high) }))
        .toSorted((a, b) => a.partition - b.partition);
    });
  }

  async publisher(id: string): Promise<Publisher> {
    const producer = this.kafka.producer({
      ...PRODUCER,
      transactionalId: id,
      transactionTimeout: TRANSACTION_TIMEOUT_MS,
      retry: PUBLISHER_RETRY,
    });
    return attempt('take a publisher', () => openPublisher(producer, id));
  }

  async consume(options: ConsumeOptions): Promise<Consumption> {
    const { group, topic } = options;
    const consumer = this.kafka.consumer({
      groupId: group,
      readUncommitted: false,
      allowAutoTopicCreation: false,
      maxBytesPerPartition: FETCH_BYTES_MAX,
      sessionTimeout: SESSION_TIMEOUT_MS,
      heartbeatInterval: HEARTBEAT_MS,
      maxWaitTimeInMs: FETCH_WAIT_MS,
      metadataMaxAge: METADATA_MAX_AGE_MS,
      retry: { ...RETRY, restartOnFailure: async () => true },
    });
    return attempt('take a consumer', () => startConsuming(consumer, topic, options));
  }

  async committed(group: string, topic: string): Promise<ReadonlyMap<number, bigint>> {
    return this.admin.run('tell what a group has committed', async (admin) => {
      const [offsets] = await admin.fetchOffsets({ groupId: group, topics: [topic] });
      const known = (offsets?.partitions ?? []).map(({ partition, offset }) => [partition, BigInt(offset)] as const);
      return new Map(known.filter(([, offset]) => offset >= 0n));
    });
  }

  async read(...[topic, partition, range, take]: Parameters<Transport['read']>): Promise<void> {
    return this.admin.run('give the messages of a partition', (admin) =>
      readStretch(this.kafka, admin, { topic, partition, ...range }, take),
    );
  }

  async send(topic: string, messages: readonly LooseMessage[]): Promise<void> {
    const partitions = await this.admin.run('describe a topic', (admin) => partitionsOf(admin, topic));
    return attempt('take the messages', async () => {
      const opened = (this.#sender ??= this.#openSender());
      const producer = await opened;
      const placed = messages.map((message) => ({ ...message, partition: partitionOf(message.key, partitions) }));
      await sendAll(producer, topic, placed).catch(async (error: unknown) => {
        if (this.#sender === opened) this.#sender = undefined;
        await producer.disconnect();
        throw error;
      });
    });
  }

  async close(): Promise<void> {
    await (await this.#sender?.catch(() => undefined))?.disconnect();
    await this.admin.close();
  }

  async #openSender(): Promise<Producer> {
    const producer = this.kafka.producer(PRODUCER);
    await producer.connect().catch((error: unknown) => {
      this.#sender = undefined;
      throw error;
    });
    return producer;
  }
}

async function replicasOf(admin: Admin): Promise<number> {
  const { brokers } = await admin.describeCluster();
  return brokers.length >= REPLICAS ? REPLICAS : 1;
}

async function partitionsOf(admin: Admin, topic: string): Promise<number> {
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
  return topics[0]!.partitions.length;
}

async function attempt<T>(action: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new BrokerUnavailable(action, cause);
  }
}

function configOf({ brokers, clientId, tls, sasl, log }: KafkaOptions): KafkaConfig {
  return {
    brokers: [...brokers],
    clientId,
    requestTimeout: REQUEST_TIMEOUT_MS,
    retry: RETRY,
    logLevel: log ? logLevel.WARN : logLevel.NOTHING,
    ...(log && {
      logCreator:
        () =>
        ({ log: entry }) =>
          log(`kafka: ${entry.message}`),
    }),
    ...(tls && { ssl: tls === true ? true : pem(tls) }),
    ...(sasl && { sasl: sasl as NonNullable<KafkaConfig['sasl']> }),
  };
}

function pem({ ca, cert, key }: { ca?: string; cert?: string; key?: string }): Record<string, unknown> {
  const read = (path: string | undefined): string | undefined =>
    path === undefined ? undefined : readFileSync(path, 'utf8');
  const [caText, certText, keyText] = [read(ca), read(cert), read(key)];
  return { ...(caText && { ca: [caText] }), ...(certText && { cert: certText }), ...(keyText && { key: keyText }) };
}
