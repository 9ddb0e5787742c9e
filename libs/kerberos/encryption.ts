/**
 * Encryption with integrity, the simplified profile of RFC 3961 §5.3 as RFC 3962 fills it in:
 *
 *   ciphertext = E(Ke, confounder | plaintext) | first 12 bytes of HMAC-SHA1(Ki, confounder | plaintext)
 *
 * Pure: the confounder, 16 random bytes that make equal plaintexts differ, is an argument.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { decryptCts, encryptCts } from './cipher-text-stealing.js';
import { BLOCK_BYTES, usageKeys } from './derive-key.js';
import { cipherOf } from './encryption-types.js';
import { KerberosError } from './kerberos.error.js';

export const CONFOUNDER_BYTES = BLOCK_BYTES;
const MAC_BYTES = 12;

/** Bytes of a plaintext or ciphertext: far above any message, far below what would hold up a process. */
const MESSAGE_BYTES_MAX = 1_048_576;

/** Throws KerberosError for an unsupported type, a wrong length, a wrong usage. */
export function encrypt(
  etype: number,
  key: Uint8Array,
  usage: number,
  plaintext: Uint8Array,
  confounder: Uint8Array,
): Buffer {
  const cipher = cipherOf(etype);
  refuseOverlong(plaintext);
  if (confounder.length !== CONFOUNDER_BYTES) {
    throw new KerberosError(
      'KRB_CONFOUNDER_LENGTH',
      `A confounder has ${CONFOUNDER_BYTES} random bytes, not ${confounder.length}`,
    );
  }
  const { ke, ki } = usageKeys(etype, key, usage);
  const message = Buffer.concat([confounder, plaintext]);
  return Buffer.concat([encryptCts(cipher, ke, message), mac(ki, message)]);
}

/**
 * The plaintext, once its integrity is proved. A wrong key, usage or type and a changed or cut ciphertext cannot be told
 * apart and are all KerberosError KRB_AP_ERR_BAD_INTEGRITY.
 */
export function decrypt(etype: number, key: Uint8Array, usage: number, ciphertext: Uint8Array): Buffer {
  const cipher = cipherOf(etype);
  refuseOverlong(ciphertext);
  const { ke, ki } = usageKeys(etype, key, usage);
  if (ciphertext.length < CONFOUNDER_BYTES + MAC_BYTES) throw badIntegrity();
  const message = decryptCts(cipher, ke, ciphertext.subarray(0, -MAC_BYTES));
  if (!timingSafeEqual(mac(ki, message), ciphertext.subarray(-MAC_BYTES))) throw badIntegrity();
  return message.subarray(CONFOUNDER_BYTES);
}

function mac(ki: Buffer, message: Buffer): Buffer {
  return createHmac('sha1', ki).update(message).digest().subarray(0, MAC_BYTES);
}

function badIntegrity(): KerberosError {
  return new KerberosError(
    'KRB_AP_ERR_BAD_INTEGRITY',
    'The message does not decrypt with this key: it was made with another password, salt or key version, or was changed on the way',
  );
}

function refuseOverlong(message: Uint8Array): void {
  if (message.length <= MESSAGE_BYTES_MAX) return;
  throw new KerberosError(
    'KRB_MESSAGE_TOO_LONG',
    `A message of ${message.length} bytes is over the limit of ${MESSAGE_BYTES_MAX}`,
  );
}
