/**
 * The message of the challenge form: what the KDC encrypts with the service's key, so that only the holder of the SPN can
 * read the nonce and learn who the client is. Our own message, written in the manner of RFC 4120 (explicit DER fields), under
 * a key usage of its own. The KDC keeps the nonce's digest alone; whoever returns the nonce has decrypted the message.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { der, DerReader } from './der.js';
import { decrypt, encrypt } from './encryption.js';
import { KEY_USAGE } from './key-usage.js';
import { DerError, KerberosError } from './kerberos.error.js';

export const NONCE_BYTES = 16;
const VERSION = 1;
/** UTF-16 units of any one text field: an SPN or a principal has at most 1,024. */
const TEXT_LENGTH_MAX = 1_024;
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/;

/** `client` is a principal in its printed form, realm included; `expiresAt` an RFC 3339 UTC instant with up to nine digits. */
export interface Challenge {
  readonly nonce: Uint8Array;
  readonly client: string;
  readonly spn: string;
  readonly exchangeId: string;
  readonly expiresAt: string;
}

/** The service's key and 16 random bytes. */
export interface ChallengeKey {
  readonly etype: number;
  readonly key: Uint8Array;
  readonly confounder: Uint8Array;
}

/** The ciphertext of a challenge, at most some 13 KiB. Throws KerberosError. */
export function sealChallenge({ etype, key, confounder }: ChallengeKey, challenge: Challenge): Buffer {
  const problem = problemOf(challenge);
  if (problem) throw new KerberosError('KRB_CHALLENGE_FIELD', `A challenge cannot be made: ${problem}`);
  return encrypt(etype, key, KEY_USAGE.CHALLENGE, encodeChallenge(challenge), confounder);
}

/**
 * The challenge in a ciphertext. Throws KerberosError KRB_AP_ERR_BAD_INTEGRITY for a wrong key or changed bytes, DerError or
 * KRB_CHALLENGE_FIELD if the right key gives something that is no challenge. Expiry is the caller's to judge.
 */
export function openChallenge(etype: number, key: Uint8Array, ciphertext: Uint8Array): Challenge {
  const challenge = decodeChallenge(decrypt(etype, key, KEY_USAGE.CHALLENGE, ciphertext));
  const problem = problemOf(challenge);
  if (problem) throw new KerberosError('KRB_CHALLENGE_FIELD', `The message decrypts but is no challenge: ${problem}`);
  return challenge;
}

/** What names a ticket in the audit trail, here and in MIT's audit log: the upper-case hex SHA-256 of its ciphertext. */
export function ticketId(ciphertext: Uint8Array): string {
  return createHash('sha256').update(ciphertext).digest('hex').toUpperCase();
}

/** Lower-case hex SHA-256. A nonce is 128 random bits, so its digest does not give it away. */
export function nonceDigest(nonce: Uint8Array): string {
  return createHash('sha256').update(nonce).digest('hex');
}

/** Whether a returned nonce is the one whose digest was kept. Takes the same time wherever they differ. */
export function proofMatches(nonce: Uint8Array, digest: string): boolean {
  const given = Buffer.from(nonceDigest(nonce));
  const kept = Buffer.from(digest);
  return given.length === kept.length && timingSafeEqual(given, kept);
}

/*
 * Challenge ::= SEQUENCE {
 *   version    [0] INTEGER (1),
 *   nonce      [1] OCTET STRING (SIZE (16)),
 *   client     [2] UTF8String,
 *   spn        [3] UTF8String,
 *   exchangeId [4] UTF8String,
 *   expiresAt  [5] UTF8String -- RFC 3339, UTC
 * }
 */

function encodeChallenge(challenge: Challenge): Buffer {
  return der.sequence(
    der.field(0, der.integer(VERSION)),
    der.field(1, der.octetString(challenge.nonce)),
    der.field(2, der.utf8String(challenge.client)),
    der.field(3, der.utf8String(challenge.spn)),
    der.field(4, der.utf8String(challenge.exchangeId)),
    der.field(5, der.utf8String(challenge.expiresAt)),
  );
}

function decodeChallenge(bytes: Uint8Array): Challenge {
  const outer = new DerReader(bytes);
  const body = outer.sequence();
  outer.end();
  const read = <T>(number: number, value: (field: DerReader) => T): T => {
    const field = body.field(number);
    const content = value(field);
    field.end();
    return content;
  };
  const version = read(0, (field) => field.integer());
  if (version !== VERSION)
    throw new DerError('KRB_DER_VALUE', 0, `A challenge of version ${version}; this program reads version ${VERSION}`);
  const challenge = {
    nonce: read(1, (field) => field.octetString()),
    client: read(2, (field) => field.utf8String()),
    spn: read(3, (field) => field.utf8String()),
    exchangeId: read(4, (field) => field.utf8String()),
    expiresAt: read(5, (field) => field.utf8String()),
  };
  body.end();
  return challenge;
}

function problemOf(challenge: Challenge): string | undefined {
  const { nonce, client, spn, exchangeId, expiresAt } = challenge;
  if (nonce.length !== NONCE_BYTES) return `the nonce has ${nonce.length} bytes, not ${NONCE_BYTES}`;
  for (const [name, text] of Object.entries({ client, spn, exchangeId })) {
    if (text.length === 0 || text.length > TEXT_LENGTH_MAX)
      return `${name} has ${text.length} characters, not 1 to ${TEXT_LENGTH_MAX}`;
  }
  return INSTANT.test(expiresAt) ? undefined : 'expiresAt is not an RFC 3339 UTC instant';
}
