/** What this process runs, as far as one can ask how it is: /ready, /metrics and the doctor do. */
import type { Pool } from 'pg';
import type { EventStore } from '#event-store';
import type { Evidence } from '#evidence';
import type { ProjectorStatus } from '#projections';
import { publishedTails, relayProgress, type RelayProgress } from '#relay';
import type { RelayStatus } from './boot/kafka.js';
import type { Roles } from './boot/roles.js';

export const RUNNING = Symbol('RUNNING');

export type Running = Roles & {
  readonly store: EventStore;
  readonly pool: Pool;
  /** Of role `api`. */
  readonly evidence?: Evidence;
  /** Events reach read models through a relay, in this process or another. */
  readonly isFedByKafka: boolean;
};

export type ObservedProjection = Omit<ProjectorStatus, 'partitions'> & {
  /** Events that it has not seen. */
  readonly lag: number;
  /** Of this process; `lag` is in positions of the log, from the last event applied to the last one published there. */
  readonly partitions?: readonly { readonly partition: number; readonly position: number; readonly lag: number }[];
};

export async function observeProjections(running: Running, head: number): Promise<readonly ObservedProjection[]> {
  const { projectors, pool } = running;
  const [all, tails] = await Promise.all([projectors.status(), publishedTails(pool)]);
  return all.map(({ partitions, ...projection }) => ({
    ...projection,
    lag: Math.max(0, head - projection.position),
    ...(partitions && {
      partitions: partitions.map(({ partition, position }) => {
        const lag = Math.max(0, (tails.get(partition) ?? 0) - position);
        return { partition, position, lag };
      }),
    }),
  }));
}

export type ObservedRelay = RelayProgress & {
  /** `elsewhere`: another process has the role. */
  readonly state: RelayStatus['state'] | 'elsewhere';
  readonly trouble?: string;
};

/** Undefined where no read model rests on it. */
export async function observeRelay({ pool, kafka, isFedByKafka }: Running): Promise<ObservedRelay | undefined> {
  if (!isFedByKafka) return undefined;
  return { ...(await relayProgress(pool)), state: 'elsewhere', ...kafka?.relay() };
}
