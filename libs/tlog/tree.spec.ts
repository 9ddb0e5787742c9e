/** The tree against RFC 6962: its published test tree, and the RFC's own recursion as the oracle for every other. */
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { TreeFrontier } from './frontier.js';
import { EMPTY_ROOT, leafHash, nodeHash } from './hash.js';
import {
  naiveConsistency,
  naiveInclusion,
  naiveLeaf,
  naiveRoot,
  someLeaves,
  tileReader,
} from './naive-tree.spec-support.js';
import { consistencyProof, inclusionProof, rootOfTiles } from './tile-proof.js';
import { verifyConsistency, verifyInclusion } from './verify-proof.js';

const hex = (hashes: readonly Buffer[]): string[] => hashes.map((hash) => hash.toString('hex'));

/** The eight entries of the Certificate Transparency test tree, and its root at each size. */
const ctEntries = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
].map((entry) => Buffer.from(entry, 'hex'));
const ctRoots = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];
const ctLeaves = ctEntries.map(leafHash);

describe('hashes', () => {
  it('tell leaves and nodes apart as RFC 6962 §2.1 says, whether given text or bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (text) => {
        const bytes = Buffer.from(text);
        expect(leafHash(text)).toEqual(naiveLeaf(bytes));
        expect(leafHash(bytes)).toEqual(naiveLeaf(bytes));
        expect(nodeHash(leafHash(text), EMPTY_ROOT)).toEqual(naiveRoot([naiveLeaf(bytes), EMPTY_ROOT]));
      }),
    );
  });

  it('are their own bytes: a later hash does not change an earlier one', () => {
    const first = nodeHash(EMPTY_ROOT, EMPTY_ROOT);
    const before = first.toString('hex');
    nodeHash(first, first);
    expect(first.toString('hex')).toBe(before);
  });
});

describe('the Certificate Transparency test tree', () => {
  it('has its published root at each size', async () => {
    const tree = TreeFrontier.empty();
    const roots = [tree.root(), ...ctLeaves.map((leaf) => (tree.append(leaf), tree.root()))];
    expect(hex(roots)).toEqual(ctRoots);
    const ofTiles = await Promise.all(ctRoots.map((_, size) => rootOfTiles(size, tileReader(ctLeaves))));
    expect(hex(ofTiles)).toEqual(ctRoots);
  });

  it('has the published proofs', async () => {
    const read = tileReader(ctLeaves);
    expect(hex(await inclusionProof(8, 0, read))).toEqual([
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
    ]);
    expect(hex(await consistencyProof(6, 8, read))).toEqual([
      '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
      'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    ]);
  });
});

describe('any tree', () => {
  const sizes = fc.integer({ min: 1, max: 600 });

  it('has the root of the RFC recursion, appended, restored half-way, or read from tiles', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(600), async (size, half) => {
        const leaves = someLeaves(size);
        let tree = TreeFrontier.empty();
        leaves.forEach((leaf, i) => {
          if (i === half) tree = TreeFrontier.restore(i, tree.hashes());
          tree.append(leaf);
        });
        expect(tree.size).toBe(size);
        expect(tree.root()).toEqual(naiveRoot(leaves));
        expect(await rootOfTiles(size, tileReader(leaves))).toEqual(naiveRoot(leaves));
      }),
      { numRuns: 40 },
    );
  });

  it('proves each of its entries, by the proof of the RFC recursion', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(), async (size, any) => {
        const leaves = someLeaves(size);
        const index = any % size;
        const proof = await inclusionProof(size, index, tileReader(leaves));
        expect(hex(proof)).toEqual(hex(naiveInclusion(index, leaves)));
        const claim = { size, index, leaf: leaves[index]!, proof, root: naiveRoot(leaves) };
        expect(verifyInclusion(claim)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('proves that it extends each earlier one, by the proof of the RFC recursion', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(), async (to, any) => {
        const leaves = someLeaves(to);
        const from = 1 + (any % to);
        const proof = await consistencyProof(from, to, tileReader(leaves));
        expect(hex(proof)).toEqual(hex(naiveConsistency(from, leaves)));
        const claim = { from, fromRoot: naiveRoot(leaves.slice(0, from)), to, toRoot: naiveRoot(leaves), proof };
        expect(verifyConsistency(claim)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('proves entries and growth across three levels of tiles', async () => {
    const leaves = someLeaves(70_000);
    const read = tileReader(leaves);
    const tree = TreeFrontier.empty();
    const roots = new Map<number, Buffer>();
    for (const leaf of leaves) {
      tree.append(leaf);
      if ([1, 255, 256, 257, 65_535, 65_536, 65_537].includes(tree.size)) roots.set(tree.size, tree.root());
    }
    const root = tree.root();
    expect(await rootOfTiles(70_000, read)).toEqual(root);
    for (const index of [0, 255, 256, 65_535, 65_536, 69_887, 69_888, 69_999]) {
      const proof = await inclusionProof(70_000, index, read);
      expect(verifyInclusion({ size: 70_000, index, leaf: leaves[index]!, proof, root })).toBe(true);
    }
    for (const [from, fromRoot] of roots) {
      expect(await rootOfTiles(from, read)).toEqual(fromRoot);
      const proof = await consistencyProof(from, 70_000, read);
      expect(verifyConsistency({ from, fromRoot, to: 70_000, toRoot: root, proof })).toBe(true);
    }
  });
});

describe('a proof', () => {
  const flip = (bytes: Buffer, bit: number): Buffer => {
    const flipped = Buffer.from(bytes);
    const at = Math.floor(bit / 8) % flipped.length;
    flipped[at] = flipped[at]! ^ (1 << (bit % 8));
    return flipped;
  };

  it('of inclusion fails with any bit changed, any hash added or left out, and for any other place', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 2, max: 300 }), fc.nat(), fc.nat(255), async (size, any, bit) => {
        const leaves = someLeaves(size);
        const index = any % size;
        const proof = naiveInclusion(index, leaves);
        const claim = { size, index, leaf: leaves[index]!, proof, root: naiveRoot(leaves) };
        proof.forEach((hash, i) =>
          expect(verifyInclusion({ ...claim, proof: proof.with(i, flip(hash, bit)) })).toBe(false),
        );
        expect(verifyInclusion({ ...claim, leaf: flip(claim.leaf, bit) })).toBe(false);
        expect(verifyInclusion({ ...claim, root: flip(claim.root, bit) })).toBe(false);
        expect(verifyInclusion({ ...claim, proof: proof.slice(1) })).toBe(false);
        expect(verifyInclusion({ ...claim, proof: [...proof, proof[0]!] })).toBe(false);
        expect(verifyInclusion({ ...claim, proof: proof.with(0, proof[0]!.subarray(1)) })).toBe(false);
        expect(verifyInclusion({ ...claim, index: (index + 1) % size })).toBe(false);
        expect(verifyInclusion({ ...claim, index: size })).toBe(false);
      }),
      { numRuns: 50 },
    );
  });

  it('of consistency fails with any bit changed, and any hash added or left out', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 300 }), fc.nat(), fc.nat(255), (to, any, bit) => {
        const leaves = someLeaves(to);
        const from = 1 + (any % (to - 1));
        const proof = naiveConsistency(from, leaves);
        const claim = { from, fromRoot: naiveRoot(leaves.slice(0, from)), to, toRoot: naiveRoot(leaves), proof };
        expect(verifyConsistency(claim)).toBe(true);
        proof.forEach((hash, i) =>
          expect(verifyConsistency({ ...claim, proof: proof.with(i, flip(hash, bit)) })).toBe(false),
        );
        expect(verifyConsistency({ ...claim, fromRoot: flip(claim.fromRoot, bit) })).toBe(false);
        expect(verifyConsistency({ ...claim, toRoot: flip(claim.toRoot, bit) })).toBe(false);
        expect(verifyConsistency({ ...claim, proof: proof.slice(1) })).toBe(false);
        expect(verifyConsistency({ ...claim, proof: [...proof, proof[0]!] })).toBe(false);
        expect(verifyConsistency({ ...claim, from: to, to: from })).toBe(false);
      }),
      { numRuns: 50 },
    );
  });

  it('of growth from nothing and of no growth is empty', () => {
    const root = naiveRoot(someLeaves(5));
    const grown = { from: 0, fromRoot: EMPTY_ROOT, to: 5, toRoot: root, proof: [] };
    expect(verifyConsistency(grown)).toBe(true);
    expect(verifyConsistency({ ...grown, fromRoot: root })).toBe(false);
    expect(verifyConsistency({ ...grown, proof: [root] })).toBe(false);
    expect(verifyConsistency({ ...grown, to: 0 })).toBe(false);
    expect(verifyConsistency({ from: 5, fromRoot: root, to: 5, toRoot: root, proof: [] })).toBe(true);
    expect(verifyConsistency({ from: 5, fromRoot: root, to: 5, toRoot: EMPTY_ROOT, proof: [] })).toBe(false);
    expect(verifyConsistency({ from: 4, fromRoot: root, to: 5, toRoot: root, proof: [] })).toBe(false);
  });

  it('fails with more hashes than the tree is high, even if they lead to the root', () => {
    const leaves = someLeaves(4);
    const [extra] = someLeaves(1, 'extra');
    const above = (root: Buffer): Buffer => nodeHash(extra!, root);
    const leaf = leaves[0]!;
    expect(verifyInclusion({ size: 1, index: 0, leaf, proof: [extra!], root: above(leaf) })).toBe(false);
    const proof = [...naiveConsistency(3, leaves), extra!];
    const [fromRoot, toRoot] = [above(naiveRoot(leaves.slice(0, 3))), above(naiveRoot(leaves))];
    expect(verifyConsistency({ from: 3, fromRoot, to: 4, toRoot, proof })).toBe(false);
  });

  it('is refused for what is no tree or no entry of it', async () => {
    const read = tileReader(someLeaves(5));
    await expect(inclusionProof(5, 5, read)).rejects.toThrow(RangeError);
    await expect(inclusionProof(5, -1, read)).rejects.toThrow(RangeError);
    await expect(consistencyProof(6, 5, read)).rejects.toThrow(RangeError);
    await expect(rootOfTiles(1.5, read)).rejects.toThrow(RangeError);
    await expect(rootOfTiles(6, read)).rejects.toThrow('tile/0/000.p/6 has 160 bytes instead of 192');
    expect(() => TreeFrontier.empty().append(Buffer.alloc(31))).toThrow(RangeError);
    expect(() => TreeFrontier.restore(5, [EMPTY_ROOT])).toThrow(RangeError);
    expect(() => TreeFrontier.restore(1, [Buffer.alloc(31)])).toThrow(RangeError);
  });
});
