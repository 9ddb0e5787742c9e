/**
 * Applies what comes from Kafka to one projection, partition by partition: the place in the partition moves in the transaction
 * that holds the rows, so the effect of each event is there exactly once, whatever Kafka gives again or in whichever order.
 * What Kafka does not give is read from the log. All of it on one connection, one page at a time.
 */
import type { PoolClient } from 'pg';
import { type EventStore, mayPass } from '#event-store';
import { partitionOf } from '#kafka';
import { readEpochs, readTails, type RelayedRecord, type RelayEpoch, storedEvent } from '#relay';
import { applyPage, lockSerial, openPage } from '../project-page.js';
import type { PoisonedEvents } from '../poisoned-events.js';
import type { Projection } from '../projection.js';
import { ConnectionLost, EpochUnknown, EventPoisoned, TopicAheadOfLog } from './from-kafka.error.js';
import { type ChainedRecord, follow, type Followed } from './follow.js';
import { findOffset, holdPlace, moveEpoch, movePlace, raiseBase, readEpoch, readPlaces } from './partition-place.js';

export type PartitionWriterOptions = {
  readonly store: EventStore;
  readonly projection: Projection;
  /** Nothing else is done on it, and its session holds the projection's reader lock. */
  readonly connection: PoolClient;
  readonly poisoned: PoisonedEvents;
  /** Something was missing in Kafka and is read from the log. */
  readonly onHole?: (hole: { readonly partition: number; readonly after: number; readonly upTo: number }) => void;
};

/** Of one epoch. `through`: every event of the partition up to there is applied when these are. */
type Piece = { readonly epoch: number; readonly records: readonly ChainedRecord[]; readonly through?: number };
type Fill = { readonly partition: number; readonly epoch: RelayEpoch; readonly upTo: number };
type Beat = () => Promise<void>;

const PAGE_SIZE = 1_000;
const noBeat: Beat = async () => {};

export class PartitionWriter {
  /** The projection has come so far at least. */
  #knownEpoch = 0;
  #knownHead = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: PartitionWriterOptions) {}

  /**
   * Records of one partition, as Kafka gave them. Throws EventPoisoned naming the event that cannot be applied, alone neither;
   * all before it are applied. What else it throws may pass.
   */
  apply(partition: number, records: readonly RelayedRecord[], beat: Beat = noBeat): Promise<void> {
    return this.#inTurn(async () => {
      await this.#checkHead(records.at(-1)?.position ?? 0);
      for (const run of runsOfOneEpoch(records)) {
        const { epoch } = run[0]!;
        await this.#enter(epoch, beat);
        await this.#write(partition, { epoch, records: run }, beat);
      }
    });
  }

  /** The same from the log: every event of the partition up to a position. */
  fill(partition: number, upTo: number, beat: Beat = noBeat): Promise<void> {
    return this.#inTurn(async () => {
      const epoch = await this.#epoch();
      if (epoch) await this.#fill({ partition, epoch, upTo }, beat);
    });
  }

  /** Partitions that have not all that the relay has published, after the newest epoch was entered. */
  lacking(beat: Beat = noBeat): Promise<{ partition: number; upTo: number }[]> {
    return this.#inTurn(async () => {
      const { connection, projection } = this.options;
      const newest = (await readEpochs(connection)).at(-1);
      if (!newest) return [];
      await this.#enter(newest.epoch, beat);
      const [tails, places] = [await readTails(connection, newest.epoch), await readPlaces(connection, projection)];
      return places.flatMap(({ partition, position }) => {
        const upTo = tails.get(partition) ?? 0;
        return position < upTo ? [{ partition, upTo }] : [];
      });
    });
  }

  /** All partitions as far as the farthest one, so that whoever reads on by position alone misses and doubles nothing. */
  settle(beat: Beat = noBeat): Promise<void> {
    return this.#inTurn(async () => {
      const epoch = await this.#epoch();
      if (epoch) await this.#raise({ epoch, upTo: 0 }, beat);
    });
  }

  /** What the relay has published was in the log: else that was restored to an older state since. */
  async #checkHead(position: number): Promise<void> {
    if (position <= this.#knownHead) return;
    this.#knownHead = await this.options.store.head();
    if (position > this.#knownHead) throw new TopicAheadOfLog(position, this.#knownHead);
  }

  /** The epoch that the places are of; undefined: they are of none yet. */
  async #epoch(): Promise<RelayEpoch | undefined> {
    const { connection, projection } = this.options;
    const current = await readEpoch(connection, projection);
    return (await readEpochs(connection)).find(({ epoch }) => epoch === current);
  }

  /** One epoch after another, up to this one. */
  async #enter(wanted: number, beat: Beat): Promise<void> {
    if (wanted <= this.#knownEpoch) return;
    const { connection, projection } = this.options;
    const epochs = await readEpochs(connection);
    if (!epochs.some(({ epoch }) => epoch === wanted)) throw new EpochUnknown(wanted);
    const base = await this.#base();
    const first = epochs.findLast(({ after }) => after <= base) ?? epochs[0]!;
    let current = (await readEpoch(connection, projection)) ?? first.epoch;
    await moveEpoch(connection, projection, current);
    for (; current < wanted; current = (await readEpoch(connection, projection))!) {
      const at = epochs.findIndex(({ epoch }) => epoch === current);
      const next = epochs[at + 1]!;
      await this.#raise({ epoch: epochs[at]!, upTo: next.after, next: next.epoch }, beat);
    }
    this.#knownEpoch = current;
  }

  /**
   * Every event up to a position, or to the farthest place, of all partitions: one checkpoint then stands for all places, and streams
   * may be spread anew. A relay that crashed may have published the same events in both epochs: those of the old one that lie
   * behind are dropped.
   */
  async #raise({ epoch, upTo, next }: { epoch: RelayEpoch; upTo: number; next?: number }, beat: Beat): Promise<void> {
    const { connection, projection } = this.options;
    for (let isDone = false; !isDone;) {
      const target = Math.max(upTo, await this.#farthest());
      if (target > (await this.#base())) {
        for (let partition = 0; partition < epoch.partitions; partition++) {
          await this.#fill({ partition, epoch, upTo: target }, beat);
        }
      }
      isDone = await this.#inTransaction(async () => {
        await openPage(connection, projection, 'read', 'alone');
        if ((await this.#farthest()) > target) return false;
        await raiseBase(connection, projection, target);
        if (next !== undefined) await moveEpoch(connection, projection, next);
        return true;
      });
    }
  }

  async #farthest(): Promise<number> {
    const places = await readPlaces(this.options.connection, this.options.projection);
    return Math.max(0, ...places.map(({ position }) => position));
  }

  async #fill({ partition, epoch: { epoch, partitions }, upTo }: Fill, beat: Beat): Promise<void> {
    const { store, connection, projection } = this.options;
    await findOffset(connection, projection, partition); // makes its row
    const place = (await readPlaces(connection, projection)).find((one) => one.partition === partition)!;
    for await (const page of store.records({ after: place.position, upTo })) {
      const records = page.filter((record) => partitionOf(storedEvent(record).stream, partitions) === partition);
      await this.#write(partition, { epoch, records, through: page.at(-1)!.position }, beat);
    }
    await this.#move(partition, epoch, upTo); // retention may have given up the last ones
  }

  /** Less at a time, until it is one event that cannot be applied. */
  async #write(partition: number, { epoch, records, through }: Piece, beat: Beat): Promise<void> {
    let rest = records;
    for (let size = PAGE_SIZE; rest.length > 0; await beat()) {
      const page = rest.slice(0, size);
      const written = await this.#tryPage(partition, epoch, page);
      if ('error' in written) {
        if (page.length === 1) throw new EventPoisoned(this.options.projection.name, page[0]!.position, written.error);
        size = Math.ceil(page.length / 2);
        continue;
      }
      const { taken, hole } = written;
      rest = rest.slice(taken);
      size = Math.min(size * 2, PAGE_SIZE);
      if (hole && taken === 0) await this.#fillHole(partition, hole, beat);
    }
    if (through !== undefined) await this.#move(partition, epoch, through);
  }

  /** `error`: the page itself cannot be applied. Throws what may pass. */
  async #tryPage(
    partition: number,
    epoch: number,
    page: readonly ChainedRecord[],
  ): Promise<Followed | { readonly error: unknown }> {
    try {
      return await this.#writePage(partition, epoch, page);
    } catch (error) {
      if (mayPass(error)) throw error;
      return { error };
    }
  }

  async #fillHole(partition: number, hole: NonNullable<Followed['hole']>, beat: Beat): Promise<void> {
    await this.#checkHead(hole.upTo);
    this.options.onHole?.({ partition, ...hole });
    await this.#fill({ partition, epoch: (await this.#epoch())!, upTo: hole.upTo }, beat);
  }

  /** One transaction: the rows, and the place. What is of an epoch that the projection has left was applied, or comes again. */
  async #writePage(partition: number, epoch: number, given: readonly ChainedRecord[]): Promise<Followed> {
    const { connection, projection, store, poisoned } = this.options;
    const decoded = await store.decode(poisoned.leaveOut(given));
    const events = new Map(decoded.map((event) => [event.position, event]));
    return this.#inTransaction(async () => {
      await openPage(connection, projection, 'read', 'together');
      const place = await holdPlace(connection, projection, partition);
      const followed = place.epoch > epoch ? { records: [], taken: given.length } : follow(place.position, given);
      const applied = followed.records.flatMap(({ position }) => events.get(position) ?? []);
      await lockSerial(connection, projection, applied);
      await applyPage(connection, projection, applied);
      await poisoned.settle(connection, applied);
      const { position = place.position } = followed.records.at(-1) ?? {};
      const offset = given[followed.taken - 1]?.offset;
      await movePlace(connection, projection, { partition, position, ...(offset !== undefined && { offset }) });
      return followed;
    });
  }

  /** No event of the partition lies between its place and this position. */
  #move(partition: number, epoch: number, position: number): Promise<void> {
    const { connection, projection } = this.options;
    return this.#inTransaction(async () => {
      await openPage(connection, projection, 'read', 'together');
      const place = await holdPlace(connection, projection, partition);
      if (place.epoch === epoch) await movePlace(connection, projection, { partition, position });
    });
  }

  async #base(): Promise<number> {
    const { connection, projection } = this.options;
    const { rows } = await connection.query<{ position: number }>(
      'SELECT position FROM read.checkpoint WHERE projection = $1 AND version = $2',
      [projection.name, projection.version],
    );
    return rows[0]?.position ?? 0;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }

  /** Throws ConnectionLost where the outcome is not known. */
  async #inTransaction<T>(work: () => Promise<T>): Promise<T> {
    const { connection } = this.options;
    try {
      await connection.query('BEGIN');
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

function* runsOfOneEpoch(records: readonly RelayedRecord[]): Generator<RelayedRecord[]> {
  for (let from = 0; from < records.length;) {
    const { epoch } = records[from]!;
    const end = records.findIndex((record, at) => at > from && record.epoch !== epoch);
    yield records.slice(from, end < 0 ? undefined : end);
    from = end < 0 ? records.length : end;
  }
}
