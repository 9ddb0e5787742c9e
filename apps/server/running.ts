/** What this process runs, as far as one can ask how it is: /ready, /metrics and the doctor do. */
import type { Pool } from 'pg';
import type { EventStore } from '#event-store';
import type { Evidence } from '#evidence';
import { relayProgress, type RelayProgress } from '#relay';
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
