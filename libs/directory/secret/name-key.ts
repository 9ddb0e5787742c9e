/**
 * The log's name key: 256 random bits made once per log and never changed, kept wrapped under the KEK. Personal names
 * (UPN, sAMAccountName) enter stream ids only as HMACs under it. A second key derived from it (HKDF, RFC 5869) digests
 * requests, because a command may hold a password and its digest is kept with the receipt.
 */
import { createHmac, hkdfSync } from 'node:crypto';
import type { Pool } from 'pg';
import { requestDigest, type JsonObject, type Random } from '#event-store';
import { keyFingerprint, type KeyEncryptionKey } from './key-encryption-key.js';

const KEY_BYTES = 32;
const LABEL = 'kerbtrail log key/name';

export const NAME_KEY = Symbol('NAME_KEY');

export interface NameKey {
  /** Stands in NameKeyEstablished, so that a start with another key is refused. */
  readonly fingerprint: string;
  /** Lower-case hex, 64 digits. */
  hmac(name: string): string;
  /** 32 bytes over the request, keyed: for the receipt. Give it everything that makes two requests different. */
  requestDigest(request: JsonObject): Buffer;
}

/** The log's name key, or null when none was made yet. Throws KeyUnwrapFailed. */
export async function readNameKey(pool: Pool, kek: KeyEncryptionKey): Promise<NameKey | null> {
  const { rows } = await pool.query<{ wrapped: Buffer }>("SELECT wrapped FROM secret.log_key WHERE name = 'name'");
  return rows[0] ? nameKeyOf(kek.unwrap(rows[0].wrapped, LABEL)) : null;
}

/** Makes the key if there is none; of two processes that do so at once both get the one that was first. */
export async function createNameKey(pool: Pool, kek: KeyEncryptionKey, random: Random): Promise<NameKey> {
  await pool.query("INSERT INTO secret.log_key (name, wrapped) VALUES ('name', $1) ON CONFLICT DO NOTHING", [
    kek.wrap(random(KEY_BYTES), LABEL),
  ]);
  const key = await readNameKey(pool, kek);
  if (!key) throw new Error('secret.log_key has no row after one was inserted: check who deletes from it');
  return key;
}

export function nameKeyOf(key: Uint8Array): NameKey {
  const digestKey = Buffer.from(hkdfSync('sha256', key, '', 'kerbtrail request digest', KEY_BYTES));
  return {
    fingerprint: keyFingerprint(key),
    hmac: (name) => createHmac('sha256', key).update(name).digest('hex'),
    requestDigest: (request) => requestDigest(digestKey, request),
  };
}
