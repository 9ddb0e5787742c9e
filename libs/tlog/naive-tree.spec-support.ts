/** RFC 6962 §2.1 word by word, over leaves in memory: slow, obvious, and independent of what it is compared with. */
import { createHash } from 'node:crypto';
import type { TileReader } from './tile.js';

const sha256 = (...parts: Uint8Array[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest();

export const naiveLeaf = (entry: Uint8Array): Buffer => sha256(Buffer.of(0), entry);

export function naiveRoot(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 0) return sha256();
  if (leaves.length === 1) return leaves[0]!;
  const k = split(leaves.length);
  return sha256(Buffer.of(1), naiveRoot(leaves.slice(0, k)), naiveRoot(leaves.slice(k)));
}

/** PATH(m, D[n]) */
export function naiveInclusion(m: number, leaves: readonly Buffer[]): Buffer[] {
  if (leaves.length === 1) return [];
  const k = split(leaves.length);
  return m < k
    ? [...naiveInclusion(m, leaves.slice(0, k)), naiveRoot(leaves.slice(k))]
    : [...naiveInclusion(m - k, leaves.slice(k)), naiveRoot(leaves.slice(0, k))];
}

/** SUBPROOF(m, D[n], b) */
export function naiveConsistency(m: number, leaves: readonly Buffer[], whole = true): Buffer[] {
  if (m === leaves.length) return whole ? [] : [naiveRoot(leaves)];
  const k = split(leaves.length);
  return m <= k
    ? [...naiveConsistency(m, leaves.slice(0, k), whole), naiveRoot(leaves.slice(k))]
    : [...naiveConsistency(m - k, leaves.slice(k), false), naiveRoot(leaves.slice(0, k))];
}

function split(n: number): number {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}

/** All tiles of a tree, level by level. */
export function tileReader(leaves: readonly Buffer[]): TileReader {
  const levels: (readonly Buffer[])[] = [leaves];
  while (levels.at(-1)!.length >= 256) {
    const below = levels.at(-1)!;
    levels.push(
      Array.from({ length: Math.floor(below.length / 256) }, (_, i) => naiveRoot(below.slice(256 * i, 256 * (i + 1)))),
    );
  }
  return async ({ level, index, width }) => Buffer.concat(levels[level]!.slice(index * 256, index * 256 + width));
}

/** `count` leaves that differ. */
export function someLeaves(count: number, seed = ''): Buffer[] {
  return Array.from({ length: count }, (_, i) => naiveLeaf(Buffer.from(`${seed}${i}`)));
}
