/**
 * Proofs and roots read out of tiles: RFC 6962 §2.1.1 (inclusion) and §2.1.2 (consistency). Reads each tile that it needs
 * once. What comes out is only as true as the tiles: whoever did not make them verifies it against a signed root.
 */
import { EMPTY_ROOT } from './hash.js';
import { foldRight } from './frontier.js';
import { completeRoot, TILE_HEIGHT, TILE_WIDTH, tileHashes, tilePath, tileWidth, type TileReader } from './tile.js';

/** From the leaf's sibling up to the root's child. `index` counts from 0. Throws RangeError, TileInvalid. */
export async function inclusionProof(size: number, index: number, read: TileReader): Promise<Buffer[]> {
  if (!isSize(size) || !isSize(index) || index >= size) {
    throw new RangeError(`a tree of ${size} entries has none at index ${index}`);
  }
  const siblings: Range[] = [];
  for (let [begin, end] = [0, size]; end - begin > 1;) {
    const middle = begin + splitOf(end - begin);
    siblings.push(index < middle ? [middle, end] : [begin, middle]);
    [begin, end] = index < middle ? [begin, middle] : [middle, end];
  }
  return rangeRoots(siblings.toReversed(), size, read);
}

/** That the first `from` entries of `to` are the tree of then. Empty for equal sizes and from 0. Throws RangeError, TileInvalid. */
export async function consistencyProof(from: number, to: number, read: TileReader): Promise<Buffer[]> {
  if (!isSize(from) || !isSize(to) || from > to) throw new RangeError(`no tree grows from ${from} to ${to} entries`);
  if (from === 0 || from === to) return [];
  const siblings: Range[] = [];
  let [begin, end] = [0, to];
  while (end !== from) {
    const middle = begin + splitOf(end - begin);
    siblings.push(from <= middle ? [middle, end] : [begin, middle]);
    [begin, end] = from <= middle ? [begin, middle] : [middle, end];
  }
  // The old root itself is known to whoever checks; a subtree at the old right edge is not.
  if (begin > 0) siblings.push([begin, end]);
  return rangeRoots(siblings.toReversed(), to, read);
}

/** The root of the first `size` entries. Throws RangeError, TileInvalid. */
export async function rootOfTiles(size: number, read: TileReader): Promise<Buffer> {
  if (!isSize(size)) throw new RangeError(`no tree has ${size} entries`);
  if (size === 0) return EMPTY_ROOT;
  const [root] = await rangeRoots([[0, size]], size, read);
  return root!;
}

type Range = readonly [begin: number, end: number];

/** Each range is a node of the RFC's recursion: its begin is a multiple of the largest power of two in it. */
async function rangeRoots(ranges: readonly Range[], size: number, read: TileReader): Promise<Buffer[]> {
  const tiles = new Map<string, Promise<Buffer[]>>();
  const hashesOf = (level: number, index: number): Promise<Buffer[]> => {
    const tile = { level, index, width: tileWidth(size, level, index) };
    const path = tilePath(tile);
    const known = tiles.get(path) ?? read(tile).then((bytes) => tileHashes(tile, bytes));
    tiles.set(path, known);
    return known;
  };
  const completeSubtree = async (begin: number, height: number): Promise<Buffer> => {
    const level = Math.floor(height / TILE_HEIGHT);
    const first = begin / TILE_WIDTH ** level;
    const hashes = await hashesOf(level, Math.floor(first / TILE_WIDTH));
    const offset = first % TILE_WIDTH;
    return completeRoot(hashes.slice(offset, offset + 2 ** (height % TILE_HEIGHT)));
  };
  const rangeRoot = async ([begin, end]: Range): Promise<Buffer> => {
    const subtrees: Promise<Buffer>[] = [];
    for (let at = begin; at < end;) {
      const height = floorLog2(end - at);
      subtrees.push(completeSubtree(at, height));
      at += 2 ** height;
    }
    return foldRight(await Promise.all(subtrees))!;
  };
  return Promise.all(ranges.map(rangeRoot));
}

/** k of RFC 6962 §2.1: the largest power of two smaller than n. */
function splitOf(n: number): number {
  return 2 ** floorLog2(n - 1);
}

function floorLog2(n: number): number {
  let height = 0;
  for (let rest = n; rest >= 2; rest = Math.floor(rest / 2)) height += 1;
  return height;
}

function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
