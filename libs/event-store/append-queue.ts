/**
 * Group commit without a timer (event-store design §5.2): while one group is being committed the next one gathers, and
 * goes as soon as the connection is free. So a lone caller waits for nobody, and many callers share a commit.
 * The queue is bounded; what is in it is either answered, or fails with `LogUnavailable`.
 */
import { DatabaseError, type Pool, type PoolClient } from 'pg';
import { appendGroup, type GroupAnswer, type Outcome } from './append-group.js';
import { GROUP_BYTES_MAX, GROUP_ITEMS_MAX, type PreparedItem } from './append-item.js';
import type { Clock } from './clock.js';
import { EventRejected, LogBusy, LogUnavailable } from './event-store.error.js';
import type { AppendResult } from './event-store.js';
import { instantToNanos, nanosToInstant } from './instant.js';
import { readStreamHeads, type StreamHeads } from './stream-heads.js';

export type QueueLimits = { readonly itemsMax: number; readonly bytesMax: number };

type Waiting = {
  readonly item: PreparedItem;
  /** The group it was in found other heads than it was encoded on: the next one encodes under the head's lock. */
  readonly moved: boolean;
  readonly resolve: (result: AppendResult) => void;
  readonly reject: (error: Error) => void;
};

/** Fewer events than this fit into the partitions that exist: time to make the next one. */
const ROOM_MIN = 4 * 65_536;
const LOCKED_SESSION = `BEGIN; SET LOCAL lock_timeout = '4s'; SET LOCAL transaction_timeout = '8s';
  SET LOCAL idle_in_transaction_session_timeout = '2s'`;
/** SQLSTATE classes by which PostgreSQL refuses content: data exception, integrity constraint, program limit exceeded. */
const REFUSALS = /^(22|23|54)/;

export class AppendQueue {
  #waiting: Waiting[] = [];
  #bytes = 0;
  #sending = false;
  #makingPartitions = false;
  #groupMs = 5;
  #lastRecordedAt = 0n;

  constructor(
    private readonly pool: Pool,
    private readonly heads: StreamHeads,
    private readonly clock: Clock,
    private readonly limits: QueueLimits,
  ) {}

  /** One promise per item. Throws LogBusy, then none of them was taken; RangeError for more than the queue ever holds. */
  append(items: readonly PreparedItem[]): Promise<AppendResult>[] {
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
    const results = items.map(
      (item) =>
        new Promise<AppendResult>((resolve, reject) => this.#waiting.push({ item, moved: false, resolve, reject })),
    );
    if (!this.#sending) void this.#send();
    return results;
  }

  async #send(): Promise<void> {
    this.#sending = true;
    while (this.#waiting.length > 0) {
      // Callers answered by the last group get to ask again before the next group leaves.
      await new Promise(setImmediate);
      const group = this.#takeGroup();
      const started = performance.now();
      await this.#commit(group);
      this.#groupMs = performance.now() - started;
    }
    this.#sending = false;
  }

  /** From the front; an id that is already in the group waits for the next one, to be answered from the receipt. */
  #takeGroup(): Waiting[] {
    const group: Waiting[] = [];
    const later: Waiting[] = [];
    const ids = new Set<string>();
    let bytes = 0;
    let taken = 0;
    for (const waiting of this.#waiting) {
      if (group.length === GROUP_ITEMS_MAX || bytes + waiting.item.bytes > GROUP_BYTES_MAX) break;
      taken += 1;
      if (ids.has(waiting.item.id)) {
        later.push(waiting);
        continue;
      }
      ids.add(waiting.item.id);
      bytes += waiting.item.bytes;
      group.push(waiting);
    }
    this.#waiting = [...later, ...this.#waiting.slice(taken)];
    this.#bytes -= bytes;
    return group;
  }

  async #commit(group: readonly Waiting[]): Promise<void> {
    try {
      this.#answer(group, await this.#append(group));
    } catch (cause) {
      for (const { item } of group) for (const { stream } of item.writes) this.heads.forget(stream);
      const refused = isRefusal(cause);
      if (refused && group.length > 1) {
        for (const waiting of group) await this.#commit([waiting]);
        return;
      }
      for (const { item, reject } of group) {
        reject(refused ? new EventRejected(item.id, cause.message, cause) : new LogUnavailable('append', cause));
      }
    }
  }

  /** First from what is known of the heads; if that was out of date, under the lock, where nothing can move any more. */
  async #append(group: readonly Waiting[]): Promise<GroupAnswer> {
    const items = group.map(({ item }) => item);
    if (!group.some(({ moved }) => moved)) {
      await this.#learnHeads(items);
      const answer = await appendGroup(this.pool, items, (stream) => this.heads.get(stream), this.#recordedAt());
      if (answer.outcomes) return answer;
      this.#notBefore(answer.lastRecordedAt);
    }
    return this.#underLock(async (client) => {
      const heads = await readStreamHeads(client, [
        ...new Set(items.flatMap(({ writes }) => writes.map(({ stream }) => stream))),
      ]);
      return appendGroup(client, items, (stream) => heads.get(stream), this.#recordedAt());
    });
  }

  async #underLock(append: (client: PoolClient) => Promise<GroupAnswer>): Promise<GroupAnswer> {
    const client = await this.pool.connect();
    try {
      await client.query(LOCKED_SESSION);
      const { rows } = await client.query<{ recorded_at: string }>('SELECT log.lock_head() AS recorded_at');
      this.#notBefore(rows[0]!.recorded_at);
      const answer = await append(client);
      await client.query('COMMIT');
      client.release();
      return answer;
    } catch (error) {
      client.release(true);
      throw error;
    }
  }

  #answer(group: readonly Waiting[], { outcomes, heads, room }: GroupAnswer): void {
    const moved: Waiting[] = [];
    group.forEach((waiting, n) => {
      const outcome: Outcome = outcomes?.[n] ?? { status: 'moved' };
      if (outcome.status !== 'committed') for (const { stream } of waiting.item.writes) this.heads.forget(stream);
      if (outcome.status === 'moved') moved.push({ ...waiting, moved: true });
      else waiting.resolve(outcome);
    });
    for (const [stream, head] of heads) this.heads.learn(stream, head);
    for (const { item } of moved) this.#bytes += item.bytes;
    this.#waiting = [...moved, ...this.#waiting];
    if (room < ROOM_MIN) this.#makePartitions();
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
    for (const [stream, head] of await readStreamHeads(this.pool, [...missing])) this.heads.learn(stream, head);
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

/** A violation that names no constraint is a missing partition: the log's fault, not the event's. */
function isRefusal(error: unknown): error is DatabaseError {
  if (!(error instanceof DatabaseError) || !REFUSALS.test(error.code ?? '')) return false;
  return !error.code!.startsWith('23') || error.constraint !== undefined;
}
