/**
 * A Merkle tree that only grows, kept as the roots of its largest complete subtrees: one hash for each bit that is set in
 * its size (RFC 6962 §2.1). That is all that appending needs and all that the root is made of.
 */
import { EMPTY_ROOT, HASH_BYTES, nodeHash } from './hash.js';

export class TreeFrontier {
  readonly #subtrees: Buffer[];
  #size: number;

  private constructor(size: number, subtrees: Buffer[]) {
    this.#size = size;
    this.#subtrees = subtrees;
  }

  static empty(): TreeFrontier {
    return new TreeFrontier(0, []);
  }

  /** What `hashes()` gave at that size. Throws RangeError if it cannot be. */
  static restore(size: number, hashes: readonly Uint8Array[]): TreeFrontier {
    if (!Number.isSafeInteger(size) || size < 0 || hashes.length !== bitsSet(size)) {
      throw new RangeError(`a tree of ${size} entries has no frontier of ${hashes.length} hashes`);
    }
    if (hashes.some((hash) => hash.length !== HASH_BYTES))
      throw new RangeError('a hash of the frontier is not 32 bytes');
    return new TreeFrontier(
      size,
      hashes.map((hash) => Buffer.from(hash)),
    );
  }

  get size(): number {
    return this.#size;
  }

  /** `leaf` is the leaf hash of the next entry. About one hash an entry, whatever the size. */
  append(leaf: Uint8Array): void {
    if (leaf.length !== HASH_BYTES) throw new RangeError(`a leaf hash has ${HASH_BYTES} bytes, not ${leaf.length}`);
    let subtree: Uint8Array = leaf;
    for (let rest = this.#size; rest % 2 === 1; rest = (rest - 1) / 2) {
      subtree = nodeHash(this.#subtrees.pop()!, subtree);
    }
    this.#subtrees.push(subtree === leaf ? Buffer.from(leaf) : (subtree as Buffer));
    this.#size += 1;
  }

  root(): Buffer {
    return foldRight(this.#subtrees) ?? EMPTY_ROOT;
  }

  /** Largest subtree first. */
  hashes(): Buffer[] {
    return [...this.#subtrees];
  }
}

/** The root over complete subtrees that stand side by side, largest first; undefined over none. */
export function foldRight(subtrees: readonly Buffer[]): Buffer | undefined {
  return subtrees
    .toReversed()
    .reduce<Buffer | undefined>((right, left) => (right ? nodeHash(left, right) : left), undefined);
}

function bitsSet(size: number): number {
  let bits = 0;
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) bits += rest % 2;
  return bits;
}
