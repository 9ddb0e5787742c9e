/**
 * The running read models of one process, fed from the log: one subscription per projection, each moving its read model and
 * its checkpoint in one transaction. Of several processes one is active per projection; the others wait and take over.
 */
import { type EventStore, subscribe, type Subscription, type SubscriptionMode } from '#event-store';
import { setTimeout as delay } from 'node:timers/promises';
import type { Pool, PoolClient } from 'pg';
import { PartitionWriter } from './from-kafka/partition-writer.js';
import { PoisonedEvents } from './poisoned-events.js';
import { projectPage } from './project-page.js';
import type { Projection } from './projection.js';

export const PROJECTORS = Symbol('PROJECTORS');

export type ProjectorStatus = {
  readonly name: string;
  /** `elsewhere`: other processes have that role. */
  readonly feed: 'log' | 'kafka' | 'elsewhere';
  readonly mode: SubscriptionMode;
  /** Every event up to there is applied. */
  readonly position: number;
  /** When fed from Kafka: the partitions that this process reads, and how far it has come in each. */
  readonly partitions?: readonly { readonly partition: number; readonly position: number }[];
  /** It does not go on before an operator has decided: the event that could not be projected, and why. */
  readonly error?: { readonly position?: number; readonly message: string };
};

export type Projectors = {
  status(): Promise<readonly ProjectorStatus[]>;
  /** Waits until every read model has reached the position, at most `timeoutMs`; those still behind are the answer. */
  waitFor(position: number, timeoutMs: number): Promise<{ readonly name: string; readonly position: number }[]>;
  /** Finishes the pages at hand. */
  stop(): Promise<void>;
};

export type ProjectorsOptions = {
  readonly store: EventStore;
  /** Each active projection keeps one of its connections. */
  readonly pool: Pool;
  readonly projections: readonly Projection[];
  readonly log: (message: string) => void;
};

/** Between two looks whether an operator has decided about an event that could not be projected. */
const LOOK_MS = 1_000;

export function startProjectors(options: ProjectorsOptions): Projectors {
  const running = options.projections.map((projection) => new LogProjector(projection, options));
  return {
    status: async () => running.map((projector) => projector.status()),
    async waitFor(position, timeoutMs) {
      const reached = await Promise.all(
        running.map(async (projector) => ({
          name: projector.name,
          position: await projector.waitFor(position, timeoutMs),
        })),
      );
      return reached.filter((projector) => projector.position < position);
    },
    stop: async () => void (await Promise.all(running.map((projector) => projector.stop()))),
  };
}

class LogProjector {
  readonly #poisoned: PoisonedEvents;
  readonly #stopping = new AbortController();
  #subscription: Subscription;
  #waiting: Promise<void> | undefined;

  constructor(
    private readonly projection: Projection,
    private readonly options: ProjectorsOptions,
  ) {
    this.#poisoned = new PoisonedEvents(options.store, options.pool, projection);
    this.#subscription = this.#subscribe();
  }

  get name(): string {
    return this.projection.name;
  }

  status(): ProjectorStatus {
    const { name } = this;
    const { mode, position, failedAt, error } = this.#subscription.state();
    if (mode !== 'failed') return { name, feed: 'log', mode, position };
    const failure = { message: messageOf(error), ...(failedAt !== undefined && { position: failedAt }) };
    return { name, feed: 'log', mode, position, error: failure };
  }

  waitFor(position: number, timeoutMs: number): Promise<number> {
    return this.#subscription.waitFor(position, timeoutMs);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#waiting;
    await this.#subscription.stop();
  }

  #subscribe(): Subscription {
    const { store, pool, log } = this.options;
    const { projection } = this;
    return subscribe({
      store,
      pool,
      name: projection.name,
      version: projection.version,
      prepare: (connection) => this.#prepare(connection),
      handle: async (tx, events) => {
        await projectPage(tx, projection, this.#poisoned.leaveOut(events), 'read');
        await this.#poisoned.settle(tx, events);
      },
      onChange: ({ mode, failedAt, error }) => {
        if (mode !== 'failed') return;
        log(`projection ${projection.name} stopped at event ${failedAt ?? 'unknown'}: ${messageOf(error)}`);
        if (failedAt !== undefined) this.#waiting = this.#waitForDecision(failedAt, error);
      },
    });
  }

  /** It may have been fed from Kafka before: then some partitions are ahead of the checkpoint. */
  async #prepare(connection: PoolClient): Promise<void> {
    await this.#poisoned.load();
    const { projection, options } = this;
    await new PartitionWriter({ ...options, projection, connection, poisoned: this.#poisoned }).settle();
  }

  async #waitForDecision(failedAt: number, error: unknown): Promise<void> {
    const { signal } = this.#stopping;
    let isOpened = false;
    while (!signal.aborted) {
      try {
        if (!isOpened) await this.#poisoned.open(failedAt, error);
        isOpened = true;
        if (await this.#poisoned.isDecided(failedAt)) {
          this.#subscription = this.#subscribe();
          return;
        }
      } catch (cause) {
        this.options.log(`projection ${this.name}: its dead letter cannot be kept: ${messageOf(cause)}`);
      }
      await delay(LOOK_MS, undefined, { signal }).catch(() => {});
    }
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
