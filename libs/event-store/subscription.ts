/**
 * Reading on (architecture §7.6): every event after the checkpoint, in order of position, a page at a time; the reader's
 * own writes and the checkpoint move in one transaction, so the effect of each event is there exactly once.
 */
import type { Pool, PoolClient } from 'pg';
import { advance, type Checkpoint, type CheckpointKey, takeOver, tryLock, waitForCheckpoint } from './checkpoint.js';
import type { RecordedEvent } from './event.js';
import { SubscriptionFenced } from './event-store.error.js';
import type { EventStore } from './event-store.js';
import { mayPass } from './may-pass.js';
import { Signal } from './signal.js';

export type SubscriptionOptions<Item extends Positioned = RecordedEvent> = {
  readonly store: EventStore;
  /** An active subscription keeps one of its connections. Must have one left for the store, if they share it. */
  readonly pool: Pool;
  readonly name: string;
  /** Of what `handle` builds: another version has another checkpoint. Default 1. */
  readonly version?: number;
  /**
   * Writes by `tx` only, and leaves the transaction open. Anything it throws rolls back what it wrote for this page; after
   * an error with `mayPass: true` (what it needs beside the database does not answer) the page is tried again.
   */
  readonly handle: (tx: PoolClient, items: readonly Item[]) => Promise<void>;
  /**
   * What is read of each event, in order of position, without a gap. Default: the event, by `store.readAll`, and the page after a
   * full one is read while that is handled. This one is read when all before it are handled, unless `readsAhead`.
   */
  readonly read?: (after: number, limit: number) => Promise<readonly Item[]>;
  /** Of `read`: what it gives does not depend on what was handled. */
  readonly readsAhead?: boolean;
  /** Most events per call of `handle`. Default 1000. */
  readonly pageSize?: number;
  /** After a page that was not full, rests at least so long, whatever is appended meanwhile: fewer, larger pages. Default 0. */
  readonly pauseMs?: number;
  /**
   * An active reader that has said nothing to the database for so long (it hangs, or the network does) is cut off, and
   * another takes over. Longer than a page takes to handle. Default: a reader is waited for as long as it is connected.
   */
  readonly silenceMsMax?: number;
  /** Whenever this process becomes the active one, before it reads its checkpoint. */
  readonly prepare?: (connection: PoolClient) => Promise<void>;
  readonly onChange?: (state: SubscriptionState) => void;
};

export type Positioned = { readonly position: number };

export type SubscriptionMode = 'waiting' | 'catching-up' | 'live' | 'failed' | 'stopped';

export type SubscriptionState = {
  readonly mode: SubscriptionMode;
  /** The last event whose effect is committed, as far as this process knows. */
  readonly position: number;
  /** When failed: why, and the event that could not be handled. When waiting: what went wrong before, if anything did. */
  readonly error?: unknown;
  readonly failedAt?: number;
};

const PAGE_SIZE = 1_000;
/** The poll is the truth, the notification a hint. */
const POLL_MS = 1_000;
const RETRY_MS = 250;

/** Starts reading at once. End it with `stop()`. */
export function subscribe<Item extends Positioned = RecordedEvent>(
  options: SubscriptionOptions<Item>,
): Subscription<Item> {
  return new Subscription(options);
}

/**
 * Modes, and what leads out of them:
 *   waiting      Another process is active under this name, or the database did not answer; tried again four times a second.
 *                Whoever gets the name's advisory lock takes the checkpoint over under a new epoch -> catching-up
 *   catching-up  Active: reads and handles page after page. At the end of the log -> live
 *   live         Active: sleeps until a notification or a second has passed, then reads. A full page -> catching-up
 *                From both: connection lost, or fenced (another has moved the checkpoint or the epoch) -> waiting
 *   failed       An event could not be handled, also not alone. It was rolled back, the checkpoint stands before it,
 *                `state()` names it, and the lock is given up. Final; an audit trail must not skip silently.
 *   stopped      By `stop()`. Final.
 */
export class Subscription<Item extends Positioned = RecordedEvent> {
  readonly #options: SubscriptionOptions<Item>;
  readonly #key: CheckpointKey;
  readonly #pageSize: number;
  readonly #read: (after: number, limit: number) => Promise<readonly Item[]>;
  readonly #readsAhead: boolean;
  readonly #wakeUp = new Signal();
  readonly #stopped = new Signal();
  readonly #changed = new Signal();
  #state: SubscriptionState = { mode: 'waiting', position: 0 };
  #stopping = false;
  /** A notification came since the last read began. */
  #hinted = false;
  #ahead: { readonly after: number; readonly limit: number; readonly page: Promise<ReadPage<Item>> } | undefined;
  readonly #running: Promise<void>;

  constructor(options: SubscriptionOptions<Item>) {
    this.#options = options;
    this.#key = { name: options.name, version: options.version ?? 1 };
    this.#pageSize = options.pageSize ?? PAGE_SIZE;
    this.#read = options.read ?? readEvents(options.store);
    this.#readsAhead = !options.read || options.readsAhead === true;
    this.#running = this.#run();
  }

  state(): SubscriptionState {
    return this.#state;
  }

  position(): number {
    return this.#state.position;
  }

  /** Read your own writes: the position reached, at once or after at most `timeoutMs`, whichever process is active. */
  async waitFor(position: number, timeoutMs: number): Promise<number> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const { mode, position: reached } = this.#state;
      const leftMs = deadline - performance.now();
      if (reached >= position || leftMs <= 0 || mode === 'failed' || mode === 'stopped') return reached;
      if (mode === 'waiting') return waitForCheckpoint(this.#options.pool, this.#key, position, leftMs);
      await this.#changed.wait(leftMs);
    }
  }

  /** Finishes the page at hand and gives the lock and the connection back. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#stopped.fire();
    this.#wakeUp.fire();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      try {
        const failure = await this.#takeTurn();
        if (failure) return this.#set({ mode: 'failed', position: this.position(), ...failure });
        if (this.#state.mode !== 'waiting') this.#set({ mode: 'waiting', position: this.position() });
      } catch (error) {
        this.#set({ mode: 'waiting', position: this.position(), error });
      }
      if (!this.#stopping) await this.#wakeUp.wait(RETRY_MS);
    }
    this.#set({ mode: 'stopped', position: this.position() });
  }

  /** Active as long as it gets the lock and keeps its connection: the lock, the checkpoint and the reader's writes share it. */
  async #takeTurn(): Promise<Failure | undefined> {
    const client = await this.#options.pool.connect();
    const hint = (): void => {
      this.#hinted = true;
      this.#wakeUp.fire();
    };
    let locked = false;
    try {
      locked = await tryLock(client, this.#key, 'alone');
      if (!locked) return undefined;
      client.on('notification', hint);
      await client.query('LISTEN kerbtrail_log');
      await this.#limitSilence(client);
      await this.#options.prepare?.(client);
      return await this.#readOn(client);
    } finally {
      client.off('notification', hint);
      await this.#ahead?.page.catch(() => {}); // nobody waits for it any more
      this.#ahead = undefined;
      client.release(locked); // ending the session gives up the lock and the LISTEN, whatever state it is in
    }
  }

  async #limitSilence(client: PoolClient): Promise<void> {
    const { silenceMsMax } = this.#options;
    if (silenceMsMax === undefined) return;
    for (const setting of ['idle_session_timeout', 'idle_in_transaction_session_timeout']) {
      await client.query(`SET ${setting} = ${silenceMsMax}`);
    }
  }

  async #readOn(client: PoolClient): Promise<Failure | undefined> {
    let checkpoint = await takeOver(client, this.#key);
    let limit = this.#pageSize;
    this.#set({ mode: 'catching-up', position: checkpoint.position });
    while (!this.#stopping) {
      const page = await this.#handlePage(client, checkpoint, limit);
      if ('error' in page) {
        // Handle less at a time, until it is one event that cannot be handled.
        if (limit === 1) return { error: page.error, failedAt: checkpoint.position + 1 };
        limit = Math.ceil(limit / 2);
        continue;
      }
      const atEnd = page.events < limit;
      checkpoint = page.checkpoint;
      limit = Math.min(limit * 2, this.#pageSize);
      this.#set({ mode: atEnd ? 'live' : 'catching-up', position: checkpoint.position });
      if (atEnd) await this.#rest();
    }
    return undefined;
  }

  async #rest(): Promise<void> {
    const { pauseMs = 0 } = this.#options;
    if (pauseMs > 0 && !this.#stopping) await this.#stopped.wait(pauseMs);
    if (!this.#hinted && !this.#stopping) await this.#wakeUp.wait(Math.max(POLL_MS - pauseMs, 0));
  }

  /** `error`: the page itself cannot be handled. Throws what may pass, and SubscriptionFenced. */
  async #handlePage(
    client: PoolClient,
    from: Checkpoint,
    limit: number,
  ): Promise<{ events: number; checkpoint: Checkpoint } | { error: unknown }> {
    const events = await this.#pageAfter(from.position, limit);
    if ('error' in events) return events;
    const last = events.at(-1);
    if (!last) {
      if (this.#options.silenceMsMax !== undefined) await client.query('SELECT'); // still there
      return { events: 0, checkpoint: from };
    }
    if (this.#readsAhead && events.length === this.#pageSize) this.#readAhead(last.position);
    await client.query('BEGIN');
    try {
      await this.#options.handle(client, events);
      if (!(await advance(client, this.#key, from, last.position))) throw new SubscriptionFenced(this.#key.name);
      await client.query('COMMIT');
      return { events: events.length, checkpoint: { position: last.position, epoch: from.epoch } };
    } catch (error) {
      // No answer to this either: the connection is lost, and whether the page was committed is in the checkpoint.
      await client.query('ROLLBACK').catch(() => {
        throw error;
      });
      if (mayPass(error)) throw error;
      return { error };
    }
  }

  #readAhead(after: number): void {
    const page = this.#readPage(after, this.#pageSize);
    page.catch(() => {}); // whoever takes the page is told
    this.#ahead = { after, limit: this.#pageSize, page };
  }

  #pageAfter(after: number, limit: number): Promise<ReadPage<Item>> {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    return ahead?.after === after && ahead.limit === limit ? ahead.page : this.#readPage(after, limit);
  }

  async #readPage(after: number, limit: number): Promise<ReadPage<Item>> {
    this.#hinted = false;
    return this.#read(after, limit).catch((error: unknown) => {
      if (mayPass(error)) throw error;
      return { error };
    });
  }

  #set(state: SubscriptionState): void {
    const before = this.#state;
    this.#state = state;
    this.#changed.fire();
    if (state.mode !== before.mode || state.position !== before.position || state.error !== before.error) {
      this.#options.onChange?.(state);
    }
  }
}

/** Only used where no `read` is given, and then Item is RecordedEvent. */
function readEvents<Item>(store: EventStore): (after: number, limit: number) => Promise<readonly Item[]> {
  return (after, limit) => store.readAll({ after, limit }) as Promise<readonly unknown[]> as Promise<readonly Item[]>;
}

/** `error`: an event of the page cannot be read. */
type ReadPage<Item> = readonly Item[] | { readonly error: unknown };

type Failure = { readonly error: unknown; readonly failedAt: number };
