/**
 * Ingestion from Kafka: raw records of collectors, from the topic `kerbtrail.raw.v1` into the log. Offsets are committed to
 * Kafka after the append, so a message may be read twice and is in the log once. A message that no parser takes goes to the
 * quarantine (raw-quarantine.ts) and the next one is read.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from 'pg';
import type { LogPorts } from '#directory';
import { type Consumption, deadLetterTopic, type IncomingMessage, type TopicSettings, type Transport } from '#kafka';
import { RawLog } from './raw-append.js';
import { retryLetters } from './raw-letters.js';
import { LOOK_BACK, RawPartition } from './raw-partition.js';
import { quarantine } from './raw-quarantine.js';

export const RAW_TOPIC = 'kerbtrail.raw.v1';
export const INGEST_GROUP = 'kerbtrail.ingest';

export type RawIngestionOptions = LogPorts & {
  readonly transport: Transport;
  readonly pool: Pool;
  readonly topic?: string;
  /** For the topic and its `.dlq`, when they are missing. */
  readonly settings: TopicSettings;
  readonly log?: (message: string) => void;
};

export type RawIngestionStatus = {
  readonly state: 'connecting' | 'running' | 'stopped';
  /** Those of this process: the next offset, and how many messages there are from it on; null until it is known. */
  readonly partitions: readonly { readonly partition: number; readonly next: bigint; readonly behind: number | null }[];
  /** Events since the start of this process: new in the log, and there already. */
  readonly appended: number;
  readonly duplicates: number;
  /** Messages that say nothing in our vocabulary, and messages that were quarantined. */
  readonly unmapped: number;
  readonly refused: number;
  /** What went wrong last, until something goes well again. */
  readonly error: { readonly code: string; readonly message: string } | null;
};

export type RawIngestion = {
  status(): RawIngestionStatus;
  /** Finishes the messages at hand and leaves the group. */
  stop(): Promise<void>;
};

/** Who binds a source to its forest. */
const ACTOR = 'ingest';
const CONNECT_AGAIN_MS = 1_000;
const BEAT_MS = 1_000;
const LETTERS_LOOK_MS = 1_000;
const LAG_LOOK_MS = 5_000;
/**
 * Beats stamp a message with its event's time: an old event would be past its retention when it comes. And the consumer reads
 * gzip alone of what collectors may compress with, so the broker stores gzip.
 */
const RAW_TOPIC_CONFIG = { 'message.timestamp.type': 'LogAppendTime', 'compression.type': 'gzip' };
/** Parsing takes one thread; meanwhile another partition's events are written. */
const CONCURRENCY = 2;

/** Goes on by itself when broker or log are away for a while. */
export function startRawIngestion(options: RawIngestionOptions): RawIngestion {
  const ingestion = new Ingestion(options);
  return { status: () => ingestion.status(), stop: () => ingestion.stop() };
}

class Ingestion {
  readonly #topic: string;
  readonly #log: RawLog;
  readonly #partitions = new Map<number, RawPartition>();
  readonly #ends = new Map<number, bigint>();
  readonly #stopping = new AbortController();
  readonly #running: Promise<unknown>;
  #consumption: Consumption | undefined;
  #counts = { unmapped: 0, refused: 0 };
  #error: RawIngestionStatus['error'] = null;

  constructor(private readonly options: RawIngestionOptions) {
    this.#topic = options.topic ?? RAW_TOPIC;
    this.#log = new RawLog(options, ACTOR);
    this.#running = Promise.all([
      this.#connect(),
      this.#every(LETTERS_LOOK_MS, () => this.#retryLetters()),
      this.#every(LAG_LOOK_MS, () => this.#lookAtEnds()),
    ]);
  }

  status(): RawIngestionStatus {
    const running = this.#consumption ? 'running' : 'connecting';
    const partitions = [...this.#partitions].map(([partition, { next }]) => {
      const end = this.#ends.get(partition);
      return { partition, next, behind: end === undefined ? null : Math.max(0, Number(end - next)) };
    });
    return {
      state: this.#stopping.signal.aborted ? 'stopped' : running,
      partitions: partitions.toSorted((a, b) => a.partition - b.partition),
      ...this.#log.counts,
      ...this.#counts,
      error: this.#error,
    };
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    await this.#consumption?.stop();
  }

  async #connect(): Promise<void> {
    const { transport, settings } = this.options;
    while (!this.#stopping.signal.aborted) {
      try {
        await transport.ensureTopic(this.#topic, { ...settings, config: { ...RAW_TOPIC_CONFIG, ...settings.config } });
        await transport.ensureTopic(deadLetterTopic(this.#topic), { ...settings, partitions: 1 });
        this.#consumption = await this.#consume();
        return;
      } catch (error) {
        this.#failed(error);
        await this.#pause(CONNECT_AGAIN_MS);
      }
    }
  }

  #consume(): Promise<Consumption> {
    return this.options.transport.consume({
      group: INGEST_GROUP,
      topic: this.#topic,
      concurrency: CONCURRENCY,
      from: (partition) => this.#begin(partition),
      handle: (partition, messages, beat) => whileBeating(beat, this.#take(partition, messages)),
      onAssigned: (partitions) => this.#keepOnly(partitions),
      onError: (error) => this.#failed(error),
    });
  }

  /** A group that has committed beyond the end has known another topic of this name. */
  async #begin(partition: number): Promise<bigint> {
    const { transport } = this.options;
    const committed = (await transport.committed(INGEST_GROUP, this.#topic)).get(partition);
    const ends = (await transport.partitionEnds(this.#topic))?.find((one) => one.partition === partition);
    const low = ends?.low ?? 0n;
    const known = committed !== undefined && ends && committed <= ends.high ? committed : low;
    if (known < low) this.options.log?.(expired(this.#topic, partition, known, low));
    const from = known - LOOK_BACK > low ? known - LOOK_BACK : low;
    this.#partitions.set(partition, new RawPartition(known, from));
    return from;
  }

  #keepOnly(partitions: readonly number[]): void {
    for (const known of this.#partitions.keys()) if (!partitions.includes(known)) this.#partitions.delete(known);
  }

  async #take(number: number, messages: readonly IncomingMessage[]): Promise<void> {
    const partition = this.#partitions.get(number);
    if (!partition) throw new Error(`partition ${number} was given before its offset was asked for`);
    const appended = await this.#log.append(partition.take(messages));
    const refused = appended.flatMap(({ message: { message }, refusal }) => (refusal ? [{ message, refusal }] : []));
    await quarantine({ ...this.options, topic: this.#topic }, refused);
    this.#counts.refused += refused.length;
    this.#counts.unmapped += appended.filter(({ message, refusal }) => !refusal && message.records.length === 0).length;
    partition.settled();
    this.#error = null;
  }

  async #retryLetters(): Promise<void> {
    if (this.#partitions.size === 0) return;
    await retryLetters({ ...this.options, topic: this.#topic, rawLog: this.#log }, this.#partitions);
  }

  async #lookAtEnds(): Promise<void> {
    if (!this.#consumption) return;
    const ends = (await this.options.transport.partitionEnds(this.#topic)) ?? [];
    for (const { partition, high } of ends) this.#ends.set(partition, high);
  }

  async #every(ms: number, work: () => Promise<void>): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      await work().catch((error: unknown) => this.#failed(error));
      await this.#pause(ms);
    }
  }

  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#stopping.signal }).catch(() => {}); // stopped
  }

  #failed(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'INTERNAL';
    if (message !== this.#error?.message) this.options.log?.(`ingestion from Kafka: ${message}`);
    this.#error = { code, message };
  }
}

/** So that the member stays in its group while the log makes it wait. */
async function whileBeating(beat: () => Promise<void>, work: Promise<void>): Promise<void> {
  const timer = setInterval(() => void beat().catch(() => {}), BEAT_MS); // a rebalance is told when the work is done
  try {
    await work;
  } finally {
    clearInterval(timer);
  }
}

function expired(topic: string, partition: number, known: bigint, low: bigint): string {
  return `ingestion from Kafka: ${low - known} messages of ${topic} partition ${partition} were removed by its retention before they were read`;
}
