/**
 * Checking proofs against roots that are already trusted: RFC 9162 §2.1.3.2 (inclusion) and §2.1.4.2 (consistency).
 * Hostile input is answered false, never thrown at. Sizes are safe integers, beyond the 32 bits of JavaScript's operators.
 */
import { EMPTY_ROOT, HASH_BYTES, nodeHash, sameHash } from './hash.js';

export type Inclusion = {
  readonly size: number;
  /** From 0. */
  readonly index: number;
  /** The entry's leaf hash. */
  readonly leaf: Uint8Array;
  readonly proof: readonly Uint8Array[];
  readonly root: Uint8Array;
};

export function verifyInclusion({ size, index, leaf, proof, root }: Inclusion): boolean {
  if (!isSize(size) || !isSize(index) || index >= size || !areHashes([leaf, root, ...proof])) return false;
  let node = index;
  let last = size - 1;
  let hash = leaf;
  for (const sibling of proof) {
    if (last === 0) return false;
    if (node % 2 === 1 || node === last) {
      hash = nodeHash(sibling, hash);
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)];
    } else {
      hash = nodeHash(hash, sibling);
    }
    [node, last] = [half(node), half(last)];
  }
  return last === 0 && sameHash(hash, root);
}

export type Consistency = {
  readonly from: number;
  readonly fromRoot: Uint8Array;
  readonly to: number;
  readonly toRoot: Uint8Array;
  readonly proof: readonly Uint8Array[];
};

/** Every tree extends the empty one, and itself: both by an empty proof. */
export function verifyConsistency({ from, fromRoot, to, toRoot, proof }: Consistency): boolean {
  if (!isSize(from) || !isSize(to) || from > to || !areHashes([fromRoot, toRoot, ...proof])) return false;
  if (from === 0)
    return proof.length === 0 && sameHash(fromRoot, EMPTY_ROOT) && (to > 0 || sameHash(toRoot, EMPTY_ROOT));
  if (from === to) return proof.length === 0 && sameHash(fromRoot, toRoot);
  if (proof.length === 0) return false;

  let node = from - 1;
  let last = to - 1;
  while (node % 2 === 1) [node, last] = [half(node), half(last)];
  // A first tree that is one complete subtree is its own starting point: its root is not in the proof.
  const [start, ...path] = node === 0 ? [fromRoot, ...proof] : proof;
  let before = start!;
  let after = start!;
  for (const sibling of path) {
    if (last === 0) return false;
    if (node % 2 === 1 || node === last) {
      before = nodeHash(sibling, before);
      after = nodeHash(sibling, after);
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)];
    } else {
      after = nodeHash(after, sibling);
    }
    [node, last] = [half(node), half(last)];
  }
  return last === 0 && sameHash(before, fromRoot) && sameHash(after, toRoot);
}

function half(value: number): number {
  return Math.floor(value / 2);
}

function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function areHashes(values: readonly Uint8Array[]): boolean {
  return values.every((value) => value.length === HASH_BYTES);
}
