/** Tile paths, widths and entry bundles: the specification's own examples, and round trips of any. */
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { decodeEntryBundle, encodeEntryBundle } from './entry-bundle.js';
import { naiveRoot, someLeaves, tileReader } from './naive-tree.spec-support.js';
import {
  completeRoot,
  entriesPath,
  parseTilePath,
  partialTiles,
  tileHashes,
  tilePath,
  tilesBetween,
  tileWidth,
} from './tile.js';
import { TileInvalid } from './tlog.error.js';

const anyIndex = fc.oneof(fc.nat(2000), fc.maxSafeNat());
const anyWidth = fc.integer({ min: 1, max: 256 });

describe('a tile path', () => {
  it.each([
    ['tile/0/x001/x234/067', { level: 0, index: 1_234_067, width: 256 }],
    ['tile/0/000', { level: 0, index: 0, width: 256 }],
    ['tile/2/000.p/1', { level: 2, index: 0, width: 1 }],
    ['tile/0/273.p/112', { level: 0, index: 273, width: 112 }],
    ['tile/entries/x001/000.p/17', { entries: true, index: 1000, width: 17 }],
  ])('%s is that of %p', (path, tile) => {
    expect(parseTilePath(path)).toEqual(tile);
    expect('level' in tile ? tilePath(tile as never) : entriesPath(tile.index, tile.width)).toBe(path);
  });

  it('leads back to its tile, whatever its index', () => {
    fc.assert(
      fc.property(fc.nat(6), anyIndex, anyWidth, (level, index, width) => {
        expect(parseTilePath(tilePath({ level, index, width }))).toEqual({ level, index, width });
        expect(parseTilePath(entriesPath(index, width))).toEqual({ entries: true, index, width });
      }),
    );
  });

  it.each([
    'tile/0/0',
    'tile/00/000',
    'tile/7/000',
    'tile/64/000',
    'tile/-1/000',
    'tile/0/x000/001',
    'tile/0/x001/x002',
    'tile/0/001/002',
    'tile/0/1000',
    'tile/0/000.p/0',
    'tile/0/000.p/01',
    'tile/0/000.p/256',
    'tile/0/000.p/',
    'tile/data/000',
    'tile/8/0/000',
    'tile/0/000/',
    'tile/0/../000',
    'tile/0/x999/x999/x999/x999/x999/999',
    `tile/0/${'x000/'.repeat(2000)}000`,
    '/tile/0/000',
    '',
  ])('is not %s', (path) => {
    expect(parseTilePath(path)).toBeNull();
  });

  it('is the only one: what is read from any text is written as that text', () => {
    const parts = ['tile/', 'entries/', '0/', '1/', 'x000/', 'x001/', '000', '123', '.p/', '1', '255', '256'];
    const text = fc.array(fc.constantFrom(...parts), { maxLength: 8 }).map((some) => some.join(''));
    fc.assert(
      fc.property(text, (path) => {
        const tile = parseTilePath(path) ?? { level: 0, index: 0, width: 1 };
        const written = 'entries' in tile ? entriesPath(tile.index, tile.width) : tilePath(tile);
        expect([path, 'tile/0/000.p/1']).toContain(written);
      }),
    );
  });
});

describe('the tiles of a tree', () => {
  it('of 70,000 entries are those of the specification’s example', () => {
    expect(partialTiles(70_000)).toEqual([
      { level: 0, index: 273, width: 112 },
      { level: 1, index: 1, width: 17 },
      { level: 2, index: 0, width: 1 },
    ]);
    const all = tilesBetween(0, 70_000);
    const full = (level: number): number => all.filter((tile) => tile.level === level && tile.width === 256).length;
    expect([full(0), full(1), full(2), all.length]).toEqual([273, 1, 0, 277]);
    expect(partialTiles(256)).toEqual([{ level: 1, index: 0, width: 1 }]);
    expect(partialTiles(0)).toEqual([]);
  });

  it('between two sizes are those whose width has changed', () => {
    fc.assert(
      fc.property(fc.nat(3000), fc.nat(3000), (a, b) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        const changed = tilesBetween(0, to).filter(
          ({ level, index, width }) => tileWidth(from, level, index) !== width,
        );
        expect(tilesBetween(from, to)).toEqual(changed);
      }),
    );
  });

  it('have in each parent the root over the 256 hashes of a full child', async () => {
    const leaves = someLeaves(600);
    const read = tileReader(leaves);
    const child = { level: 0, index: 1, width: 256 };
    const parent = { level: 1, index: 0, width: 2 };
    const root = completeRoot(tileHashes(child, await read(child)));
    expect(tileHashes(parent, await read(parent))[1]).toEqual(root);
    expect(root).toEqual(naiveRoot(leaves.slice(256, 512)));
  });

  it('are refused with a byte more or less', () => {
    const tile = { level: 1, index: 5, width: 2 };
    expect(tileHashes(tile, Buffer.alloc(64))).toHaveLength(2);
    for (const bytes of [63, 65, 0]) {
      expect(() => tileHashes(tile, Buffer.alloc(bytes))).toThrow(`tile/1/005.p/2 has ${bytes} bytes instead of 64`);
    }
  });
});

function readAndWritten(bytes: Uint8Array): string {
  try {
    return encodeEntryBundle(decodeEntryBundle(bytes)).toString('hex');
  } catch (error) {
    if (error instanceof TileInvalid) return 'refused';
    throw error;
  }
}

describe('an entry bundle', () => {
  it('holds each entry behind its length', () => {
    const bytes = encodeEntryBundle([Buffer.from('ab'), Buffer.alloc(0), Buffer.from('{}')]);
    expect(bytes.toString('hex')).toBe('00026162000000027b7d');
  });

  it('gives back what was put in, up to 256 entries of 65,535 bytes', () => {
    const entries = fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 256 });
    fc.assert(
      fc.property(entries, (some) => {
        const read = decodeEntryBundle(encodeEntryBundle(some));
        expect(read.map((entry) => entry.toString('hex'))).toEqual(
          some.map((entry) => Buffer.from(entry).toString('hex')),
        );
      }),
    );
    const longest = Buffer.alloc(65_535, 'x');
    expect(decodeEntryBundle(encodeEntryBundle([longest]))[0]?.equals(longest)).toBe(true);
  });

  it('is refused when cut anywhere within an entry, and when it holds too much', () => {
    const bytes = encodeEntryBundle([Buffer.from('abc'), Buffer.from('de')]);
    expect(decodeEntryBundle(bytes.subarray(0, 5))).toEqual([Buffer.from('abc')]);
    for (const length of [1, 2, 3, 4, 6, 7, 8]) {
      expect(() => decodeEntryBundle(bytes.subarray(0, length))).toThrow(TileInvalid);
    }
    expect(() => encodeEntryBundle([Buffer.alloc(65_536)])).toThrow('entry 0 of the bundle has 65536 bytes');
    expect(() => encodeEntryBundle(Array.from({ length: 257 }, () => Buffer.alloc(0)))).toThrow(TileInvalid);
    expect(() => decodeEntryBundle(Buffer.alloc(2 * 257))).toThrow('goes on at byte 512');
  });

  it('never fails with anything else, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        expect([Buffer.from(bytes).toString('hex'), 'refused']).toContain(readAndWritten(bytes));
      }),
    );
  });
});
