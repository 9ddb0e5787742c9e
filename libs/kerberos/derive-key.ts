/**
 * Key derivation of the simplified profile (RFC 3961 §5.1, §5.3) for AES (RFC 3962 §6), and string-to-key (RFC 3962 §4).
 *
 *   DK(key, constant) = random-to-key(DR(key, constant)); random-to-key is the identity for AES
 *   DR = K1 | K2 …, K1 = E(key, n-fold(constant)), Ki+1 = E(key, Ki), cut to the key's length
 *   string-to-key = DK(PBKDF2-HMAC-SHA1(password, salt, iterations), "kerberos")
 */
import { createCipheriv, pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';
import { cipherOf, type AesCipher } from './encryption-types.js';
import { KerberosError } from './kerberos.error.js';
import { nFold } from './n-fold.js';

export const BLOCK_BYTES = 16;

/** RFC 3962 §4: the count used when no parameters are sent. */
export const DEFAULT_ITERATIONS = 4_096;

/** Bounds the time one call takes (about 70 ms here at the maximum) and the memory it hashes. */
const ITERATIONS_MAX = 100_000;
const PASSWORD_BYTES_MAX = 4_096;
const SALT_BYTES_MAX = 4_096;

const USAGE_MAX = 0xffff_ffff;
const derivePassword = promisify(pbkdf2);

/**
 * The long-term key of a password. Runs in the thread pool: milliseconds, so never on a request's path.
 * The password's UTF-8 bytes are taken as they are, without normalisation. Throws KerberosError.
 */
export async function stringToKey(
  etype: number,
  password: string,
  salt: string,
  iterations: number = DEFAULT_ITERATIONS,
): Promise<Buffer> {
  const { keyBytes } = cipherOf(etype);
  if (!Number.isInteger(iterations) || iterations < 1 || iterations > ITERATIONS_MAX) {
    throw new KerberosError(
      'KRB_STRING_TO_KEY',
      `Give an iteration count from 1 to ${ITERATIONS_MAX}, not ${iterations}`,
    );
  }
  if (Buffer.byteLength(password) > PASSWORD_BYTES_MAX || Buffer.byteLength(salt) > SALT_BYTES_MAX) {
    throw new KerberosError(
      'KRB_STRING_TO_KEY',
      `A password and a salt have at most ${PASSWORD_BYTES_MAX} UTF-8 bytes each`,
    );
  }
  const seed = await derivePassword(password, salt, iterations, keyBytes, 'sha1');
  return deriveKey(etype, seed, Buffer.from('kerberos'));
}

/** DK of RFC 3961 §5.1. `constant` is one byte or more. Throws KerberosError. */
export function deriveKey(etype: number, key: Uint8Array, constant: Uint8Array): Buffer {
  const cipher = cipherOf(etype);
  checkKeyLength(cipher, etype, key);
  const blocks: Buffer[] = [];
  let block: Uint8Array = nFold(constant, BLOCK_BYTES);
  for (let bytes = 0; bytes < cipher.keyBytes; bytes += BLOCK_BYTES) {
    const encrypted = encryptBlock(cipher, key, block);
    blocks.push(encrypted);
    block = encrypted;
  }
  return Buffer.concat(blocks, cipher.keyBytes);
}

/** The keys of one usage: Ke encrypts, Ki protects integrity (RFC 3961 §5.3). */
export function usageKeys(etype: number, key: Uint8Array, usage: number): { readonly ke: Buffer; readonly ki: Buffer } {
  if (!Number.isInteger(usage) || usage < 1 || usage > USAGE_MAX) {
    throw new KerberosError('KRB_KEY_USAGE', `${usage} is not a key usage: take one from KEY_USAGE`);
  }
  return {
    ke: deriveKey(etype, key, usageConstant(usage, 0xaa)),
    ki: deriveKey(etype, key, usageConstant(usage, 0x55)),
  };
}

function usageConstant(usage: number, purpose: number): Buffer {
  const constant = Buffer.alloc(5, purpose);
  constant.writeUInt32BE(usage);
  return constant;
}

function checkKeyLength(cipher: AesCipher, etype: number, key: Uint8Array): void {
  if (key.length === cipher.keyBytes) return;
  throw new KerberosError(
    'KRB_KEY_LENGTH',
    `A key of encryption type ${etype} has ${cipher.keyBytes} bytes, this one ${key.length}`,
  );
}

function encryptBlock(cipher: AesCipher, key: Uint8Array, block: Uint8Array): Buffer {
  return createCipheriv(cipher.block, key, null).setAutoPadding(false).update(block);
}
