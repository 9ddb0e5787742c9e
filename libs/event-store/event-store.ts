import type { Json, NewEvent, RecordedEvent } from './event.js';
import type { LogRecord } from './event-decoder.js';

/** What a writer believes of a stream: an exact version (0 = it does not exist yet) or nothing at all. */
export type ExpectedVersion = number | 'any';

export type StreamWrite = {
  readonly stream: string;
  readonly expected: ExpectedVersion;
  readonly events: readonly NewEvent[];
};

/** "I decided on what I read": the stream must still be at this version (0 = must still not exist). */
export type Guard = { readonly stream: string; readonly version: number };

/** One atomic unit of an append. It may write no event at all: then only its reply is kept. */
export type AppendItem = {
  /** Receipt id (UUID): of the command, or of the observed record. */
  readonly id: string;
  /** 32 bytes over the request (never over the resulting events, which differ on a retry). */
  readonly digest: Uint8Array;
  readonly writes: readonly StreamWrite[];
  readonly guards?: readonly Guard[];
  /** Kept with the receipt and given back to a retry. Never key material. */
  readonly reply?: Json;
};

/** Which part of the log to read: events with `after` < position <= `upTo` (default: the head when the reading begins). */
export type LogRange = { readonly after: number; readonly upTo?: number };

export type ReplayOptions = LogRange & {
  /** Only events of these types, as they were written; the others are not even parsed. */
  readonly types?: ReadonlySet<string>;
  /** Sees every record, in order, before the type filter: a verified replay recomputes the log's root from them. */
  readonly onRecords?: (records: readonly LogRecord[]) => void;
};

/** A record with the hex leaf that the log keeps for it. */
export type LeafRecord = LogRecord & { readonly leaf: string };

export type Committed = {
  readonly status: 'committed' | 'duplicate';
  /** Position of the item's last event; of the log's head when the item wrote none. */
  readonly position: number;
  readonly reply: Json;
};

export type AppendResult =
  | Committed
  | { readonly status: 'conflict'; readonly stream: string; readonly expected: number; readonly actual: number }
  | { readonly status: 'id_reuse'; readonly id: string };

/**
 * The log. What it promises (architecture §7), each point a test of `event-store.contract.int-spec.ts`:
 *
 * 1. Each item of an append is atomic over all its streams and guards and has its own result; it never fails its
 *    neighbours. Expected versions and guards are judged under the log's head lock, in the order of the items.
 * 2. Asking again with the same id and digest gives `duplicate` with the first position and reply and adds nothing;
 *    the same id with another digest gives `id_reuse`.
 * 3. Positions are dense and become visible in order: who has seen N never later meets a position <= N.
 * 4. On return it is durable.
 * 5. Nothing updates or deletes an event.
 * 6. A subscription (subscription.ts) delivers at least once, in order; with the checkpoint in the reader's own
 *    transaction the effect is exactly once.
 * 7. Readers get current event shapes (upcast.ts).
 * 8. Memory is bounded: a full queue throws `LogBusy` with `retryAfterMs`.
 *
 * Throws `LogBusy` (nothing was written), `LogUnavailable` (the database cannot be reached, or the outcome is unknown:
 * ask again with the same id), `EventRejected` (an item that can never be stored: too large, bad keys; it is named, it is
 * found before anything is sent, and nothing of that call was written) and `RangeError` (more than the queue ever holds).
 */
export interface EventStore {
  /** Hex SHA-256 of the upcasters by which this store's readers get current shapes. */
  readonly upcasters: string;

  append(items: readonly AppendItem[]): Promise<AppendResult[]>;

  /** The first answer to this request, if there is one: read before deciding, so that a retry decides nothing. */
  receipt(
    id: string,
    digest: Uint8Array,
  ): Promise<Committed | { readonly status: 'id_reuse'; readonly id: string } | null>;

  /** Versions of these streams, 0 where a stream does not exist, all from one snapshot. */
  versions(streams: readonly string[]): Promise<Map<string, number>>;

  /** All events of one stream in order, current shapes. Bounded: throws `StreamTooLong` above `limit` (default 100,000). */
  readStream(stream: string, options?: { fromVersion?: number; limit?: number }): Promise<RecordedEvent[]>;

  /** Positions of the first events of one stream, at most `limit`, in order; also of those that retention gave up. */
  positionsOf(stream: string, limit: number): Promise<number[]>;

  /** At most `limit` events after `position`, in order, current shapes. */
  readAll(options: { after: number; limit: number; upTo?: number }): Promise<RecordedEvent[]>;

  /**
   * The log as a whole, in order, in current shapes, a page of some hundred events at a time. Memory is bounded however
   * long the log and however slow the consumer; who stops early leaves nothing behind. A page may be empty of what is
   * wanted and is then left out. What `onRecords` throws ends the replay.
   */
  replay(options: ReplayOptions): AsyncIterable<readonly RecordedEvent[]>;

  /** The same without decoding: the exact texts that the leaves were taken over. */
  records(options: LogRange): AsyncIterable<readonly LogRecord[]>;

  /**
   * The records at these positions (at most 10,000), in order of position, each once; positions that the log has not reached
   * are left out.
   */
  recordsAt(positions: readonly number[]): Promise<LeafRecord[]>;

  /** Records as `replay` would give them: current shapes, in the order of the records. */
  decode(records: readonly LogRecord[]): Promise<RecordedEvent[]>;

  /** Position of the last visible event; 0 on an empty log. */
  head(): Promise<number>;
}
