/**
 * One member of a consumer group over KafkaJS. Where a partition is read on from is the reader's own business: from an offset of
 * its own, or from what the group has committed, which is told to Kafka once a second and so may be read again.
 */
import type { Consumer, EachBatchPayload } from 'kafkajs';
import type { ConsumeOptions, Consumption, IncomingMessage } from './transport.js';

const RETRY_MS = 500;
/** So often Kafka is told how far the member has come: every telling is a write of the broker's. */
const COMMIT_MS = 1_000;

export async function startConsuming(consumer: Consumer, topic: string, options: ConsumeOptions): Promise<Consumption> {
  const member = new GroupMember(consumer, topic, options);
  await member.start();
  return member;
}

class GroupMember implements Consumption {
  #stopping = false;
  /** Partitions that were assigned anew and not yet set to the reader's own offset. */
  readonly #unplaced = new Set<number>();
  /** By partition: the offset after what is done with, where Kafka was not told yet. */
  readonly #uncommitted = new Map<number, bigint>();
  #committing: NodeJS.Timeout | undefined;

  constructor(
    private readonly consumer: Consumer,
    private readonly topic: string,
    private readonly options: ConsumeOptions,
  ) {}

  async start(): Promise<void> {
    const { consumer, topic, options } = this;
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      const partitions = payload.memberAssignment[topic] ?? [];
      for (const partition of partitions) this.#unplaced.add(partition);
      for (const partition of this.#uncommitted.keys())
        if (!partitions.includes(partition)) this.#uncommitted.delete(partition);
      options.onAssigned?.(partitions);
      for (const partition of partitions) void this.#place(partition);
    });
    consumer.on(consumer.events.CRASH, ({ payload }) => options.onError?.(payload.error));
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: options.concurrency ?? 1,
      eachBatch: (payload) => this.#give(payload),
    });
    this.#committing = setInterval(() => void this.#commit(), COMMIT_MS).unref();
  }

  pause(partition: number): void {
    this.consumer.pause([{ topic: this.topic, partitions: [partition] }]);
  }

  resume(partition: number): void {
    this.consumer.resume([{ topic: this.topic, partitions: [partition] }]);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    clearInterval(this.#committing);
    await this.#commit();
    await this.consumer.disconnect();
  }

  /** From the offset that the reader has kept. What was fetched before that is not given. */
  async #place(partition: number): Promise<void> {
    try {
      const offset = await this.options.from(partition);
      this.consumer.seek({ topic: this.topic, partition, offset: String(offset ?? -2n) });
      this.#unplaced.delete(partition);
    } catch (error) {
      this.options.onError?.(error, partition);
      if (!this.#stopping) setTimeout(() => void this.#place(partition), RETRY_MS).unref();
    }
  }

  async #give({ batch, heartbeat, isRunning, isStale, resolveOffset, pause }: EachBatchPayload): Promise<void> {
    const { partition } = batch;
    if (!isRunning() || isStale() || this.#unplaced.has(partition)) return;
    const messages = batch.messages.map((message) => incoming(partition, message));
    try {
      await this.options.handle(partition, messages, heartbeat);
    } catch (error) {
      this.options.onError?.(error, partition);
      const resume = pause();
      setTimeout(resume, retryAfterMs(error)).unref();
      return;
    }
    resolveOffset(batch.lastOffset());
    await heartbeat();
    this.#uncommitted.set(partition, BigInt(batch.lastOffset()) + 1n);
  }

  /** What Kafka refuses it is told again with the next messages, by whoever has the partition then. */
  async #commit(): Promise<void> {
    const { consumer, topic } = this;
    const offsets = [...this.#uncommitted].map(([partition, next]) => ({ topic, partition, offset: String(next) }));
    this.#uncommitted.clear();
    if (offsets.length > 0) await consumer.commitOffsets(offsets).catch(() => {});
  }
}

/** As the error says, for what is worth no haste. */
function retryAfterMs(error: unknown): number {
  return error instanceof Error && 'retryAfterMs' in error ? Number(error.retryAfterMs) : RETRY_MS;
}

export function incoming(partition: number, message: EachBatchPayload['batch']['messages'][number]): IncomingMessage {
  const headers: Record<string, string> = {};
  for (const name in message.headers) headers[name] = String(message.headers[name]);
  return {
    partition,
    offset: BigInt(message.offset),
    key: message.key === null ? null : String(message.key),
    value: message.value,
    headers,
  };
}
