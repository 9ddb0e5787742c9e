/**
 * Applies what comes from Kafka to one projection, partition by partition: the place in the partition moves in the transaction
 * that holds the rows, so the effect of each event is there exactly once, whatever Kafka gives again or in whichever order.
 * What Kafka does not give is read from the log. All of it on one connection, one page at a time.
 */
import type { PoolClient } from 'pg';
import { type EventStore, mayPass } from '#event-store';
import { partitionOf } from '#kafka';
import { epochAfter, epochStart, type RelayedRecord, storedEvent } from '#relay';
import { applyPage, lockSerial, openPage } from '../project-page.js';
import type { PoisonedEvents } from '../poisoned-events.js';
import type { Projection } from '../projection.js';
import { ConnectionLost, EpochUnknown, EventPoisoned, TopicAheadOfLog } from './from-kafka.error.js';
import { type ChainedRecord, follow, type Followed } from './follow.js';
import { findOffset, holdPlace, movePlace, raiseBase, readPosition, readPlaces } from './partition-place.js';

export type PartitionWriterOptions = {
  readonly store: EventStore;
  readonly projection: Projection;
  /** Nothing else is done on it, and its session holds the projection's reader lock. */
  readonly connection: PoolClient;
  readonly poisoned: PoisonedEvents;
  /** Something was missing in Kafka and is read from the log. */
  readonly onHole?: (hole: { readonly partition: number; readonly after: number; readonly upTo: number }) => void;
};

/** `through`: every event of the partition up to there is applied when these are. */
type Piece = { readonly records: readonly ChainedRecord[]; readonly through?: number };
type Beat = () => Promise<void>;

const PAGE_SIZE = 1_000;
const noBeat: Beat = async () => {};

export class PartitionWriter {
  /** Every event before this epoch is applied. */
  #settledEpoch = 0;
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
        await this.#settleBefore(run[0]!.epoch, beat);
        await this.#write(partition, { records: run }, beat);
      }
    });
  }

  /** The same from the log: every event of the partition up to a position. */
  fill(partition: number, upTo: number, beat: Beat = noBeat): Promise<void> {
    return this.#inTurn(async () => {
      const base = await this.#base();
      const { partitions } = await this.#epochOf(base);
      await this.#fill({ partition, partitions, upTo }, beat);
    });
  }

  /** Every event up to a position, of all partitions, from the log where it has to be; one checkpoint then stands for all places. */
  settle(upTo: number, beat: Beat = noBeat): Promise<void> {
    return this.#inTurn(() => this.#settle(upTo, beat));
  }

  /** All partitions as far as the farthest one, so that whoever reads on by position alone misses and doubles nothing. */
  async settleAll(): Promise<void> {
    const { connection, projection } = this.options;
    const farthest = Math.max(0, ...(await readPlaces(connection, projection)).map(({ position }) => position));
    if (farthest > (await this.#base())) await this.settle(farthest);
  }

  /** What the relay has published was in the log: else that was restored to an older state since. */
  async #checkHead(position: number): Promise<void> {
    if (position <= this.#knownHead) return;
    this.#knownHead = await this.options.store.head();
    if (position > this.#knownHead) throw new TopicAheadOfLog(position, this.#knownHead);
  }

  async #settleBefore(epoch: number, beat: Beat): Promise<void> {
    if (epoch <= this.#settledEpoch) return;
    const start = await epochStart(this.options.connection, epoch);
    if (start === null) throw new EpochUnknown(epoch);
    await this.#settle(start, beat);
    this.#settledEpoch = epoch;
  }

  async #settle(upTo: number, beat: Beat): Promise<void> {
    const { connection, projection } = this.options;
    for (let base = await this.#base(); base < upTo; base = await this.#base()) {
      const { partitions, endsAt } = await this.#epochOf(base);
      const to = Math.min(upTo, endsAt !== null && endsAt > base ? endsAt : upTo);
      if ((await readPosition(connection, projection)) < to) {
        for (let partition = 0; partition < partitions; partition++) {
          await this.#fill({ partition, partitions, upTo: to }, beat);
        }
      }
      await this.#inTransaction(async () => {
        await openPage(connection, projection, 'read', 'alone');
        await raiseBase(connection, projection, to);
      });
    }
  }

  async #fill({ partition, partitions, upTo }: Fill, beat: Beat): Promise<void> {
    const { store, connection, projection } = this.options;
    await findOffset(connection, projection, partition); // makes its row
    const place = (await readPlaces(connection, projection)).find((one) => one.partition === partition)!;
    for await (const page of store.records({ after: place.position, upTo })) {
      const records = page.filter((record) => partitionOf(storedEvent(record).stream, partitions) === partition);
      await this.#write(partition, { records, through: page.at(-1)!.position }, beat);
    }
    await this.#move(partition, upTo); // retention may have given up the last ones
  }

  /** Less at a time, until it is one event that cannot be applied. */
  async #write(partition: number, { records, through }: Piece, beat: Beat): Promise<void> {
    let rest = records;
    let size = PAGE_SIZE;
    while (rest.length > 0) {
      const page = rest.slice(0, size);
      try {
        const { taken, hole } = await this.#writePage(partition, page);
        rest = rest.slice(taken);
        if (hole && taken === 0) await this.#fillHole(partition, hole, beat);
        size = Math.min(size * 2, PAGE_SIZE);
      } catch (error) {
        if (error instanceof EventPoisoned || mayPass(error)) throw error;
        if (page.length === 1) throw new EventPoisoned(this.options.projection.name, page[0]!.position, error);
        size = Math.ceil(page.length / 2);
      }
      await beat();
    }
    if (through !== undefined) await this.#inTransaction(() => this.#move(partition, through));
  }

  async #fillHole(partition: number, hole: NonNullable<Followed['hole']>, beat: Beat): Promise<void> {
    await this.#checkHead(hole.upTo);
    this.options.onHole?.({ partition, ...hole });
    const { partitions } = await this.#epochOf(hole.after);
    await this.#fill({ partition, partitions, upTo: hole.upTo }, beat);
  }

  /** One transaction: the rows, and the place. */
  async #writePage(partition: number, given: readonly ChainedRecord[]): Promise<Followed> {
    const { connection, projection, store, poisoned } = this.options;
    const decoded = await store.decode(poisoned.leaveOut(given));
    return this.#inTransaction(async () => {
      await openPage(connection, projection, 'read', 'together');
      const followed = follow(await holdPlace(connection, projection, partition), given);
      const positions = new Set(followed.records.map(({ position }) => position));
      const events = decoded.filter(({ position }) => positions.has(position));
      await lockSerial(connection, projection, events);
      await applyPage(connection, projection, events);
      await poisoned.settle(connection, events);
      const last = given[followed.taken - 1];
      if (last) await movePlace(connection, projection, { partition, ...last });
      return followed;
    });
  }

  /** No event of the partition lies between its place and this position. */
  #move(partition: number, position: number): Promise<void> {
    const { connection, projection } = this.options;
    return this.#inTransaction(async () => {
      await openPage(connection, projection, 'read', 'together');
      await movePlace(connection, projection, { partition, position });
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

  /** Before the relay's first epoch all of the log is one partition. */
  async #epochOf(position: number): Promise<{ partitions: number; endsAt: number | null }> {
    return (await epochAfter(this.options.connection, position)) ?? { partitions: 1, endsAt: null };
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }

  async #inTransaction<T>(work: () => Promise<T>): Promise<T> {
    const { connection } = this.options;
    await connection.query('BEGIN');
    try {
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

type Fill = { readonly partition: number; readonly partitions: number; readonly upTo: number };

function* runsOfOneEpoch(records: readonly RelayedRecord[]): Generator<RelayedRecord[]> {
  for (let from = 0; from < records.length;) {
    const { epoch } = records[from]!;
    const end = records.findIndex((record, at) => at > from && record.epoch !== epoch);
    yield records.slice(from, end < 0 ? undefined : end);
    from = end < 0 ? records.length : end;
  }
}
