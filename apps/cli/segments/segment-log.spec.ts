/** The tree over segments of the real size, beside the tree that was grown event by event; with files that are not there. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { completeRoot, leafHash, rootOfTiles, segmentName, type Tile, TILE_WIDTH, TreeFrontier } from '#tlog';
import { encodeSegment, openBytes } from '../../../test/support/segment-bytes.js';
import { TreeCheck } from '../evidence/tree-check.js';
import type { OpenedSegment } from './segment-folder.js';
import { SegmentLog } from './segment-log.js';

const SEGMENT = 65_536;
const SEGMENTS = 3;
const SIZE = SEGMENTS * SEGMENT + 1_000;

const leaves = Array.from({ length: SIZE }, (_, n) => leafHash(String(n)));
const levels = [leaves];
for (let below = leaves; below.length >= TILE_WIDTH; below = levels.at(-1)!) {
  const full = Math.floor(below.length / TILE_WIDTH);
  levels.push(Array.from({ length: full }, (_, n) => completeRoot(below.slice(n * TILE_WIDTH, (n + 1) * TILE_WIDTH))));
}
const tiles = async ({ level, index, width }: Tile) =>
  Buffer.concat(levels[level]!.slice(index * TILE_WIDTH, index * TILE_WIDTH + width));

let segments: OpenedSegment[];
beforeAll(async () => {
  segments = await Promise.all(
    Array.from({ length: SEGMENTS }, async (_, n) => {
      const first = n * SEGMENT + 1;
      const entries = leaves.slice(n * SEGMENT, (n + 1) * SEGMENT).map((leaf) => ({ body: Buffer.alloc(0), leaf }));
      const segment = await openBytes(encodeSegment(first, entries));
      const name = segmentName({ firstPosition: first, generation: 2 });
      return { name, path: name, generation: 2, first, last: segment.lastPosition, segment };
    }),
  );
});

function rootAt(size: number): Buffer {
  const tree = TreeFrontier.empty();
  for (const leaf of leaves.slice(0, size)) tree.append(leaf);
  return tree.root();
}

describe('the tree over segments', () => {
  it.each([1, 256, 300, SEGMENT, SEGMENT + 1, 140_000, SEGMENTS * SEGMENT])(
    'has the root of its first %i events',
    async (size) => {
      const log = new SegmentLog(segments);
      expect(log.knows(size)).toBe(true);
      const tree = new TreeCheck(log.tile, log.size);
      expect(await tree.holds({ size, root: rootAt(size), name: '' })).toBe(true);
      expect(await tree.holds({ size, root: rootAt(size - 1), name: '' })).toBe(false);
    },
  );

  it('binds every tile of its files, and knows nothing of what is behind them', async () => {
    const log = new SegmentLog(segments);
    const tree = new TreeCheck(log.tile, log.size);
    for (const tile of [0, 255, 256, 767]) expect(await tree.unboundAt(tile)).toBeUndefined();
    expect(log.knows(SEGMENTS * SEGMENT + 1)).toBe(false);
    expect(await log.eventBehind(SEGMENTS * SEGMENT)).toBeNull();
  });

  it('without one of the files knows roots up to it, and still binds the tiles of the others', async () => {
    const log = new SegmentLog(segments.toSpliced(1, 1));
    expect(log.runs).toEqual([
      { first: 1, last: SEGMENT },
      { first: 2 * SEGMENT + 1, last: 3 * SEGMENT },
    ]);
    expect([SEGMENT, SEGMENT + 1, 3 * SEGMENT].map((size) => log.knows(size))).toEqual([true, false, false]);
    const tree = new TreeCheck(log.tile, log.size);
    for (const tile of [0, 255, 512, 767]) expect(await tree.unboundAt(tile)).toBeUndefined();
    expect(await log.entries(256)).toEqual([]);
  });

  it('has the signed root again with the upper tiles, and binds each file to it', async () => {
    const log = new SegmentLog([segments[2]!], { size: SIZE, read: tiles });
    expect([SEGMENT, SEGMENT + 300, 3 * SEGMENT, SIZE].map((size) => log.knows(size))).toEqual([
      true,
      false,
      true,
      true,
    ]);
    expect(await rootOfTiles(SIZE, log.tile)).toEqual(rootAt(SIZE));
    expect(await new TreeCheck(log.tile, SIZE).unboundAt(600)).toBeUndefined();
    const elsewhere = { ...segments[1]!, first: 2 * SEGMENT + 1, last: 3 * SEGMENT };
    const wrong = new SegmentLog([elsewhere], { size: SIZE, read: tiles });
    expect(await new TreeCheck(wrong.tile, SIZE).unboundAt(600)).toEqual({ first: 2 * SEGMENT + 1, last: 3 * SEGMENT });
  });
});
