/**
 * The event log on PostgreSQL: the interface of event-store.ts over schema `log` (prisma/migrations/0002_event_log).
 * Reading has no rule but "in order of position", because positions become visible in order.
 */
import type { Pool, QueryResultRow } from 'pg';
import { AppendQueue, type QueueLimits } from './append-queue.js';
import { prepareItem, type Preparation } from './append-item.js';
import type { Catalogue } from './catalogue.js';
import { type Clock, createSystemClock, type Random, systemRandom } from './clock.js';
import type { RecordedEvent } from './event.js';
import { decodeEvent } from './event-body.js';
import { newEventId } from './event-id.js';
import { LogUnavailable, StreamTooLong } from './event-store.error.js';
import type { AppendItem, AppendResult, Committed, EventStore } from './event-store.js';
import { readStreamHeads, StreamHeads } from './stream-heads.js';
import { definitionsByType, upcast } from './upcast.js';

export type EventStoreOptions = {
  /** Of `createPool`. The store does not end it. */
  readonly pool: Pool;
  /** Two connections of its own keep appends from waiting behind reads. Default: `pool`. */
  readonly appendPool?: Pool;
  readonly catalogues: readonly Catalogue[];
  readonly clock?: Clock;
  readonly random?: Random;
  readonly queue?: QueueLimits;
};

const QUEUE: QueueLimits = { itemsMax: 20_000, bytesMax: 32 * 1024 * 1024 };
const STREAM_EVENTS_MAX = 100_000;

type EventRow = { position: number; body: string };

export function createEventStore(options: EventStoreOptions): EventStore {
  return new PostgresEventStore(options);
}

class PostgresEventStore implements EventStore {
  readonly #pool: Pool;
  readonly #heads = new StreamHeads();
  readonly #queue: AppendQueue;
  readonly #preparation: Preparation;

  constructor({
    pool,
    appendPool = pool,
    catalogues,
    clock = createSystemClock(),
    random = systemRandom,
    queue = QUEUE,
  }: EventStoreOptions) {
    this.#pool = pool;
    this.#queue = new AppendQueue(appendPool, this.#heads, clock, queue);
    this.#preparation = {
      definitions: definitionsByType(catalogues),
      newId: () => newEventId(Date.now(), random(10)),
    };
  }

  async append(items: readonly AppendItem[]): Promise<AppendResult[]> {
    const prepared = items.map((item) => prepareItem(item, this.#preparation));
    return Promise.all(this.#queue.append(prepared));
  }

  async receipt(id: string, digest: Uint8Array): Promise<Committed | { status: 'id_reuse'; id: string } | null> {
    const [row] = await this.#read<{ same: boolean; position: number; reply: string | null }>(
      'receipt',
      `SELECT digest = $2 AS same, first_position + events - 1 AS position, reply FROM log.append_receipt WHERE id = $1`,
      [id, digest],
    );
    if (!row) return null;
    if (!row.same) return { status: 'id_reuse', id };
    return { status: 'duplicate', position: row.position, reply: JSON.parse(row.reply ?? 'null') };
  }

  async versions(streams: readonly string[]): Promise<Map<string, number>> {
    const heads = await readStreamHeads(this.#pool, streams).catch((cause: unknown) => {
      throw new LogUnavailable('read', cause);
    });
    return new Map([...heads].map(([stream, { version }]) => [stream, version]));
  }

  async readStream(stream: string, { fromVersion = 1, limit = STREAM_EVENTS_MAX } = {}): Promise<RecordedEvent[]> {
    const rows = await this.#read<EventRow & { version: number; leaf: string }>(
      'stream',
      `SELECT position, body, version, encode(leaf, 'hex') AS leaf
         FROM log.event_log WHERE stream = $1 AND version >= $2 ORDER BY version LIMIT $3`,
      [stream, fromVersion, limit + 1],
    );
    if (rows.length > limit) throw new StreamTooLong(stream, limit);
    // Who reads a stream is likely to append to it.
    const last = rows.at(-1);
    if (last) this.#heads.learn(stream, { version: last.version, leaf: last.leaf });
    return rows.map((row) => this.#event(row));
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
    const rows = await this.#read<EventRow>(
      'all',
      'SELECT position, body FROM log.event_log WHERE position > $1 AND position <= $2 ORDER BY position LIMIT $3',
      [after, upTo, limit],
    );
    return rows.map((row) => this.#event(row));
  }

  async head(): Promise<number> {
    const [row] = await this.#read<{ size: number }>('head', 'SELECT size FROM log.log_head', []);
    return row!.size;
  }

  #event({ position, body }: EventRow): RecordedEvent {
    return upcast(this.#preparation.definitions, decodeEvent(position, body));
  }

  async #read<Row extends QueryResultRow>(name: string, text: string, values: unknown[]): Promise<Row[]> {
    try {
      return (await this.#pool.query<Row>({ name: `log.${name}`, text, values })).rows;
    } catch (cause) {
      throw new LogUnavailable('read', cause);
    }
  }
}
