/**
 * The transport over KafkaJS 2.2.4. A publisher is a transactional, idempotent producer: the broker counts its epoch up when
 * it begins, which fences whoever published under the same id. One request is in flight at a time, so order is kept.
 */
import { readFileSync } from 'node:fs';
import {
  type Admin,
  type ICustomPartitioner,
  Kafka,
  type KafkaConfig,
  KafkaJSError,
  logLevel,
  type Producer,
} from 'kafkajs';
import { startConsuming } from './kafka-consumption.js';
import { partitionOf } from './partition-of.js';
import {
  BrokerUnavailable,
  type ConsumeOptions,
  type Consumption,
  type LooseMessage,
  type OutgoingMessage,
  type PartitionEnds,
  type Publisher,
  PublisherFenced,
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

/** KafkaJS is bound by CPU; more in one request makes it slower (docs/performance.md). */
const MESSAGES_PER_REQUEST = 500;
const FETCH_BYTES_MAX = 2 * 1024 * 1024;
const SESSION_TIMEOUT_MS = 10_000;
const HEARTBEAT_MS = 1_000;
const TRANSACTION_TIMEOUT_MS = 30_000;
const RETRY = { initialRetryTime: 100, maxRetryTime: 2_000, retries: 12 };
/** So many survive the loss of one broker without a pause, and of two without a loss. */
const REPLICAS = 3;
const FENCED = new Set([
  'INVALID_PRODUCER_EPOCH',
  'PRODUCER_FENCED',
  'INVALID_TRANSACTION_STATE',
  'INVALID_PRODUCER_ID_MAPPING',
]);

export async function connectKafka(options: KafkaOptions): Promise<Transport> {
  const kafka = new Kafka(configOf(options));
  const admin = kafka.admin();
  await admin.connect().catch((cause: unknown) => {
    throw new BrokerUnavailable('answer', cause);
  });
  return new KafkaTransport(kafka, admin);
}

class KafkaTransport implements Transport {
  #sender: Promise<Producer> | undefined;

  constructor(
    private readonly kafka: Kafka,
    private readonly admin: Admin,
  ) {}

  async ensureTopic(topic: string, { partitions, config = {}, ...asked }: TopicSettings): Promise<number> {
    return attempt('make or describe a topic', async () => {
      const replicas = asked.replicas ?? (await this.#replicas());
      const safe = replicas >= REPLICAS ? { 'min.insync.replicas': '2', ...config } : config;
      const configEntries = Object.entries(safe).map(([name, value]) => ({ name, value }));
      await this.admin.createTopics({
        waitForLeaders: true,
        topics: [{ topic, numPartitions: partitions, replicationFactor: replicas, configEntries }],
      });
      const { topics } = await this.admin.fetchTopicMetadata({ topics: [topic] });
      return topics[0]!.partitions.length;
    });
  }

  async partitionEnds(topic: string): Promise<PartitionEnds[] | null> {
    return attempt('tell the offsets of a topic', async () => {
      if (!(await this.admin.listTopics()).includes(topic)) return null;
      await this.admin.fetchTopicMetadata({ topics: [topic] }); // else partitions made meanwhile stay unknown
      const offsets = await this.admin.fetchTopicOffsets(topic);
      return offsets
        .map(({ partition, low, high }) => ({ partition, low: BigInt(low), high: BigInt(high) }))
        .toSorted((a, b) => a.partition - b.partition);
    });
  }

  async publisher(id: string): Promise<Publisher> {
    const producer = this.kafka.producer({
      transactionalId: id,
      idempotent: true,
      maxInFlightRequests: 1,
      transactionTimeout: TRANSACTION_TIMEOUT_MS,
    });
    await attempt('take a publisher', () => producer.connect());
    return new KafkaPublisher(producer, id);
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
    });
    return attempt('take a consumer', () => startConsuming(consumer, topic, options));
  }

  async send(topic: string, messages: readonly LooseMessage[]): Promise<void> {
    return attempt('take the messages', async () => {
      const producer = await (this.#sender ??= this.#openSender());
      await producer.send({ topic, acks: -1, messages: messages as LooseMessage[] });
    });
  }

  async close(): Promise<void> {
    await (await this.#sender?.catch(() => undefined))?.disconnect();
    await this.admin.disconnect();
  }

  async #replicas(): Promise<number> {
    const { brokers } = await this.admin.describeCluster();
    return brokers.length >= REPLICAS ? REPLICAS : 1;
  }

  async #openSender(): Promise<Producer> {
    const producer = this.kafka.producer({ idempotent: true, maxInFlightRequests: 1, createPartitioner: byKey });
    await producer.connect().catch((error: unknown) => {
      this.#sender = undefined;
      throw error;
    });
    return producer;
  }
}

class KafkaPublisher implements Publisher {
  constructor(
    private readonly producer: Producer,
    private readonly id: string,
  ) {}

  async publish(topic: string, messages: readonly OutgoingMessage[]): Promise<void> {
    try {
      const transaction = await this.producer.transaction();
      try {
        for (let at = 0; at < messages.length; at += MESSAGES_PER_REQUEST) {
          const part = messages.slice(at, at + MESSAGES_PER_REQUEST);
          await transaction.send({ topic, acks: -1, messages: part as OutgoingMessage[] });
        }
        await transaction.commit();
      } catch (error) {
        await transaction.abort().catch(() => {}); // the first error is the cause; the broker aborts what is left open
        throw error;
      }
    } catch (cause) {
      if (isFenced(cause)) throw new PublisherFenced(this.id, cause);
      throw new BrokerUnavailable('take the messages', cause);
    }
  }

  close(): Promise<void> {
    return this.producer.disconnect();
  }
}

/** As the relay and Apache's clients choose it. */
const byKey: ICustomPartitioner =
  () =>
  ({ message, partitionMetadata }) =>
    partitionOf(String(message.key ?? ''), partitionMetadata.length);

function isFenced(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = (cause as Error & { cause?: unknown }).cause) {
    if (FENCED.has((cause as { type?: string }).type ?? '')) return true;
  }
  return false;
}

async function attempt<T>(action: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw cause instanceof KafkaJSError ? new BrokerUnavailable(action, cause) : cause;
  }
}

function configOf({ brokers, clientId, tls, sasl, log }: KafkaOptions): KafkaConfig {
  return {
    brokers: [...brokers],
    clientId,
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
