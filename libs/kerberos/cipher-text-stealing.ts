/**
 * AES in CBC mode with ciphertext stealing and a zero initial vector (RFC 3962 §5, the variant called CBC-CS3): the last
 * two blocks are always swapped, and the one that ends up last is cut to the plaintext's length. One block alone is plain CBC.
 * Node offers no way to choose this variant, so it is made here from CBC.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { BLOCK_BYTES } from './derive-key.js';
import type { AesCipher } from './encryption-types.js';

const ZERO_IV = Buffer.alloc(BLOCK_BYTES);

/** `plaintext` has at least one block; the ciphertext is exactly as long. */
export function encryptCts(cipher: AesCipher, key: Uint8Array, plaintext: Uint8Array): Buffer {
  const padded = Buffer.alloc(Math.ceil(plaintext.length / BLOCK_BYTES) * BLOCK_BYTES);
  padded.set(plaintext);
  const chained = createCipheriv(cipher.chain, key, ZERO_IV).setAutoPadding(false).update(padded);
  if (chained.length === BLOCK_BYTES) return chained;
  const last = chained.subarray(-BLOCK_BYTES);
  const beforeLast = chained.subarray(-2 * BLOCK_BYTES, -BLOCK_BYTES);
  return Buffer.concat([chained.subarray(0, -2 * BLOCK_BYTES), last, beforeLast], plaintext.length);
}

/** Undoes `encryptCts`: the block before the tail, decrypted, gives back the bytes that were stolen from its neighbour. */
export function decryptCts(cipher: AesCipher, key: Uint8Array, ciphertext: Uint8Array): Buffer {
  const tailBytes = ((ciphertext.length - 1) % BLOCK_BYTES) + 1;
  const tailAt = ciphertext.length - tailBytes;
  if (tailAt === 0) return decryptChain(cipher, key, ciphertext);
  const tail = ciphertext.subarray(tailAt);
  const swappedAt = tailAt - BLOCK_BYTES;
  const opened = createDecipheriv(cipher.block, key, null)
    .setAutoPadding(false)
    .update(ciphertext.subarray(swappedAt, tailAt));
  const stolen = opened.subarray(tailBytes);
  const head = decryptChain(cipher, key, Buffer.concat([ciphertext.subarray(0, swappedAt), tail, stolen]));
  return Buffer.concat([head, tail.map((byte, index) => byte ^ (opened[index] ?? 0))]);
}

function decryptChain(cipher: AesCipher, key: Uint8Array, blocks: Uint8Array): Buffer {
  return createDecipheriv(cipher.chain, key, ZERO_IV).setAutoPadding(false).update(blocks);
}
