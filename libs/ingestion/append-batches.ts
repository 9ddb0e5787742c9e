/**
 * Appends in batches, a bounded number of them on their way at once: who adds waits when the log is slower than the file.
 * The log being busy or out of reach is waited for, for a while; asking again is safe, since a record's id is its own.
 */
import { LogBusy, LogUnavailable, type AppendItem, type AppendResult, type EventStore } from '#event-store';
import { setTimeout as delay } from 'node:timers/promises';

const BATCH_ITEMS_MAX = 500;
const BATCH_EVENTS_MAX = 1_000;
/** One group commits while the next is made ready. */
const ON_THE_WAY_MAX = 2;
const RETRY_FOR_MS = 60_000;
const RETRY_PAUSE_MS = 500;

export type BatchItem = AppendItem & { readonly line: number };
export type Landed = (item: BatchItem, result: AppendResult) => void;

export class AppendBatches {
  #batch: BatchItem[] = [];
  #events = 0;
  readonly #onTheWay = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;

  /** `landed` is told of every item, once, when its batch is durable; what it throws fails the import. */
  constructor(
    private readonly store: EventStore,
    private readonly landed: Landed,
  ) {}

  /** Throws what an earlier batch failed with. */
  async add(item: BatchItem): Promise<void> {
    this.#batch.push(item);
    this.#events += item.writes.reduce((sum, { events }) => sum + events.length, 0);
    if (this.#batch.length >= BATCH_ITEMS_MAX || this.#events >= BATCH_EVENTS_MAX) await this.#send();
  }

  /** Returns when everything added is durable. Throws what a batch failed with. */
  async settle(): Promise<void> {
    if (this.#batch.length > 0) await this.#send();
    await Promise.all(this.#onTheWay);
    if (this.#failure) throw this.#failure.error;
  }

  async #send(): Promise<void> {
    while (this.#onTheWay.size >= ON_THE_WAY_MAX) await Promise.race(this.#onTheWay);
    if (this.#failure) throw this.#failure.error;
    const sent = this.#append(this.#batch)
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => this.#onTheWay.delete(sent));
    this.#onTheWay.add(sent);
    this.#batch = [];
    this.#events = 0;
  }

  async #append(batch: readonly BatchItem[]): Promise<void> {
    const results = await appendPatiently(this.store, batch);
    for (const [index, item] of batch.entries()) {
      const result = results[index];
      if (result) this.landed(item, result);
    }
  }
}

async function appendPatiently(store: EventStore, batch: readonly BatchItem[]): Promise<AppendResult[]> {
  const deadline = performance.now() + RETRY_FOR_MS;
  for (;;) {
    try {
      return await store.append(batch);
    } catch (error) {
      const isTransient = error instanceof LogBusy || error instanceof LogUnavailable;
      if (!isTransient || performance.now() > deadline) throw error;
      await delay(error instanceof LogBusy ? error.retryAfterMs : RETRY_PAUSE_MS);
    }
  }
}
