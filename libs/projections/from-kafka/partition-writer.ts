/**
 * Applies what comes from Kafka to one projection, partition by partition: the place in the partition moves in the transaction
 * that holds the rows, so the effect of each event is there exactly once, whatever Kafka gives again or in whichever order.
 * What Kafka does not give is read from the log. All of it on one connection, one page at a time.
 */
import { mayPass } from '#event-store';
import { partitionOf } from '#kafka';
import { readEpochs, readTails, type RelayedRecord, type RelayEpoch, storedEvent } from '#relay';
import type { ChainedRecord, Followed } from './follow.js';
import { EpochUnknown, EventPoisoned, TopicAheadOfLog } from './from-kafka.error.js';
import { PageWriter, type PageWriterOptions, type PartitionPage } from './page-writer.js';
import { findOffset, moveEpoch, raiseBase, readEpoch, readPlaces } from './partition-place.js';

export type PartitionWriterOptions = PageWriterOptions & {
  /** Something was missing in Kafka and is read from the log. */
  readonly onHole?: (hole: { readonly partition: number; readonly after: number; readonly upTo: number }) => void;
};

/** Of one epoch. `through`: every event of the partition up to there is applied when these are. */
type Piece = { readonly epoch: number; readonly records: readonly ChainedRecord[]; readonly through?: number };
type Fill = { readonly partition: number; readonly epoch: RelayEpoch; readonly upTo: number };
type Beat = () => Promise<void>;

type Batch = {
  readonly partition: number;
  readonly records: readonly RelayedRecord[];
  readonly beat: Beat;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
};

const PAGE_SIZE = 1_000;
const noBeat: Beat = async () => {};

export class PartitionWriter {
  /** The projection has come so far at least. */
  #knownEpoch = 0;
  #knownHead = 0;
  #turn: Promise<unknown> = Promise.resolve();

  readonly #pages: PageWriter;
  readonly #waiting: Batch[] = [];

  constructor(private readonly options: PartitionWriterOptions) {
    this.#pages = new PageWriter(options);
  }

  /**
   * Records of one partition, as Kafka gave them; those of several partitions that wait for their turn are applied together. Throws
   * EventPoisoned naming the event that cannot be applied, alone neither; all before it are applied. What else it throws may pass.
   */
  apply(partition: number, records: readonly RelayedRecord[], beat: Beat = noBeat): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ partition, records, beat, resolve, reject });
      void this.#inTurn(() => this.#applyWaiting());
    });
  }

  /** As many as make a page; the others have turns of their own. */
  async #applyWaiting(): Promise<void> {
    const batches: Batch[] = [];
    for (let size = 0; this.#waiting.length > 0 && size < PAGE_SIZE;) {
      const batch = this.#waiting.shift()!;
      batches.push(batch);
      size += batch.records.length;
    }
    try {
      const rests = batches.length > 1 ? await this.#applyTogether(batches) : undefined;
      for (const batch of batches) await this.#applyAlone(batch, rests?.get(batch) ?? batch.records);
    } catch (error) {
      for (const { reject } of batches) reject(error); // those that are done hear nothing of it
    }
  }

  /** What is left of each; undefined where something is not as it mostly is, and each is to be looked at alone. */
  async #applyTogether(batches: readonly Batch[]): Promise<ReadonlyMap<Batch, readonly RelayedRecord[]> | undefined> {
    const all = batches.flatMap(({ records }) => records);
    const epochs = new Set(all.map(({ epoch }) => epoch));
    const partitions = new Set(batches.map(({ partition }) => partition));
    const [epoch] = epochs;
    if (epoch === undefined || epochs.size > 1 || partitions.size < batches.length) return undefined;
    await this.#checkHead(Math.max(...all.map(({ position }) => position)));
    await this.#enter(epoch, batches[0]!.beat);
    const written = await this.#tryPages(epoch, batches);
    if ('error' in written) return undefined;
    return new Map(batches.map((batch, at) => [batch, batch.records.slice(written.followed[at]!.taken)]));
  }

  async #applyAlone({ partition, beat, resolve, reject }: Batch, records: readonly RelayedRecord[]): Promise<void> {
    try {
      await this.#checkHead(records.at(-1)?.position ?? 0);
      for (const run of runsOfOneEpoch(records)) {
        const { epoch } = run[0]!;
        await this.#enter(epoch, beat);
        await this.#write(partition, { epoch, records: run }, beat);
      }
      resolve();
    } catch (error) {
      reject(error);
    }
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
      isDone = await this.#pages.inTransaction('alone', async () => {
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
    await this.#pages.move(partition, epoch, upTo); // retention may have given up the last ones
  }

  /** Less at a time, until it is one event that cannot be applied. */
  async #write(partition: number, { epoch, records, through }: Piece, beat: Beat): Promise<void> {
    let rest = records;
    for (let size = PAGE_SIZE; rest.length > 0; await beat()) {
      const page = rest.slice(0, size);
      const written = await this.#tryPages(epoch, [{ partition, records: page }]);
      if ('error' in written) {
        if (page.length === 1) throw new EventPoisoned(this.options.projection.name, page[0]!.position, written.error);
        size = Math.ceil(page.length / 2);
        continue;
      }
      const { taken, hole } = written.followed[0]!;
      rest = rest.slice(taken);
      size = Math.min(size * 2, PAGE_SIZE);
      if (hole && taken === 0) await this.#fillHole(partition, hole, beat);
    }
    if (through !== undefined) await this.#pages.move(partition, epoch, through);
  }

  /** `error`: the pages themselves cannot be applied. Throws what may pass. */
  async #tryPages(
    epoch: number,
    pages: readonly PartitionPage[],
  ): Promise<{ readonly followed: readonly Followed[] } | { readonly error: unknown }> {
    try {
      return { followed: await this.#pages.write(epoch, pages) };
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
}

function* runsOfOneEpoch(records: readonly RelayedRecord[]): Generator<RelayedRecord[]> {
  for (let from = 0; from < records.length;) {
    const { epoch } = records[from]!;
    const end = records.findIndex((record, at) => at > from && record.epoch !== epoch);
    yield records.slice(from, end < 0 ? undefined : end);
    from = end < 0 ? records.length : end;
  }
}
