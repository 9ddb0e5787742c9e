/**
 * The running read models of one process: one subscription per projection, each moving its read model and its checkpoint
 * in one transaction. Of several processes one is active per projection; the others wait and take over.
 */
import { type EventStore, subscribe, type Subscription } from '#event-store';
import type { Pool } from 'pg';
import { projectPage } from './project-page.js';
import type { Projection } from './projection.js';

export const PROJECTORS = Symbol('PROJECTORS');

export type ProjectorStatus = {
  readonly name: string;
  readonly mode: Subscription['state'] extends () => infer State
    ? State extends { mode: infer Mode }
      ? Mode
      : never
    : never;
  readonly position: number;
  /** Stopped for good: the event that could not be projected, and why. */
  readonly error?: { readonly position?: number; readonly message: string };
};

export type Projectors = {
  status(): ProjectorStatus[];
  /** Waits until every read model has reached the position, at most `timeoutMs`; those still behind are the answer. */
  waitFor(position: number, timeoutMs: number): Promise<{ readonly name: string; readonly position: number }[]>;
  /** Finishes the pages at hand. */
  stop(): Promise<void>;
};

export function startProjectors({
  store,
  pool,
  projections,
  log,
}: {
  readonly store: EventStore;
  /** Each active projection keeps one of its connections. */
  readonly pool: Pool;
  readonly projections: readonly Projection[];
  readonly log: (message: string) => void;
}): Projectors {
  const running = projections.map((projection) => ({
    name: projection.name,
    subscription: project(projection, store, pool, log),
  }));
  return {
    status: () => running.map(({ name, subscription }) => statusOf(name, subscription)),
    async waitFor(position, timeoutMs) {
      const reached = await Promise.all(
        running.map(async ({ name, subscription }) => ({
          name,
          position: await subscription.waitFor(position, timeoutMs),
        })),
      );
      return reached.filter((projector) => projector.position < position);
    },
    stop: async () => void (await Promise.all(running.map(({ subscription }) => subscription.stop()))),
  };
}

function project(projection: Projection, store: EventStore, pool: Pool, log: (message: string) => void): Subscription {
  const { name, version } = projection;
  return subscribe({
    store,
    pool,
    name,
    version,
    handle: (tx, events) => projectPage(tx, projection, events, 'read'),
    onChange({ mode, failedAt, error }) {
      if (mode === 'failed') log(`projection ${name} stopped at event ${failedAt ?? 'unknown'}: ${messageOf(error)}`);
    },
  });
}

function statusOf(name: string, subscription: Subscription): ProjectorStatus {
  const { mode, position, failedAt, error } = subscription.state();
  if (mode !== 'failed') return { name, mode, position };
  return {
    name,
    mode,
    position,
    error: { message: messageOf(error), ...(failedAt !== undefined && { position: failedAt }) },
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
