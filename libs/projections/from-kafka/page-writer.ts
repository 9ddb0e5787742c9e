/**
 * Pages of one or more partitions into one projection, each page one transaction: the rows, and the place in every partition. On one
 * connection, which nobody else uses.
 */
import type { PoolClient } from 'pg';
import type { EventStore } from '#event-store';
import type { PoisonedEvents } from '../poisoned-events.js';
import { applyPage, lockSerial, openPage, type PageLock } from '../project-page.js';
import type { Projection } from '../projection.js';
import { ConnectionLost } from './from-kafka.error.js';
import { type ChainedRecord, follow, type Followed } from './follow.js';
import { holdPlaces, movePlaces } from './partition-place.js';

export type PageWriterOptions = {
  readonly store: EventStore;
  readonly projection: Projection;
  /** Its session holds the projection's reader lock. */
  readonly connection: PoolClient;
  readonly poisoned: PoisonedEvents;
};

/** Records of one partition, in order; without a body where the projection does not handle their type. */
export type PartitionPage = { readonly partition: number; readonly records: readonly ChainedRecord[] };

export class PageWriter {
  constructor(private readonly options: PageWriterOptions) {}

  /**
   * Records of one epoch; each partition at most once. Gives what became of each page. What is of an epoch that the projection has
   * left was applied, or comes again.
   */
  async write(epoch: number, pages: readonly PartitionPage[]): Promise<Followed[]> {
    const { connection, projection, store, poisoned } = this.options;
    const wanted = pages.flatMap(({ records }) => records.filter(({ body }) => body !== ''));
    const decoded = await store.decode(poisoned.leaveOut(wanted));
    const events = new Map(decoded.map((event) => [event.position, event]));
    return this.inTransaction('together', async () => {
      const places = await holdPlaces(
        connection,
        projection,
        pages.map(({ partition }) => partition),
      );
      const followed = pages.map(({ partition, records }) => {
        const place = places.get(partition)!;
        return place.epoch > epoch ? { records: [], taken: records.length } : follow(place.position, records);
      });
      const applied = followed
        .flatMap(({ records }) => records)
        .flatMap(({ position }) => events.get(position) ?? [])
        .toSorted((a, b) => a.position - b.position);
      await lockSerial(connection, projection, applied);
      await applyPage(connection, projection, applied);
      await poisoned.settle(connection, applied);
      await movePlaces(
        connection,
        projection,
        pages.map(({ partition, records }, at) => {
          const { records: done, taken } = followed[at]!;
          const { position = 0 } = done.at(-1) ?? {};
          return { partition, position, offset: records[taken - 1]?.offset };
        }),
      );
      return followed;
    });
  }

  /** No event of the partition lies between its place and this position. */
  move(partition: number, epoch: number, position: number): Promise<void> {
    const { connection, projection } = this.options;
    return this.inTransaction('together', async () => {
      const place = (await holdPlaces(connection, projection, [partition])).get(partition)!;
      if (place.epoch === epoch) await movePlaces(connection, projection, [{ partition, position }]);
    });
  }

  /** Throws ConnectionLost where the outcome is not known. */
  async inTransaction<T>(lock: PageLock, work: () => Promise<T>): Promise<T> {
    const { connection, projection } = this.options;
    try {
      await connection.query('BEGIN');
      await openPage(connection, projection, 'read', lock);
      const done = await work();
      await connection.query('COMMIT');
      return done;
    } catch (error) {
      await connection.query('ROLLBACK').catch(() => {
        throw new ConnectionLost(error);
      });
      throw error;
    }
  }
}
