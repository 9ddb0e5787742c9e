/**
 * The two hashes of an RFC 6962 §2.1 Merkle tree (SHA-256), told apart by their first byte:
 *
 *   leaf = SHA-256(0x00 || entry)        node = SHA-256(0x01 || left || right)
 *
 * One-shot hashing to a text and back is twice as fast in Node as hashing to a Buffer, which is an allocation of its own.
 */
import { hash } from 'node:crypto';

export const HASH_BYTES = 32;

const LEAF = 0x00;
const NODE = 0x01;

/** MTH({}) of RFC 6962: the root of a tree without entries. */
export const EMPTY_ROOT = sha256('');

/** 32 bytes. A text is hashed as its UTF-8 bytes. */
export function leafHash(entry: Uint8Array | string): Buffer {
  if (typeof entry === 'string') return sha256(`\0${entry}`);
  const bytes = Buffer.allocUnsafe(1 + entry.length);
  bytes[0] = LEAF;
  bytes.set(entry, 1);
  return sha256(bytes);
}

const pair = Buffer.alloc(1 + 2 * HASH_BYTES, NODE);

/** Both are hashes of 32 bytes, and so is the result. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  pair.set(left, 1);
  pair.set(right, 1 + HASH_BYTES);
  return sha256(pair);
}

function sha256(data: Uint8Array | string): Buffer {
  return Buffer.from(hash('sha256', data, 'binary'), 'latin1');
}

export function sameHash(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === HASH_BYTES && b.length === HASH_BYTES && Buffer.compare(a, b) === 0;
}
