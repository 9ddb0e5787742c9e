/**
 * A replay that proves what it read (rebuild --verify): each record's leaf is recomputed as it passes, and at the end the root must
 * be the one that was signed. Memory: 32 bytes for each 256 events. Only when the root differs is a part of the log read again,
 * to name the first event that is not what was signed.
 */
import { LRUCache } from 'lru-cache';
import type { Pool } from 'pg';
import { z } from 'zod';
import { type EventStore, type LogRecord } from '#event-store';
import {
  completeRoot,
  EMPTY_ROOT,
  type Fault,
  leafHash,
  LogCheck,
  openCheckpoint,
  rootOfTiles,
  sameHash,
  TILE_WIDTH,
  tileHashes,
  tilePath,
  tileWidth,
  type Verifier,
} from '#tlog';
import { readCheckpoint, readTile, tileReader } from './evidence-tables.js';
import { EvidenceMismatch } from './evidence.error.js';
import { HASH_BYTES, TileTree } from './tile-tree.js';

export type VerifiedReplay = {
  /** Events that the signed checkpoint covers; what was replayed after them is not proven yet. */
  readonly size: number;
  readonly root: Buffer;
};

export interface ReplayVerifier {
  /** Every record from the first position on, in order; for `onRecords` of `EventStore.replay`. */
  onRecords(records: readonly LogRecord[]): void;
  /** Throws EvidenceMismatch naming position and kind, and NoteInvalid when the checkpoint was not signed by the log's key. */
  finish(): Promise<VerifiedReplay>;
}

export type ReplayVerifierOptions = {
  readonly pool: Pool;
  readonly store: EventStore;
  readonly verifiers: readonly Verifier[];
  /** Where the replay ends: the newest checkpoint of at most so many events is what it is held against. */
  readonly upTo: number;
};

/** Begin it before the replay: checkpoints signed meanwhile are not waited for. */
export async function createReplayVerifier(options: ReplayVerifierOptions): Promise<ReplayVerifier> {
  const newest = await readCheckpoint(options.pool, options.upTo);
  if (!newest) return { onRecords: () => {}, finish: async () => ({ size: 0, root: EMPTY_ROOT }) };
  const { size, root } = openCheckpoint(newest.note, options.verifiers).checkpoint;
  return new Replay(options, { size, root });
}

/** Stands for an event that was not read: no event has this leaf. */
const ABSENT = Buffer.alloc(HASH_BYTES);

/** Of the tombstone that retention leaves in the log. */
const RETIRED = '"type":"PartitionRetired"';
const tombstone = z.object({
  type: z.literal('PartitionRetired'),
  data: z.object({ first: z.int(), last: z.int() }),
});
type Range = { readonly first: number; readonly last: number };

function retiredBy(body: string): Range[] {
  const { data } = tombstone.safeParse(JSON.parse(body)).data ?? {};
  return data ? [data] : [];
}

class Replay implements ReplayVerifier {
  readonly #tree = TileTree.empty();
  /** Of each full tile of leaves, in order. */
  readonly #tileRoots: Buffer[] = [];
  /** Positions whose bodies were given up, as tombstones in the log itself say. */
  readonly #retired: Range[] = [];
  #isWithGaps = false;
  /** Tiles above the leaves, as they were signed. */
  readonly #above = new LRUCache<string, Promise<Buffer[]>>({ max: 16 });

  constructor(
    private readonly options: ReplayVerifierOptions,
    private readonly signed: VerifiedReplay,
  ) {}

  onRecords(records: readonly LogRecord[]): void {
    for (const { position, body } of records) {
      if (position > this.signed.size) return;
      while (this.#tree.size + 1 < position) this.#append(ABSENT);
      // A tombstone comes after what it stands for.
      if (this.#isWithGaps && body.includes(RETIRED)) this.#retired.push(...retiredBy(body));
      this.#append(leafHash(body));
    }
  }

  #append(leaf: Buffer): void {
    this.#isWithGaps ||= leaf === ABSENT;
    this.#tree.append(leaf);
    for (const { level, hashes, index } of this.#tree.takeFull()) {
      if (level === 0) this.#tileRoots.push(completeRoot(tileHashes({ level, index, width: TILE_WIDTH }, hashes)));
    }
  }

  async finish(): Promise<VerifiedReplay> {
    const { size, root } = this.signed;
    while (this.#tree.size < size) this.#append(ABSENT);
    if (sameHash(await this.#tree.root(), root)) return this.signed;
    if (!sameHash(await rootOfTiles(size, tileReader(this.options.pool)), root)) {
      const detail = `the tables of the tree do not have the root that was signed over ${size} events`;
      throw new EvidenceMismatch(undefined, 'changed', detail);
    }
    for (let index = 0; index * TILE_WIDTH < size; index++) {
      if (await this.#isAsSigned(index)) continue;
      const fault = await this.#locate(index);
      if (fault) throw new EvidenceMismatch(fault.position, fault.kind, fault.detail);
      if (!this.#isWithGaps)
        throw new EvidenceMismatch(index * TILE_WIDTH + 1, 'changed', 'it was changed during the replay');
      break; // all that differs is withheld
    }
    return this.signed;
  }

  /** Of the last tile, which may not be full, it is not known. */
  async #isAsSigned(index: number): Promise<boolean> {
    const ours = this.#tileRoots[index];
    return ours !== undefined && sameHash(await this.#hashAbove(0, index), ours);
  }

  /** From a tile on, against the leaves that have the signed root. */
  async #locate(tile: number): Promise<Fault | null> {
    const { size } = this.signed;
    const first = tile * TILE_WIDTH + 1;
    const check = new LogCheck({ from: first });
    const bodies = this.#bodies(first, size);
    let leaves: Buffer[] = [];
    for (let position = first; position <= size && !check.settled; position++) {
      const offset = (position - 1) % TILE_WIDTH;
      if (offset === 0) leaves = await this.#leaves((position - 1) / TILE_WIDTH);
      const body = (await bodies.next()).value ?? null;
      if (body === null && this.#isRetired(position)) check.withheld(position, leaves[offset]!);
      else check.add(position, body, leaves[offset]!);
    }
    await bodies.return(undefined);
    return check.fault();
  }

  #isRetired(position: number): boolean {
    return this.#retired.some(({ first, last }) => first <= position && position <= last);
  }

  #leaves(index: number): Promise<Buffer[]> {
    return this.#signedTile(0, index);
  }

  /** Partial tiles make the signed root; a full one must have the hash that its parent has for it. */
  async #signedTile(level: number, index: number): Promise<Buffer[]> {
    const tile = { level, index, width: tileWidth(this.signed.size, level, index) };
    const hashes = tileHashes(tile, await readTile(this.options.pool, tile));
    if (tile.width < TILE_WIDTH || sameHash(completeRoot(hashes), await this.#hashAbove(level, index))) return hashes;
    const [first, last] = [index, index + 1].map((end) => end * TILE_WIDTH ** (level + 1));
    const detail = `${tilePath(tile)} in the tables was changed: what it held of events ${first! + 1} to ${last} is lost`;
    throw new EvidenceMismatch(undefined, 'changed', detail);
  }

  async #hashAbove(level: number, index: number): Promise<Buffer> {
    const above = Math.floor(index / TILE_WIDTH);
    const key = `${level + 1} ${above}`;
    const hashes = this.#above.get(key) ?? this.#signedTile(level + 1, above);
    this.#above.set(key, hashes);
    return (await hashes)[index % TILE_WIDTH]!;
  }

  /** One body, or null, for each position. */
  async *#bodies(from: number, to: number): AsyncGenerator<string | null, undefined> {
    for (let first = from; first <= to; first += TILE_WIDTH) {
      const positions = Array.from({ length: Math.min(TILE_WIDTH, to - first + 1) }, (_, n) => first + n);
      const found = await this.options.store.recordsAt(positions);
      const bodies = new Map(found.map(({ position, body }) => [position, body]));
      for (const position of positions) yield bodies.get(position) ?? null;
    }
    return undefined;
  }
}
