/**
 * The event log on PostgreSQL: the interface of event-store.ts over schema `log` (prisma/migrations/0002_event_log).
 * Reading has no rule but "in order of position", because positions become visible in order.
 */
import type { Pool } from 'pg';
import { AppendQueue, type QueueLimits } from './append-queue.js';
import { prepareItem, type Preparation } from './append-item.js';
import { readReceipts } from './append-receipts.js';
import { Batch } from './batch.js';
import type { Catalogue } from './catalogue.js';
import { type Clock, createSystemClock, type Random, systemRandom } from './clock.js';
import type { RecordedEvent } from './event.js';
import { EventDecoder, type LogRecord } from './event-decoder.js';
import { eventType } from './event-body.js';
import { createIdSource } from './event-id.js';
import { LogUnavailable, StreamTooLong } from './event-store.error.js';
import type { AppendItem, AppendResult, EventStore, LeafRecord, LogRange, ReplayOptions } from './event-store.js';
import { LogReader } from './log-reader.js';
import { RecentEvents } from './recent-events.js';
import { Sealer } from './sealing/seal-event.js';
import type { SubjectKeys } from './sealing/subject-keys.js';
import { readStreamHeads, StreamHeads } from './stream-heads.js';
import { definitionsByType, upcastersDigest } from './upcast.js';

export type EventStoreOptions = {
  /** Of `createPool`. The store does not end it. */
  readonly pool: Pool;
  /** Two connections of its own keep appends from waiting behind reads. Default: `pool`. */
  readonly appendPool?: Pool;
  readonly catalogues: readonly Catalogue[];
  readonly clock?: Clock;
  readonly random?: Random;
  readonly queue?: QueueLimits;
  /** With them, personal data is sealed when it is appended and opened when it is read; without, it is kept as it comes. */
  readonly subjectKeys?: SubjectKeys;
  /** Folder of sealed segments; needed once partitions have been detached (docs/archive.md). */
  readonly segmentsFolder?: string;
};

const QUEUE: QueueLimits = { itemsMax: 20_000, bytesMax: 32 * 1024 * 1024 };
const STREAM_EVENTS_MAX = 100_000;

const RECEIPTS_PER_QUERY = 1_000;

type ReceiptQuestion = { readonly id: string; readonly digest: Uint8Array };
type FirstAnswer = Awaited<ReturnType<EventStore['receipt']>>;

export function createEventStore(options: EventStoreOptions): EventStore {
  return new PostgresEventStore(options);
}

class PostgresEventStore implements EventStore {
  readonly upcasters: string;
  readonly #pool: Pool;
  readonly #heads = new StreamHeads();
  readonly #queue: AppendQueue;
  readonly #preparation: Preparation;
  readonly #reader: LogReader;
  readonly #decoder: EventDecoder;
  readonly #sealer: Sealer | null;
  readonly #recent = new RecentEvents();
  /** The last append, once it is in the queue. */
  #queued: Promise<unknown> = Promise.resolve();
  readonly #receipts = new Batch((asked: readonly ReceiptQuestion[]) => this.#readReceipts(asked), RECEIPTS_PER_QUERY);

  constructor({
    pool,
    appendPool = pool,
    catalogues,
    clock = createSystemClock(),
    random = systemRandom,
    queue = QUEUE,
    subjectKeys,
    segmentsFolder,
  }: EventStoreOptions) {
    this.#pool = pool;
    this.#reader = new LogReader(pool, segmentsFolder);
    this.#queue = new AppendQueue(appendPool, pool, this.#heads, clock, queue);
    const definitions = definitionsByType(catalogues);
    this.upcasters = upcastersDigest(definitions);
    this.#decoder = new EventDecoder(definitions, subjectKeys);
    const newId = createIdSource(random);
    this.#sealer = subjectKeys ? new Sealer(definitions, subjectKeys, newId, random) : null;
    this.#preparation = { definitions, newId };
  }

  async append(items: readonly AppendItem[]): Promise<AppendResult[]> {
    if (!this.#sealer) return this.#enqueue(items);
    // Keys may have to be waited for, but calls enter the queue in the order in which they were made.
    const queued = Promise.all([this.#sealer.seal(items), this.#queued]).then(([sealed]) => ({
      answered: this.#enqueue(sealed),
    }));
    this.#queued = queued.catch(() => {});
    return (await queued).answered;
  }

  #enqueue(items: readonly AppendItem[]): Promise<AppendResult[]> {
    return this.#queue.append(items.map((item) => prepareItem(item, this.#preparation)));
  }

  receipt(id: string, digest: Uint8Array): Promise<FirstAnswer> {
    return this.#receipts.ask({ id: id.toLowerCase(), digest });
  }

  async versions(streams: readonly string[]): Promise<Map<string, number>> {
    const heads = await readStreamHeads(this.#pool, streams).catch((cause: unknown) => {
      throw new LogUnavailable('read', cause);
    });
    return new Map([...heads].map(([stream, { version }]) => [stream, version]));
  }

  async readStream(stream: string, { fromVersion = 1, limit = STREAM_EVENTS_MAX } = {}): Promise<RecordedEvent[]> {
    const rows = await this.#reader.stream({ stream, fromVersion, limit });
    if (rows.length > limit) throw new StreamTooLong(stream, limit);
    // Who reads a stream is likely to append to it.
    const last = rows.at(-1);
    if (last) this.#heads.learn(stream, { version: last.version, leaf: last.leaf });
    return this.#decoder.decode(rows);
  }

  positionsOf(stream: string, limit: number): Promise<number[]> {
    return this.#reader.positions(stream, limit);
  }

  async readAll({
    after,
    limit,
    upTo = Number.MAX_SAFE_INTEGER,
  }: {
    after: number;
    limit: number;
    upTo?: number;
  }): Promise<RecordedEvent[]> {
    const shared = upTo === Number.MAX_SAFE_INTEGER ? this.#recent.after(after, limit, performance.now()) : [];
    if (shared.length === limit) return shared;
    // What has come since is always asked for: who gets less than the limit may take it for the end.
    const records = await this.#reader.page({ after: after + shared.length, limit: limit - shared.length, upTo });
    const events = await this.decode(records);
    this.#recent.keep(events, performance.now());
    return [...shared, ...events];
  }

  async *replay({ types, onRecords, ...range }: ReplayOptions): AsyncGenerator<readonly RecordedEvent[]> {
    for await (const page of this.records(range)) {
      onRecords?.(page);
      const wanted = types ? page.filter(({ body }) => types.has(eventType(body))) : page;
      if (wanted.length > 0) yield await this.decode(wanted);
    }
  }

  records(range: LogRange): AsyncGenerator<readonly LogRecord[]> {
    return this.#reader.records(range);
  }

  recordsAt(positions: readonly number[]): Promise<LeafRecord[]> {
    return this.#reader.at(positions);
  }

  decode(records: readonly LogRecord[]): Promise<RecordedEvent[]> {
    return this.#decoder.decode(records);
  }

  head(): Promise<number> {
    return this.#reader.head();
  }

  async #readReceipts(asked: readonly ReceiptQuestion[]): Promise<FirstAnswer[]> {
    const ids = asked.map(({ id }) => id);
    const receipts = await readReceipts(this.#pool, ids).catch((cause: unknown) => {
      throw new LogUnavailable('read', cause);
    });
    return asked.map(({ id, digest }) => {
      const receipt = receipts.get(id);
      if (!receipt) return null;
      if (Buffer.compare(receipt.digest, digest) !== 0) return { status: 'id_reuse', id };
      return { status: 'duplicate', position: receipt.position, reply: receipt.reply };
    });
  }
}
