import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { leafHash, nodeHash, EMPTY_ROOT } from '#tlog';
import { partialTile, TileTree, type FullTile } from './tile-tree.js';

const leaves = Array.from({ length: 70_000 }, (_, n) => leafHash(`entry ${n}`));

const known = new Map<string, Buffer>();

/** MTH of RFC 6962 §2.1, as it is written there; remembered, since the leaves are always the same. */
function naiveRoot(from: number, to: number): Buffer {
  if (to === from) return EMPTY_ROOT;
  if (to - from === 1) return leaves[from]!;
  let split = 1;
  while (split * 2 < to - from) split *= 2;
  const root = known.get(`${from} ${to}`) ?? nodeHash(naiveRoot(from, from + split), naiveRoot(from + split, to));
  known.set(`${from} ${to}`, root);
  return root;
}

/** Hash `n` on a level is the root over the 256^level entries from `n * 256^level` on. */
function naiveTile(level: number, index: number, width: number): Buffer {
  const span = 256 ** level;
  const hashes = Array.from({ length: width }, (_, n) => {
    const from = (index * 256 + n) * span;
    return naiveRoot(from, from + span);
  });
  return Buffer.concat(hashes);
}

describe('the tree of tiles', () => {
  it('is the naive tree, wherever the leaves are cut into pages and the tree is kept in between', async () => {
    const pages = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(pages, async (cuts) => {
        let tree = TileTree.empty();
        const full: FullTile[] = [];
        for (const cut of cuts) {
          for (const leaf of leaves.slice(tree.size, tree.size + cut)) tree.append(leaf);
          full.push(...tree.takeFull());
          tree = TileTree.restore(tree.size, tree.partial());
          expect(await tree.root()).toEqual(naiveRoot(0, tree.size));
        }
        expect(full.map(({ level, index }) => [level, index])).toEqual(
          Array.from({ length: Math.floor(tree.size / 256) }, (_, n) => [0, n]),
        );
        for (const { level, index, hashes } of full) expect(hashes.equals(naiveTile(level, index, 256))).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  it('fills tiles of higher levels: 65,536 leaves are 256 tiles and the one above them', async () => {
    const tree = TileTree.empty();
    for (const leaf of leaves.slice(0, 65_536)) tree.append(leaf);
    const full = tree.takeFull();
    expect(full).toHaveLength(257);
    expect(full.at(-1)).toEqual({ level: 1, index: 0, hashes: naiveTile(1, 0, 256) });
    expect(tree.partial()).toEqual(naiveTile(2, 0, 1));
    for (const leaf of leaves.slice(65_536, 66_000)) tree.append(leaf);
    expect(tree.takeFull().map(({ level, index }) => [level, index])).toEqual([[0, 256]]);
    expect(await TileTree.restore(66_000, tree.partial()).root()).toEqual(naiveRoot(0, 66_000));
  });

  it('gives every earlier width of its edge, on every level, and none that it has not reached', () => {
    const tree = TileTree.empty();
    for (const leaf of leaves.slice(0, 66_000)) tree.append(leaf);
    const edge = tree.partial();
    expect(partialTile(66_000, edge, 0, 208)).toEqual(naiveTile(0, 257, 208));
    expect(partialTile(66_000, edge, 0, 3)).toEqual(naiveTile(0, 257, 3));
    expect(partialTile(66_000, edge, 1, 1)).toEqual(naiveTile(1, 1, 1));
    expect(partialTile(66_000, edge, 2, 1)).toEqual(naiveTile(2, 0, 1));
    expect(partialTile(66_000, edge, 0, 209)).toBeUndefined();
    expect(partialTile(66_000, edge, 3, 1)).toBeUndefined();
  });

  it('is not restored from an edge of another size', () => {
    expect(() => TileTree.restore(3, Buffer.alloc(64))).toThrow(RangeError);
    expect(() => TileTree.restore(3, Buffer.alloc(128))).toThrow(RangeError);
  });
});
