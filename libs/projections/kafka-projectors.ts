/** The read models of one process fed from Kafka, and what a process knows of them that has not that role. */
import type { Pool } from 'pg';
import { setTimeout as delay } from 'node:timers/promises';
import type { Transport } from '#kafka';
import { EVENTS_TOPIC } from '#relay';
import { GroupProjector } from './from-kafka/group-projector.js';
import { readPosition } from './from-kafka/partition-place.js';
import type { Projection } from './projection.js';
import type { Projectors, ProjectorsOptions, ProjectorStatus } from './projectors.js';

export type KafkaProjectorsOptions = ProjectorsOptions & {
  readonly transport: Transport;
  readonly topic?: string;
};

const POLL_MS = 25;

/** Members of the consumer groups `kerbtrail.<projection>`: of any number of processes each takes some of the partitions. */
export function startKafkaProjectors(options: KafkaProjectorsOptions): Projectors {
  const { store, pool, transport, topic = EVENTS_TOPIC, projections, log } = options;
  const members = projections.map(
    (projection) => new GroupProjector({ store, pool, transport, topic, projection, log }),
  );
  return {
    status: () => Promise.all(members.map((member) => member.status())),
    waitFor: (position, timeoutMs) => waitForProjections(pool, projections, position, timeoutMs),
    stop: async () => void (await Promise.all(members.map((member) => member.stop()))),
  };
}

/** Other processes keep the read models. */
export function observeProjectors({ pool, projections }: Pick<ProjectorsOptions, 'pool' | 'projections'>): Projectors {
  const statusOf = async (projection: Projection): Promise<ProjectorStatus> => ({
    name: projection.name,
    feed: 'elsewhere',
    mode: 'waiting',
    position: await readPosition(pool, projection),
  });
  return {
    status: () => Promise.all(projections.map(statusOf)),
    waitFor: (position, timeoutMs) => waitForProjections(pool, projections, position, timeoutMs),
    stop: async () => {},
  };
}

async function waitForProjections(
  pool: Pool,
  projections: readonly Projection[],
  position: number,
  timeoutMs: number,
): Promise<{ readonly name: string; readonly position: number }[]> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const reached = await Promise.all(
      projections.map(async (projection) => ({
        name: projection.name,
        position: await readPosition(pool, projection),
      })),
    );
    const behind = reached.filter((one) => one.position < position);
    if (behind.length === 0 || performance.now() >= deadline) return behind;
    await delay(POLL_MS);
  }
}
