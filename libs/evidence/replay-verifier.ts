/**
 * A replay that proves what it read (rebuild --verify): each record's leaf is recomputed as it passes, and at the end the root must
 * be the one that was signed. Memory: 32 bytes for each 256 events. Only when the root differs is a part of the log read again,
 * to name the first event that is not what was signed.
 */
import type { Pool } from 'pg';
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
  const { checkpoint } = openCheckpoint(newest.note, options.verifiers);
  return new Replay(options, checkpoint);
}

/** Stands for an event that was not read: no event has this leaf. */
const ABSENT = Buffer.alloc(HASH_BYTES);

class Replay implements ReplayVerifier {
  readonly #tree = TileTree.empty();
  /** Of each full tile of leaves, in order. */
  readonly #tileRoots: Buffer[] = [];

  constructor(
    private readonly options: ReplayVerifierOptions,
    private readonly signed: VerifiedReplay,
  ) {}

  onRecords(records: readonly LogRecord[]): void {
    for (const { position, body } of records) {
      if (position > this.signed.size) return;
      while (this.#tree.size + 1 < position) this.#append(ABSENT);
      this.#append(leafHash(body));
    }
  }

  #append(leaf: Uint8Array): void {
    this.#tree.append(leaf);
    for (const { level, hashes, index } of this.#tree.takeFull()) {
      if (level === 0) this.#tileRoots.push(completeRoot(tileHashes({ level, index, width: TILE_WIDTH }, hashes)));
    }
  }

  async finish(): Promise<VerifiedReplay> {
    const { size, root } = this.signed;
    while (this.#tree.size < size) this.#append(ABSENT);
    if (sameHash(await this.#tree.root(), root)) return { size, root };
    const { pool } = this.options;
    if (!sameHash(await rootOfTiles(size, tileReader(pool)), root)) {
      const detail = `the tables of the tree do not have the root that was signed over ${size} events`;
      throw new EvidenceMismatch(undefined, 'changed', detail);
    }
    const fault = await this.#locate();
    throw new EvidenceMismatch(
      fault?.position,
      fault?.kind ?? 'changed',
      fault?.detail ?? 'what was replayed is gone again',
    );
  }

  /** From the first tile that differs on, against the leaves that have the signed root. */
  async #locate(): Promise<Fault | null> {
    const { size } = this.signed;
    const first = (await this.#firstTile()) * TILE_WIDTH + 1;
    const check = new LogCheck({ from: first });
    const bodies = this.#bodies(first, size);
    let leaves: Buffer[] = [];
    for (let position = first; position <= size && !check.settled; position++) {
      const offset = (position - 1) % TILE_WIDTH;
      if (offset === 0) leaves = await this.#leaves((position - 1) / TILE_WIDTH);
      check.add(position, (await bodies.next()).value ?? null, leaves[offset]!);
    }
    await bodies.return(undefined);
    return check.fault();
  }

  async #firstTile(): Promise<number> {
    for (const [index, ours] of this.#tileRoots.entries()) {
      if (!sameHash(completeRoot(await this.#leaves(index)), ours)) return index;
    }
    return this.#tileRoots.length;
  }

  async #leaves(index: number): Promise<Buffer[]> {
    const width = Math.min(TILE_WIDTH, this.signed.size - index * TILE_WIDTH);
    const tile = { level: 0, index, width };
    return tileHashes(tile, await readTile(this.options.pool, tile));
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
