/**
 * The key-encryption key (KEK): 256 bits from configuration, under which every stored key is wrapped with AES-256-GCM
 * (NIST SP 800-38D). The label of what is wrapped is the associated data, so that a wrapped key moved to another place
 * does not open there.
 *
 *   wrapped = version 1 (1 byte) | nonce (12) | ciphertext | tag (16)
 *
 * Whoever loses the KEK loses all accounts' keys and the names' key: it belongs in a backup apart from the database's.
 */
import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { link, readFile, unlink, writeFile } from 'node:fs/promises';
import { KeyEncryptionKeyInvalid, KeyUnwrapFailed } from './key.error.js';

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const WRAP_VERSION = 1;
const FINGERPRINT_HEX = 32;

export interface KeyEncryptionKey {
  /** Tells two keys apart and nothing else: the first half of an HMAC under the key itself. */
  readonly fingerprint: string;
  wrap(key: Uint8Array, label: string): Buffer;
  /** Throws KeyUnwrapFailed. */
  unwrap(wrapped: Uint8Array, label: string): Buffer;
  /** The key itself as base64, for its owner's backup only. */
  export(): string;
}

/** Reads base64 of 32 bytes, as KERBTRAIL_KEK holds it. Throws KeyEncryptionKeyInvalid, which never shows the text. */
export function readKeyEncryptionKey(base64: string, where: string): KeyEncryptionKey {
  const key = Buffer.from(base64.trim(), 'base64');
  if (key.length !== KEY_BYTES || key.toString('base64') !== base64.trim()) throw new KeyEncryptionKeyInvalid(where);
  return keyEncryptionKey(key);
}

/**
 * Reads the key file; makes it, readable for its owner only, if there is none. It appears whole or not at all, and of
 * two processes that start together both get the key of the first.
 */
export async function loadKeyEncryptionKeyFile(file: string): Promise<KeyEncryptionKey> {
  if (!existsSync(file)) await makeKeyFile(file);
  return readKeyEncryptionKey(await readFile(file, 'utf8'), file);
}

async function makeKeyFile(file: string): Promise<void> {
  const fresh = `${file}.${randomBytes(6).toString('hex')}`;
  await writeFile(fresh, `${randomBytes(KEY_BYTES).toString('base64')}\n`, { flag: 'wx', mode: 0o600, flush: true });
  try {
    await link(fresh, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await unlink(fresh);
  }
}

function keyEncryptionKey(key: Buffer): KeyEncryptionKey {
  return {
    fingerprint: keyFingerprint(key),
    wrap(secret, label) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(label));
      const ciphertext = Buffer.concat([cipher.update(secret), cipher.final()]);
      return Buffer.concat([Buffer.of(WRAP_VERSION), nonce, ciphertext, cipher.getAuthTag()]);
    },
    unwrap(wrapped, label) {
      const bytes = Buffer.from(wrapped);
      if (bytes[0] !== WRAP_VERSION || bytes.length <= 1 + NONCE_BYTES + TAG_BYTES) throw new KeyUnwrapFailed(label);
      const tag = bytes.subarray(bytes.length - TAG_BYTES);
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(1, 1 + NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAAD(Buffer.from(label)).setAuthTag(tag);
      try {
        return Buffer.concat([
          decipher.update(bytes.subarray(1 + NONCE_BYTES, bytes.length - TAG_BYTES)),
          decipher.final(),
        ]);
      } catch (cause) {
        throw new KeyUnwrapFailed(label, { cause });
      }
    },
    export: () => key.toString('base64'),
  };
}

/** Not a digest of the key that could be searched for: the key is random, and the label binds the use. */
export function keyFingerprint(key: Uint8Array): string {
  return createHmac('sha256', key).update('kerbtrail key fingerprint').digest('hex').slice(0, FINGERPRINT_HEX);
}
