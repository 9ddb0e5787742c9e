/**
 * The Merkle tree as the keeper extends it: full tiles leave it as they fill up, and what stays is its right edge, the
 * tiles that are not full yet (C2SP tlog-tiles). That edge is all that growing and the root need. Pure.
 */
import { completeRoot, partialTiles, rootOfTiles, TILE_WIDTH, tileHashes } from '#tlog';

export const HASH_BYTES = 32;
const TILE_BYTES = TILE_WIDTH * HASH_BYTES;

/** 8192 bytes. */
export type FullTile = { readonly level: number; readonly index: number; readonly hashes: Buffer };

type OpenTile = { readonly hashes: Buffer; width: number };

export class TileTree {
  #size: number;
  readonly #open: OpenTile[];
  #full: FullTile[] = [];

  private constructor(size: number, open: OpenTile[]) {
    this.#size = size;
    this.#open = open;
  }

  static empty(): TileTree {
    return new TileTree(0, []);
  }

  /** `partial` is what `partial()` gave at that size. Throws RangeError if it cannot be. */
  static restore(size: number, partial: Uint8Array): TileTree {
    const open: OpenTile[] = [];
    let offset = 0;
    for (const { level, width } of partialTiles(size)) {
      while (open.length < level) open.push(openTile());
      const tile = openTile();
      tile.hashes.set(partial.subarray(offset, offset + width * HASH_BYTES));
      tile.width = width;
      open.push(tile);
      offset += width * HASH_BYTES;
    }
    if (offset !== partial.length)
      throw new RangeError(`${partial.length} bytes are not the edge of a tree of ${size}`);
    return new TileTree(size, open);
  }

  get size(): number {
    return this.#size;
  }

  /** `leaf` is the leaf hash of the next entry, 32 bytes. */
  append(leaf: Uint8Array): void {
    this.#push(0, leaf);
    this.#size += 1;
  }

  /** The tiles that have become full since the last call. */
  takeFull(): FullTile[] {
    const full = this.#full;
    this.#full = [];
    return full;
  }

  /** The hashes of the tiles that are not full, level 0 first. */
  partial(): Buffer {
    return Buffer.concat(this.#open.map(({ hashes, width }) => hashes.subarray(0, width * HASH_BYTES)));
  }

  root(): Promise<Buffer> {
    return rootOfTiles(this.#size, async ({ level, width }) =>
      this.#open[level]!.hashes.subarray(0, width * HASH_BYTES),
    );
  }

  #push(level: number, hash: Uint8Array): void {
    const tile = (this.#open[level] ??= openTile());
    tile.hashes.set(hash, tile.width * HASH_BYTES);
    tile.width += 1;
    if (tile.width < TILE_WIDTH) return;
    const index = Math.floor(this.#size / TILE_WIDTH ** (level + 1));
    const hashes = Buffer.from(tile.hashes);
    this.#full.push({ level, index, hashes });
    tile.width = 0;
    this.#push(level + 1, completeRoot(tileHashes({ level, index, width: TILE_WIDTH }, hashes)));
  }
}

function openTile(): OpenTile {
  return { hashes: Buffer.alloc(TILE_BYTES), width: 0 };
}

/** Of the edge of a tree of that size, the hashes on one level; undefined where the edge has fewer than `width`. */
export function partialTile(size: number, partial: Buffer, level: number, width: number): Buffer | undefined {
  let offset = 0;
  for (const tile of partialTiles(size)) {
    if (tile.level === level)
      return tile.width < width ? undefined : partial.subarray(offset, offset + width * HASH_BYTES);
    offset += tile.width * HASH_BYTES;
  }
  return undefined;
}
