/**
 * What Kerbtrail needs of a message broker, and no more: an ordered log of partitions, a publisher that fences its
 * predecessor, a group of consumers that keep their offsets themselves. KafkaJS stands behind it (kafka-transport.ts) and
 * nowhere else, so that it can be replaced there (docs/decisions/0010).
 */

export type OutgoingMessage = {
  readonly partition: number;
  readonly key: string;
  /** UTF-8 JSON. */
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
};

/** Where no chain has to be kept: the partition is that of the key. */
export type LooseMessage = Omit<OutgoingMessage, 'partition' | 'value'> & { readonly value: string | Buffer | null };

export type IncomingMessage = {
  readonly partition: number;
  readonly offset: bigint;
  readonly key: string | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, string>>;
};

export interface Publisher {
  /**
   * All of the messages or none become visible to readers of committed messages, in this order, after all that was
   * published before. Throws `PublisherFenced` once another publisher has begun under the same id, `BrokerUnavailable`
   * when the outcome is not known. One that has thrown is to be closed: another begins where the outcome is clear. A message
   * is asked for when it is about to be sent.
   */
  publish(topic: string, messages: Iterable<OutgoingMessage>): Promise<void>;
  close(): Promise<void>;
}

export type TopicSettings = {
  readonly partitions: number;
  /** Default: three where there are three brokers, of which two must have a message before it counts; else one. */
  readonly replicas?: number | undefined;
  /** Kafka's own names: `retention.ms`, `min.insync.replicas` … */
  readonly config?: Readonly<Record<string, string>>;
};

/** First offset that is there, and the offset after the last, per partition. */
export type PartitionEnds = { readonly partition: number; readonly low: bigint; readonly high: bigint };

export type ConsumeOptions = {
  readonly group: string;
  readonly topic: string;
  /** Partitions that this member works on at a time. Default 1. */
  readonly concurrency?: number;
  /** Offset to read on from in a partition just assigned; null: from its first message. */
  readonly from: (partition: number) => Promise<bigint | null>;
  /**
   * Messages of one partition in order of offset, one call at a time per partition. When it throws, the same messages are
   * given again after a while, or after the error's `retryAfterMs`. `beat` keeps the member in its group during long work.
   */
  readonly handle: (
    partition: number,
    messages: readonly IncomingMessage[],
    beat: () => Promise<void>,
  ) => Promise<void>;
  /** After every rebalance: the partitions that this member has now. */
  readonly onAssigned?: (partitions: readonly number[]) => void;
  readonly onError?: (error: unknown, partition?: number) => void;
};

export interface Consumption {
  /** Gives nothing more of this partition until it is resumed. */
  pause(partition: number): void;
  resume(partition: number): void;
  /** Finishes the messages at hand and leaves the group. */
  stop(): Promise<void>;
}

export interface Transport {
  /** Makes the topic when it is missing; gives the number of partitions that it has. */
  ensureTopic(topic: string, settings: TopicSettings): Promise<number>;
  /** Null when there is no such topic. */
  partitionEnds(topic: string): Promise<PartitionEnds[] | null>;
  /** Of a consumer group, per partition: the offset after what it committed. Partitions without one are left out. */
  committed(group: string, topic: string): Promise<ReadonlyMap<number, bigint>>;
  /**
   * Gives `take` the messages of one partition from offset `from` up to and with `to`, in order, those that are still there.
   * Throws `BrokerUnavailable` when that takes more than half a minute.
   */
  read(
    topic: string,
    partition: number,
    range: { readonly from: bigint; readonly to: bigint },
    take: (messages: readonly IncomingMessage[]) => void,
  ): Promise<void>;
  /** Begins under this id; whoever published under it before can publish no more. */
  publisher(id: string): Promise<Publisher>;
  /** Each at least once, in no promised order beside other senders. Throws `BrokerUnavailable`. */
  send(topic: string, messages: readonly LooseMessage[]): Promise<void>;
  /** Reads committed messages as a member of the group. */
  consume(options: ConsumeOptions): Promise<Consumption>;
  close(): Promise<void>;
}

export class PublisherFenced extends Error {
  readonly code = 'KAFKA_PUBLISHER_FENCED';
  /** A new publisher may begin. */
  readonly mayPass = true;
  constructor(id: string, cause: unknown) {
    super(`another publisher has taken over as ${id}: this one has stopped`, { cause });
  }
}

export class BrokerUnavailable extends Error {
  readonly code = 'KAFKA_UNAVAILABLE';
  readonly mayPass = true;
  constructor(action: string, cause: unknown) {
    super(`Kafka did not ${action}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
