/**
 * One projection as a member of its consumer group: partitions are Kafka's to assign, places are ours (partition-writer.ts).
 * Modes, and what leads out of them:
 *   waiting      A process that is fed from the log is active, or database or broker does not answer; tried again -> live
 *   live         Consumes what Kafka gives. A partition in which an event cannot be applied stands still until an operator
 *                has decided; the others go on. Connection lost -> waiting
 *   stopped      By `stop()`. Final.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { PoolClient } from 'pg';
import { type EventStore, tryLock } from '#event-store';
import { type Consumption, deadLetterTopic, type IncomingMessage, type Transport } from '#kafka';
import { MessageInvalid, type RelayedRecord, relayedRecord, relayProgress } from '#relay';
import type { Pool } from 'pg';
import { PoisonedEvents } from '../poisoned-events.js';
import { isHandled, type Projection } from '../projection.js';
import { messageOf, type ProjectorStatus } from '../projectors.js';
import { copyToDeadLetters, DEAD_LETTERS } from './dead-letter-topic.js';
import { EpochUnknown, EventPoisoned, PartitionStopped } from './from-kafka.error.js';
import { findOffset, readPlaces, readPosition } from './partition-place.js';
import { PartitionWriter } from './partition-writer.js';

export type GroupProjectorOptions = {
  readonly store: EventStore;
  /** A live member keeps one of its connections. */
  readonly pool: Pool;
  readonly transport: Transport;
  readonly topic: string;
  readonly projection: Projection;
  readonly log: (message: string) => void;
};

const RETRY_MS = 500;
const LOOK_MS = 1_000;
/** When Kafka gives a member nothing for so long although the relay has published, it reads from the log. */
const SILENCE_MS = 5_000;
/** A member that hangs within a page, or whose network does, holds its partition no longer than this. */
const SILENCE_IN_PAGE_MS_MAX = 15_000;
/** Those whose messages have come are applied in one transaction. */
const PARTITIONS_AT_ONCE = 16;
const TROUBLE_MS = 5_000;

export class GroupProjector {
  readonly #poisoned: PoisonedEvents;
  readonly #stopping = new AbortController();
  /** Where an event could not be applied, by partition. */
  readonly #stopped = new Map<number, EventPoisoned>();
  #assigned: readonly number[] = [];
  #mode: 'waiting' | 'live' | 'stopped' = 'waiting';
  #trouble: { readonly since: number; isTold: boolean } | undefined;
  #lastGiven = 0;
  readonly #running: Promise<void>;

  constructor(private readonly options: GroupProjectorOptions) {
    this.#poisoned = new PoisonedEvents(options.store, options.pool, options.projection);
    this.#running = this.#run();
  }

  get name(): string {
    return this.options.projection.name;
  }

  async status(): Promise<ProjectorStatus> {
    const { pool, projection } = this.options;
    const [position, places] = await Promise.all([readPosition(pool, projection), readPlaces(pool, projection)]);
    const partitions = places.filter(({ partition }) => this.#assigned.includes(partition));
    const [first] = [...this.#stopped.values()].toSorted((a, b) => a.position - b.position);
    const error = first && { position: first.position, message: messageOf(first.cause) };
    const mode = first ? 'failed' : this.#mode;
    return { name: this.name, feed: 'kafka', mode, position, partitions, ...(error && { error }) };
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await this.#takeTurn().catch((error: unknown) => this.#tellTrouble(messageOf(error)));
      await delay(RETRY_MS, undefined, { signal }).catch(() => {});
    }
    this.#mode = 'stopped';
  }

  /** As long as the connection holds: the lock that keeps readers of the log away, and all that is written, share it. */
  async #takeTurn(): Promise<void> {
    const { pool, projection, transport, topic } = this.options;
    const connection = await pool.connect();
    const session = { isLost: false };
    connection.once('end', () => (session.isLost = true));
    let consumption: Consumption | undefined;
    try {
      if (!(await transport.partitionEnds(topic))) return; // the relay makes it
      if (!(await tryLock(connection, projection, 'together'))) return;
      await connection.query(`SET idle_in_transaction_session_timeout = ${SILENCE_IN_PAGE_MS_MAX}`);
      await this.#poisoned.load();
      const writer = this.#writerOn(connection);
      consumption = await this.#consume(writer);
      this.#mode = 'live';
      while (!this.#stopping.signal.aborted && !session.isLost) {
        await delay(LOOK_MS, undefined, { signal: this.#stopping.signal }).catch(() => {});
        await this.#lookForSilence(writer);
      }
    } finally {
      await consumption?.stop().catch(() => {});
      this.#assigned = [];
      this.#mode = 'waiting';
      connection.release(true); // ending the session gives the lock up
    }
  }

  #writerOn(connection: PoolClient): PartitionWriter {
    const { store, projection, log } = this.options;
    return new PartitionWriter({
      store,
      projection,
      connection,
      poisoned: this.#poisoned,
      onHole: ({ partition, after, upTo }) =>
        log(
          `projection ${projection.name}: partition ${partition} lacks events between ${after} and ${upTo}: read from the log`,
        ),
    });
  }

  async #consume(writer: PartitionWriter): Promise<Consumption> {
    const { transport, topic, pool, projection } = this.options;
    await transport.ensureTopic(deadLetterTopic(topic), DEAD_LETTERS);
    this.#lastGiven = performance.now();
    return transport.consume({
      group: consumerGroup(topic, projection.name),
      topic,
      concurrency: PARTITIONS_AT_ONCE,
      from: (partition) => findOffset(pool, projection, partition),
      handle: (partition, messages, beat) => this.#handle(writer, partition, messages, beat),
      onAssigned: (partitions) => {
        this.#assigned = partitions;
        this.#lastGiven = performance.now();
        for (const partition of this.#stopped.keys())
          if (!partitions.includes(partition)) this.#stopped.delete(partition);
      },
      onError: (error) => {
        if (!(error instanceof PartitionStopped || error instanceof EpochUnknown)) this.#tellTrouble(messageOf(error));
      },
    });
  }

  async #handle(
    writer: PartitionWriter,
    partition: number,
    messages: readonly IncomingMessage[],
    beat: () => Promise<void>,
  ): Promise<void> {
    const stopped = this.#stopped.get(partition);
    if (stopped && !(await this.#poisoned.isDecided(stopped.position))) throw new PartitionStopped(partition, stopped);
    try {
      await writer.apply(partition, await this.#read(messages), beat);
      this.#stopped.delete(partition);
      this.#trouble = undefined;
    } catch (error) {
      if (!(error instanceof EventPoisoned)) throw error;
      await this.#stopAt(partition, error, messages);
      throw new PartitionStopped(partition, error);
    } finally {
      this.#lastGiven = performance.now();
    }
  }

  /** What is no event of the log's is put aside: nothing that the log has is missed by that, the chain tells. */
  async #read(messages: readonly IncomingMessage[]): Promise<RelayedRecord[]> {
    const records: RelayedRecord[] = [];
    for (const message of messages) {
      try {
        records.push(relayedRecord(message, (type) => isHandled(this.options.projection, type)));
      } catch (error) {
        if (!(error instanceof MessageInvalid)) throw error;
        this.options.log(error.message);
        await this.#copy(message, error.code, error.message);
      }
    }
    return records;
  }

  async #stopAt(partition: number, poisoned: EventPoisoned, messages: readonly IncomingMessage[]): Promise<void> {
    const isKnown = this.#stopped.get(partition)?.position === poisoned.position;
    this.#stopped.set(partition, poisoned);
    await this.#poisoned.open(poisoned.position, poisoned.cause);
    if (isKnown) return;
    this.options.log(
      `${poisoned.message}: partition ${partition} stands still until it is retried or skipped (kerbtrail dlq)`,
    );
    const message = messages.find(({ headers }) => headers['position'] === String(poisoned.position));
    if (message) await this.#copy(message, poisoned.code, `projection ${this.name}, event ${poisoned.position}`);
  }

  #copy(message: IncomingMessage, code: string, reason: string): Promise<void> {
    const { transport, topic } = this.options;
    return copyToDeadLetters(transport, topic, message, { code, reason, by: `projection ${this.name}` });
  }

  /** A topic that was deleted, or a retention that has passed, is silent. */
  async #lookForSilence(writer: PartitionWriter): Promise<void> {
    const { pool, projection, log } = this.options;
    const [position, { position: published }] = await Promise.all([
      readPosition(pool, projection),
      relayProgress(pool),
    ]);
    if (position >= published || performance.now() - this.#lastGiven < SILENCE_MS) return;
    for (const { partition, upTo } of await writer.lacking()) {
      if (!this.#assigned.includes(partition) || this.#stopped.has(partition)) continue;
      const from = `projection ${projection.name}: Kafka gives nothing of partition ${partition}`;
      log(`${from}: read from the log to event ${upTo}`);
      await writer.fill(partition, upTo);
    }
  }

  /** What passes by itself within seconds, as at the start of a broker, is not worth a line. */
  #tellTrouble(trouble: string): void {
    const now = performance.now();
    this.#trouble ??= { since: now, isTold: false };
    if (this.#trouble.isTold || now - this.#trouble.since < TROUBLE_MS) return;
    this.#trouble.isTold = true;
    this.options.log(`projection ${this.name}: ${trouble}: tried again until it passes`);
  }
}

/** `kerbtrail.directory` for the topic `kerbtrail.events.v1`. */
function consumerGroup(topic: string, projection: string): string {
  return `${topic.replace(/\.events\.v1$/, '')}.${projection}`;
}
