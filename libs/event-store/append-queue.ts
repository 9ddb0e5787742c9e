/**
 * Group commit without a timer (event-store design §5.2): what is asked while groups are under way gathers and leaves
 * together as the next one. So a lone caller waits for nobody, and many callers share a commit.
 *
 * Two groups are under way at a time on one connection, which PostgreSQL answers in order: while one is being committed
 * the next is encoded, on the heads that the first leaves behind if all goes well, and is sent behind it. Whether it went
 * well is judged for each of them under the log's head lock; what was not appended as it was encoded is taken up again
 * once nothing is under way, then under the lock, item by item.
 * The queue is bounded; what is in it is either answered, or fails with `LogUnavailable`.
 */
import { DatabaseError, type Pool, type PoolClient } from 'pg';
import { answer, openCall, takeGroup, type Waiting } from './append-call.js';
import { appendGroup, type GroupAnswer } from './append-group.js';
import { GROUP_BYTES_MAX, GROUP_ITEMS_MAX, type PreparedItem } from './append-item.js';
import { readReceipts } from './append-receipts.js';
import type { Clock } from './clock.js';
import { encodeGroup, type EncodedGroup } from './encode-group.js';
import { EventRejected, LogBusy, LogUnavailable } from './event-store.error.js';
import type { AppendResult } from './event-store.js';
import { instantToNanos, nanosToInstant } from './instant.js';
import { judgeGroup } from './judge-group.js';
import { readStreamHeads, type StreamHeads } from './stream-heads.js';

export type QueueLimits = { readonly itemsMax: number; readonly bytesMax: number };

const GROUPS_UNDER_WAY_MAX = 2;
const WORTH_HALVING = 200;
/** Fewer events than this fit into the partitions that exist: time to make the next one. */
const ROOM_MIN = 4 * 65_536;
const LOCKED_SESSION = `BEGIN; SET LOCAL lock_timeout = '4s'; SET LOCAL transaction_timeout = '8s';
  SET LOCAL idle_in_transaction_session_timeout = '2s'`;
/** SQLSTATE classes by which PostgreSQL refuses content: data exception, integrity constraint, program limit exceeded. */
const REFUSALS = /^(22|23|54)/;

export class AppendQueue {
  #waiting: Waiting[] = [];
  #bytes = 0;
  /** Was not appended as it was encoded: to be judged item by item, before anything that waits. */
  #unsettled: Waiting[] = [];
  readonly #underWay = new Set<Promise<void>>();
  #connection: PoolClient | null = null;
  /** What comes back on the connection is not to be trusted any more. */
  #broken = false;
  #sending = false;
  #makingPartitions = false;
  #groupMs = 5;
  #lastRecordedAt = 0n;

  /** `pool` for appending; `reads` for look-ups beside it. */
  constructor(
    private readonly pool: Pool,
    private readonly reads: Pool,
    private readonly heads: StreamHeads,
    private readonly clock: Clock,
    private readonly limits: QueueLimits,
  ) {}

  /** One result per item. Throws LogBusy, then none of them was taken; RangeError for more than the queue ever holds. */
  append(items: readonly PreparedItem[]): Promise<AppendResult[]> {
    const { itemsMax, bytesMax } = this.limits;
    const bytes = items.reduce((sum, item) => sum + item.bytes, 0);
    if (items.length > itemsMax || bytes > bytesMax) {
      throw new RangeError(`an append takes at most ${itemsMax} items and ${bytesMax} bytes: split it`);
    }
    if (this.#waiting.length + items.length > itemsMax || this.#bytes + bytes > bytesMax) {
      const groupsAhead = Math.max(this.#waiting.length / GROUP_ITEMS_MAX, this.#bytes / GROUP_BYTES_MAX);
      throw new LogBusy(Math.ceil(this.#groupMs * (groupsAhead + 1)));
    }
    this.#bytes += bytes;
    const { waiting, answered } = openCall(items);
    this.#waiting.push(...waiting);
    if (!this.#sending) void this.#send();
    return answered;
  }

  async #send(): Promise<void> {
    this.#sending = true;
    while (this.#waiting.length > 0 || this.#unsettled.length > 0) {
      // Callers answered by the last group get to ask again before the next group leaves.
      await new Promise(setImmediate);
      if (this.#unsettled.length > 0) await this.#drained();
      const unsettled = takeGroup(this.#unsettled);
      if (unsettled.group.length > 0) {
        this.#unsettled = unsettled.rest;
        await this.#settle(unsettled.group);
        continue;
      }
      const { group, rest, bytes } = takeGroup(this.#waiting, this.#shareOfWaiting());
      this.#waiting = rest;
      this.#bytes -= bytes;
      await this.#launch(group);
      if (this.#underWay.size === GROUPS_UNDER_WAY_MAX) await Promise.race(this.#underWay);
    }
    this.#sending = false;
    this.#whenIdle();
  }

  /**
   * With nothing under way, half of many: the other half is then encoded while PostgreSQL has the first. Taken whole, they
   * would come back together, and program and database would wait for each other in turn.
   */
  #shareOfWaiting(): number {
    const { length } = this.#waiting;
    return this.#underWay.size === 0 && length >= WORTH_HALVING ? Math.ceil(length / 2) : length;
  }

  /** Encodes a group on what is known of the heads and sends it; does not wait for the answer. */
  async #launch(group: readonly Waiting[]): Promise<void> {
    try {
      const items = group.map(({ item }) => item);
      await this.#learnHeads(items);
      const connection = await this.#connect();
      const encoded = encodeGroup(items, (stream) => this.heads.get(stream), this.#recordedAt());
      if (!encoded) {
        this.#unsettled.push(...group);
        return;
      }
      for (const [stream, { head }] of encoded.streams) this.heads.learn(stream, head);
      const landed = this.#land(group, encoded, appendGroup(connection, encoded)).finally(() => {
        this.#underWay.delete(landed);
        this.#whenIdle();
      });
      this.#underWay.add(landed);
    } catch (cause) {
      this.#fail(group, cause);
    }
  }

  async #land(group: readonly Waiting[], encoded: EncodedGroup, sent: Promise<GroupAnswer>): Promise<void> {
    const started = performance.now();
    try {
      const answer = await sent;
      if (answer.after === null) this.#takeBack(group);
      else this.#answer(group, encoded, answer.after);
      this.#notBefore(answer.lastRecordedAt);
      if (answer.room !== null && answer.room < ROOM_MIN) this.#makePartitions();
    } catch (cause) {
      if (isRefusal(cause)) this.#takeBack(group);
      else this.#fail(group, cause);
    }
    this.#groupMs = performance.now() - started;
  }

  #answer(group: readonly Waiting[], { items }: EncodedGroup, after: number): void {
    group.forEach((waiting, n) => {
      const { first, events } = items[n]!;
      answer(waiting, { status: 'committed', position: after + first + events - 1, reply: waiting.item.reply });
    });
  }

  #takeBack(group: readonly Waiting[]): void {
    this.#forget(group);
    this.#unsettled.push(...group);
  }

  #fail(group: readonly Waiting[], cause: unknown): void {
    this.#broken = true;
    this.#forget(group);
    for (const { call } of group) call.reject(new LogUnavailable('append', cause));
  }

  #forget(group: readonly Waiting[]): void {
    for (const { item } of group) for (const { stream } of item.writes) this.heads.forget(stream);
  }

  /** Judges each item under the lock, where nothing can move any more, and appends those that are to be committed. */
  async #settle(group: readonly Waiting[]): Promise<void> {
    try {
      await this.#settleAll(group);
    } catch (cause) {
      this.#broken = true;
      await this.#drained();
      if (!isRefusal(cause)) return this.#fail(group, cause);
      const [alone] = group;
      if (group.length > 1) for (const waiting of group) await this.#settle([waiting]);
      else alone!.call.reject(new EventRejected(alone!.item.id, cause.message, cause));
    }
  }

  async #settleAll(group: readonly Waiting[]): Promise<void> {
    const items = group.map(({ item }) => item);
    const connection = await this.#connect();
    await connection.query(LOCKED_SESSION);
    const { rows } = await connection.query<{ recorded_at: string }>('SELECT log.lock_head() AS recorded_at');
    this.#notBefore(rows[0]!.recorded_at);
    const receipts = await readReceipts(
      connection,
      items.map(({ id }) => id),
    );
    const heads = await readStreamHeads(connection, [...new Set(items.flatMap(streamsOf))]);
    const verdicts = judgeGroup(items, receipts, new Map([...heads].map(([stream, { version }]) => [stream, version])));
    const committed = group.filter((_, n) => verdicts[n] === null);
    const encoded = encodeGroup(
      committed.map(({ item }) => item),
      (stream) => heads.get(stream),
      this.#recordedAt(),
    )!;
    const after = committed.length > 0 ? (await appendGroup(connection, encoded)).after : 0;
    if (after === null) throw new Error('the log moved under its own lock');
    await connection.query('COMMIT');

    for (const [stream, head] of heads) this.heads.learn(stream, head);
    for (const [stream, { head }] of encoded.streams) this.heads.learn(stream, head);
    group.forEach((waiting, n) => verdicts[n] && answer(waiting, verdicts[n]));
    this.#answer(committed, encoded, after);
  }

  /** One connection for as long as there is work: PostgreSQL does what is sent on it in order. */
  async #connect(): Promise<PoolClient> {
    if (this.#broken) await this.#drained();
    return (this.#connection ??= await this.pool.connect());
  }

  /** Waits for the groups under way; a connection that failed is then given up. */
  async #drained(): Promise<void> {
    await Promise.all(this.#underWay);
    if (this.#broken) this.#disconnect();
  }

  #whenIdle(): void {
    if (this.#sending || this.#underWay.size > 0) return;
    if (this.#unsettled.length > 0) void this.#send();
    else this.#disconnect();
  }

  #disconnect(): void {
    this.#connection?.release(this.#broken);
    this.#connection = null;
    this.#broken = false;
  }

  /** Heads that are not in the cache, or older than a write expects. */
  async #learnHeads(items: readonly PreparedItem[]): Promise<void> {
    const missing = new Set<string>();
    for (const { stream, expected } of items.flatMap(({ writes }) => writes)) {
      const known = this.heads.get(stream);
      const enough = expected === 0 || (known && (expected === 'any' || known.version >= expected));
      if (!enough) missing.add(stream);
    }
    if (missing.size === 0) return;
    for (const [stream, head] of await readStreamHeads(this.reads, [...missing])) this.heads.learn(stream, head);
  }

  /** Our clock in microseconds, but never before the last event that we know of. */
  #recordedAt(): string {
    this.#notBefore(this.clock.now());
    return nanosToInstant(this.#lastRecordedAt);
  }

  #notBefore(instant: string): void {
    const nanos = instantToNanos(instant);
    const micros = nanos - (nanos % 1000n);
    if (micros > this.#lastRecordedAt) this.#lastRecordedAt = micros;
  }

  /** Ahead of need and beside the appends. Should it fail, the next group asks again; without room, the group makes it itself. */
  #makePartitions(): void {
    if (this.#makingPartitions) return;
    this.#makingPartitions = true;
    this.pool
      .query('SELECT log.make_partitions_ahead()')
      .catch(() => {})
      .finally(() => (this.#makingPartitions = false));
  }
}

function streamsOf({ guards, writes }: PreparedItem): string[] {
  return [...guards, ...writes].map(({ stream }) => stream);
}

/** A violation that names no constraint is a missing partition: the log's fault, not the event's. */
function isRefusal(error: unknown): error is DatabaseError {
  if (!(error instanceof DatabaseError) || !REFUSALS.test(error.code ?? '')) return false;
  return !error.code!.startsWith('23') || error.constraint !== undefined;
}
