/**
 * Sealed segments as a log to be verified. Their files have the leaves and the level above; what is above that is computed here.
 * Of positions that no file has nothing is known: a hash of zeros stands for them, and `knows` says which roots that spares.
 * Somebody who has kept the upper tiles of a checkpoint (kerbtrail evidence tiles) has what is missing between and behind them.
 */
import { completeRoot, HASH_BYTES, partialTiles, TILE_WIDTH, type Tile, type TileReader } from '#tlog';
import { keepingTiles, type LogSource } from '../evidence/log-source.js';
import type { Range } from '../evidence/tree-check.js';
import type { OpenedSegment } from './segment-folder.js';

const UNKNOWN = Buffer.alloc(HASH_BYTES);
/** Levels whose tiles lie within a segment of 65,536 events. */
const LEVELS_IN_FILES = 2;

/** The tiles of a tree of `size` events that no segment has: those above level 1, and the ones at its right edge. */
export type UpperTiles = { readonly size: number; readonly read: TileReader };

export function isUpperTile({ level, width }: Tile): boolean {
  return level >= LEVELS_IN_FILES || width < TILE_WIDTH;
}

export class SegmentLog implements LogSource {
  /** Consecutive positions that there are files of, in order. */
  readonly runs: readonly Range[];

  /** `upper` is of a tree that goes beyond the last segment. */
  constructor(
    private readonly segments: readonly OpenedSegment[],
    private readonly upper?: UpperTiles,
  ) {
    this.runs = runsOf(segments);
  }

  /** Of the tree that everything is judged in. */
  get size(): number {
    return this.upper?.size ?? this.segments.at(-1)!.last;
  }

  readonly tile: TileReader = keepingTiles(async (tile) => {
    if (this.upper && isUpperTile(tile)) return this.upper.read(tile);
    const { level, index, width } = tile;
    if (level === 0) return this.#leaves(index);
    const hashes = level === 1 ? await this.#nodes(index, width) : await this.#rootsBelow(level, index, width);
    return Buffer.concat(hashes);
  });

  async entries(index: number): Promise<(Uint8Array | null)[]> {
    const found = this.#of(index);
    if (!found) return [];
    const entries = await found.segment.entries(index - tilesBefore(found));
    return entries.map((entry) => (entry.length === 0 ? null : entry));
  }

  async eventBehind(position: number): Promise<string | null> {
    const [next] = await this.entries(position / TILE_WIDTH);
    return next ? Buffer.from(next).toString('utf8') : null;
  }

  /** Whether the root of the first `size` events can be computed from what is here. */
  knows(size: number): boolean {
    return size <= this.size && partialTiles(size).every((tile) => this.#has(tile, size));
  }

  /** The file that holds this position. */
  fileOf(position: number): string | undefined {
    return this.segments.find(({ first, last }) => first <= position && position <= last)?.name;
  }

  #has({ level, index }: Tile, size: number): boolean {
    const events = TILE_WIDTH ** (level + 1);
    const width = Math.min(TILE_WIDTH, Math.floor(this.size / TILE_WIDTH ** level) - index * TILE_WIDTH);
    if (this.upper && isUpperTile({ level, index, width })) return true;
    const [first, last] = [index * events + 1, Math.min((index + 1) * events, size)];
    return this.runs.some((run) => run.first <= first && last <= run.last);
  }

  async #leaves(index: number): Promise<Buffer> {
    const found = this.#of(index);
    return found ? found.segment.leaves(index - tilesBefore(found)) : Buffer.alloc(TILE_WIDTH * HASH_BYTES);
  }

  async #nodes(index: number, width: number): Promise<Buffer[]> {
    const hashes: Buffer[] = [];
    while (hashes.length < width) {
      const tile = index * TILE_WIDTH + hashes.length;
      const found = this.#of(tile);
      if (!found) hashes.push(UNKNOWN);
      else hashes.push(...(await found.segment.nodes()).slice(tile - tilesBefore(found)));
    }
    return hashes.slice(0, width);
  }

  async #rootsBelow(level: number, index: number, width: number): Promise<Buffer[]> {
    const events = TILE_WIDTH ** level;
    const hashes: Buffer[] = [];
    for (let child = index * TILE_WIDTH; hashes.length < width; child++) {
      const [first, last] = [child * events + 1, (child + 1) * events];
      const isKnown = this.runs.some((run) => run.first <= last && first <= run.last);
      hashes.push(isKnown ? await this.#rootOf({ level: level - 1, index: child, width: TILE_WIDTH }) : UNKNOWN);
    }
    return hashes;
  }

  async #rootOf(tile: Tile): Promise<Buffer> {
    const bytes = Buffer.from(await this.tile(tile));
    return completeRoot(
      Array.from({ length: TILE_WIDTH }, (_, n) => bytes.subarray(n * HASH_BYTES, (n + 1) * HASH_BYTES)),
    );
  }

  /** By a tile of level 0: segments are in order, and none overlaps. */
  #of(tile: number): OpenedSegment | undefined {
    const position = tile * TILE_WIDTH + 1;
    let [low, high] = [0, this.segments.length];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.segments[middle]!.last < position) low = middle + 1;
      else high = middle;
    }
    const found = this.segments[low];
    return found && found.first <= position ? found : undefined;
  }
}

function tilesBefore({ first }: OpenedSegment): number {
  return (first - 1) / TILE_WIDTH;
}

function runsOf(segments: readonly OpenedSegment[]): Range[] {
  const runs: Range[] = [];
  for (const { first, last } of segments) {
    const before = runs.at(-1);
    if (before && before.last + 1 === first) runs[runs.length - 1] = { first: before.first, last };
    else runs.push({ first, last });
  }
  return runs;
}
