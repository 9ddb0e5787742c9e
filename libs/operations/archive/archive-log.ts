/**
 * `archive` and `retire`: partitions out of the database into their sealed files, and bodies out of these files. Every run takes
 * each partition through the same steps; a step that was done before does nothing, so after a crash the next run finishes:
 *
 *   archive                                  not done, or its answer lost             done, and what follows was not
 *   1 files verified                         refused, nothing has changed             verified again
 *   2 PartitionDetached appended             verified again                           recorded, partition attached: readable in both
 *   3 archived_stream, detach, drop          rolled back as one transaction           done
 *
 *   retire
 *   1 files without the bodies written       drafts and second files, which nobody reads
 *   2 PartitionRetired appended              written again, the same bytes            recorded, all bodies still there
 *   3 log.segment names the new files        rolled back as one transaction           the old files are there, and not read
 *   4 old files removed                      removed by the next run                  done
 */
import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { recordCommand, type DecidedEvent, type LogPorts } from '#directory';
import {
  compareInstants,
  detachedPartitionAt,
  detachPartition,
  listPartitions,
  removeReplaced,
  replaceSegments,
  streamName,
  verifyPartition,
  withholdBodies,
  type EventStore,
  type Load,
  type Partition,
} from '#event-store';
import type { TileReader } from '#tlog';
import { OperationRefusal } from '../operation-refusal.error.js';
import { operationsOf } from '../operation-log.js';
import { operationEvents, type OperationEvent } from '../operation.events.js';
import * as decider from './archive.decider.js';

export type ArchivePorts = LogPorts & {
  readonly pool: Pool;
  /** Works as the migration role. */
  readonly owner: Pool;
  readonly segmentsFolder: string;
  /** Of the evidence log. */
  readonly readTile: TileReader;
  /** Size of its newest signed checkpoint. */
  readonly checkpointSize: () => Promise<number>;
};

/** Partitions that end before this position, or whose last event was recorded before this instant. */
export type Before = { readonly position: number } | { readonly recordedAt: string };

/** A partition that has just gone through; `at` is the position of the event that says so. */
export type Archived = { readonly first: number; readonly last: number; readonly at: number };

export function archiveStream(first: number): string {
  return streamName('operation', `archive/${first}`);
}

/** In the state in which they are, oldest first; `due` are the ones that `archive` would take, each after those before it. */
export async function partitionsDue(
  pool: Pool,
  before: Before | undefined,
): Promise<readonly (Partition & { readonly due: boolean })[]> {
  const partitions = await listPartitions(pool);
  let reached = true;
  return partitions.map((partition) => {
    reached &&= partition.state === 'detached' || (partition.state === 'ready' && isBefore(partition, before));
    return { ...partition, due: reached && partition.state === 'ready' };
  });
}

/** Throws what `verifyPartition`, `detachPartition` (#event-store) and the append throw; what was detached before stays so. */
export async function* archivePartitions(
  ports: ArchivePorts,
  actor: string,
  before: Before | undefined,
): AsyncGenerator<Archived> {
  const { pool, owner, segmentsFolder: folder, readTile } = ports;
  const unlock = await oneAtATime(owner);
  try {
    for (const { first, last, due } of await partitionsDue(pool, before)) {
      if (!due) continue;
      const sealed = await verifyPartition({ pool, folder, first, readTile });
      const wanted = { first, last, ...sealed };
      const at = await record(ports, actor, first, (state) => decider.detachPartition(state, wanted));
      await detachPartition(owner, first);
      yield { first, last, at };
    }
  } finally {
    await unlock();
  }
}

/** Of detached partitions only. `before` is a position: what a detached partition's instants were is in its files. Throws as archiving does. */
export async function* retirePartitions(
  ports: ArchivePorts,
  actor: string,
  before: { readonly position: number },
): AsyncGenerator<Archived & { readonly events: number }> {
  const unlock = await oneAtATime(ports.owner);
  try {
    for (const { first, last, state } of await listPartitions(ports.pool)) {
      if (state !== 'detached' || last >= before.position) continue;
      const retired = await retirePartition(ports, actor, { first, last });
      if (retired) yield retired;
    }
  } finally {
    await unlock();
  }
}

/** The partition of this position, if the log records that retention took bodies of it. */
export async function retirementAt(
  { store, pool }: { readonly store: EventStore; readonly pool: Pool },
  position: number,
): Promise<{ readonly first: number; readonly last: number } | null> {
  const first = await detachedPartitionAt(pool, position);
  if (first === null) return null;
  const { retired } = decider.foldArchive(
    await operationsOf((stream) => store.readStream(stream), archiveStream(first)),
  );
  return retired && { first: retired.first, last: retired.last };
}

/** Null when an earlier run has done it, but for the old files perhaps. */
async function retirePartition(
  ports: ArchivePorts,
  actor: string,
  { first, last }: { readonly first: number; readonly last: number },
): Promise<(Archived & { readonly events: number }) | null> {
  const { pool, owner, segmentsFolder: folder } = ports;
  const kept = decider.KEPT_CATEGORIES;
  const retired = await withholdBodies({ pool, folder, first, kept });
  if (retired.files.length === 0) {
    await removeReplaced(pool, folder, first);
    return null;
  }
  const checkpoint = await ports.checkpointSize();
  const data = { first, last, ...retired, kept: [...kept], checkpoint };
  const at = await record(ports, actor, first, (known) => decider.retirePartition(known, data));
  await replaceSegments(owner, retired.files);
  await removeReplaced(pool, folder, first);
  return { first, last, at, events: retired.events };
}

/** Two runs would write the same files. Gives what ends the lock, as the end of its session also does. Throws OperationRefusal. */
async function oneAtATime(owner: Pool): Promise<() => Promise<void>> {
  const client = await owner.connect();
  const { rows } = await client.query<{ locked: boolean }>(
    `SELECT pg_try_advisory_lock(hashtextextended('log.archive', 0)) AS locked`,
  );
  if (rows[0]!.locked) {
    return async () => {
      const lost = await client.query('SELECT pg_advisory_unlock_all()').catch((error: Error) => error);
      client.release(lost instanceof Error);
    };
  }
  client.release();
  throw new OperationRefusal('OPS_ARCHIVE_RUNNING', 'another run of archive or retire is under way: wait for its end');
}

function isBefore({ last, recordedAt }: Partition, before: Before | undefined): boolean {
  if (!before) return true;
  if ('position' in before) return last < before.position;
  return recordedAt !== null && compareInstants(recordedAt, before.recordedAt) < 0;
}

/** Answers with the position of the event, also when it was there before. */
async function record(
  ports: LogPorts,
  actor: string,
  first: number,
  decide: (state: decider.ArchiveState) => OperationEvent[],
): Promise<number> {
  const request = { requestId: randomUUID(), caller: { actor, administers: 'none' } } as const;
  const stream = archiveStream(first);
  const { replied } = await recordCommand<DecidedEvent, Record<string, never>>(
    ports,
    operationEvents,
    { request },
    async (load: Load) => ({
      writes: [{ stream, events: decide(decider.foldArchive(await operationsOf(load, stream))) }],
      reply: {},
    }),
  );
  return replied.position;
}
