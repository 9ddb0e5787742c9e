/**
 * Where the hashes and entries of a tree are kept and served (C2SP tlog-tiles, height 8):
 *
 *   tile/<L>/<N>[.p/<W>]          W hashes of complete subtrees of 256^L entries, from the one at 256 N on
 *   tile/entries/<N>[.p/<W>]      the W entries that tile/0/<N> has the leaf hashes of
 *
 * N is written in groups of three digits, all but the last behind an `x`: 1234067 is x001/x234/067. `.p/<W>` stands for
 * a tile that is not full yet; a full one has 256.
 */
import { HASH_BYTES, nodeHash } from './hash.js';
import { TileInvalid } from './tlog.error.js';

export const TILE_HEIGHT = 8;
export const TILE_WIDTH = 256;
/** 256^7 is beyond what a number counts exactly: a tree of 2^53 entries has hashes on levels 0 to 6. */
export const TILE_LEVEL_MAX = 6;

export type Tile = { readonly level: number; readonly index: number; readonly width: number };
export type EntriesPath = { readonly entries: true; readonly index: number; readonly width: number };

/** `width` hashes of 32 bytes each, one after the other. */
export type TileReader = (tile: Tile) => Promise<Uint8Array>;

export function tilePath({ level, index, width }: Tile): string {
  return `tile/${level}/${indexPath(index, width)}`;
}

export function entriesPath(index: number, width: number = TILE_WIDTH): string {
  return `tile/entries/${indexPath(index, width)}`;
}

function indexPath(index: number, width: number): string {
  const digits = String(index);
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/\d{3}/g) ?? [];
  const path = groups.map((group, i) => (i < groups.length - 1 ? `x${group}` : group)).join('/');
  return width === TILE_WIDTH ? path : `${path}.p/${width}`;
}

const PATH = /^tile\/(entries|\d)\/((?:x\d{3}\/){0,5}\d{3})(?:\.p\/([1-9]\d{0,2}))?$/;

/** Null for whatever is not the one path of a tile or an entry bundle. */
export function parseTilePath(path: string): Tile | EntriesPath | null {
  const [, kind, groups, partial] = PATH.exec(path) ?? [];
  if (kind === undefined || groups === undefined) return null;
  const index = Number(groups.replace(/[x/]/g, ''));
  const width = partial === undefined ? TILE_WIDTH : Number(partial);
  if (!Number.isSafeInteger(index) || (partial !== undefined && width >= TILE_WIDTH)) return null;
  if (kind !== 'entries' && Number(kind) > TILE_LEVEL_MAX) return null;
  const parsed = kind === 'entries' ? { entries: true as const, index, width } : { level: Number(kind), index, width };
  const again = 'entries' in parsed ? entriesPath(index, width) : tilePath(parsed);
  return again === path ? parsed : null;
}

/** How many hashes the tile has in a tree of that size: 0 to 256. */
export function tileWidth(size: number, level: number, index: number): number {
  return Math.max(0, Math.min(TILE_WIDTH, Math.floor(size / TILE_WIDTH ** level) - index * TILE_WIDTH));
}

/** The partial tiles of a tree, level 0 first: its right edge, and all that its root is made of. */
export function partialTiles(size: number): Tile[] {
  const tiles: Tile[] = [];
  for (let level = 0, count = size; count > 0; level += 1, count = Math.floor(count / TILE_WIDTH)) {
    const width = count % TILE_WIDTH;
    if (width > 0) tiles.push({ level, index: Math.floor(count / TILE_WIDTH), width });
  }
  return tiles;
}

/** The tiles that a tree of `to` entries has and one of `from` has not: what is to be written when it has grown. */
export function tilesBetween(from: number, to: number): Tile[] {
  const tiles: Tile[] = [];
  for (let level = 0, count = to; count > 0; level += 1, count = Math.floor(count / TILE_WIDTH)) {
    const before = Math.floor(from / TILE_WIDTH ** level);
    if (before === count) continue;
    for (let index = Math.floor(before / TILE_WIDTH); index * TILE_WIDTH < count; index += 1) {
      tiles.push({ level, index, width: tileWidth(to, level, index) });
    }
  }
  return tiles;
}

/** The hashes in a tile. Throws TileInvalid if they are not as many as its width says. */
export function tileHashes(tile: Tile, bytes: Uint8Array): Buffer[] {
  if (bytes.length !== tile.width * HASH_BYTES) {
    throw new TileInvalid(`${tilePath(tile)} has ${bytes.length} bytes instead of ${tile.width * HASH_BYTES}`);
  }
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: tile.width }, (_, i) => buffer.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES));
}

/** The hash that a full tile has in its parent, and a run of hashes as long as a power of two in the tree above it. */
export function completeRoot(hashes: readonly Buffer[]): Buffer {
  let row = hashes;
  while (row.length > 1) {
    row = Array.from({ length: row.length / 2 }, (_, i) => nodeHash(row[2 * i]!, row[2 * i + 1]!));
  }
  return row[0]!;
}
