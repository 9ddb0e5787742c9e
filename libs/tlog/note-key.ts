/**
 * Keys of signed notes (C2SP signed-note):
 *
 *   verifier key = <name>+<hex of key id>+<base64 of type byte || public key>
 *   key id       = first 4 bytes of SHA-256(name || 0x0A || type byte || public key)
 *   signature    = — <name> <base64 of key id || signature>
 */
import { createPrivateKey, createPublicKey, hash, sign, verify, type KeyObject } from 'node:crypto';
import { decodeBase64, encodeBase64 } from './base64.js';
import { NoteInvalid, quote } from './tlog.error.js';

export const KEY_NAME_LENGTH_MAX = 255;
const KEY_ID_BYTES = 4;
const ED25519 = 0x01;
const ED25519_BYTES = 32;
/** PKCS #8 (RFC 8410 §7) up to the seed. */
const ED25519_PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

export type Verifier = {
  readonly name: string;
  /** 4 bytes. */
  readonly keyId: Buffer;
  readonly verifierKey: string;
  verify(text: string, signature: Uint8Array): boolean;
};

export type Signer = {
  readonly name: string;
  readonly keyId: Buffer;
  readonly verifierKey: string;
  /** The signature line, with its newline. */
  sign(text: string): string;
};

type Verify = (publicKey: Buffer) => Verifier['verify'];

/** One row per signature type that we can verify; the signatures of all others are kept and passed over. */
const signatureTypes: ReadonlyMap<number, { publicKeyBytes: number; verifyWith: Verify }> = new Map([
  [ED25519, { publicKeyBytes: ED25519_BYTES, verifyWith: verifyEd25519 }],
]);

/** An Ed25519 signer. `seed` is the 32 secret bytes of RFC 8032. Throws NoteInvalid for a name that no note can carry. */
export function newSigner(name: string, seed: Uint8Array): Signer {
  if (!isKeyName(name)) throw new NoteInvalid('TLOG_VERIFIER_KEY', `${quote(name)} cannot name a key: ${NAME_RULE}`);
  if (seed.length !== ED25519_BYTES)
    throw new RangeError(`an Ed25519 seed has ${ED25519_BYTES} bytes, not ${seed.length}`);
  const privateKey = createPrivateKey({ key: Buffer.concat([ED25519_PKCS8, seed]), format: 'der', type: 'pkcs8' });
  const material = Buffer.concat([Buffer.of(ED25519), rawPublicKey(privateKey)]);
  const keyId = keyIdOf(name, material);
  return {
    name,
    keyId,
    verifierKey: `${name}+${keyId.toString('hex')}+${encodeBase64(material)}`,
    sign: (text) => {
      const signature = sign(null, Buffer.from(text), privateKey);
      return `— ${name} ${encodeBase64(Buffer.concat([keyId, signature]))}\n`;
    },
  };
}

/** Throws NoteInvalid for a text that is not a verifier key, and for a signature type that we cannot verify. */
export function parseVerifierKey(verifierKey: string): Verifier {
  const refuse = (reason: string): never => {
    throw new NoteInvalid('TLOG_VERIFIER_KEY', `${quote(verifierKey)} is not a verifier key: ${reason}`);
  };
  const [, name, id, encoded] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(verifierKey) ?? [];
  if (name === undefined || id === undefined || encoded === undefined) {
    return refuse('write <name>+<8 hex digits>+<base64>');
  }
  if (!isKeyName(name)) return refuse(NAME_RULE);
  const material = decodeBase64(encoded);
  const type = signatureTypes.get(material?.[0] ?? -1);
  if (material === undefined || material.length === 0) return refuse('its last part is not base64');
  if (type === undefined) return refuse(`its signature type ${material[0]} is not known here; 1 (Ed25519) is`);
  if (material.length !== 1 + type.publicKeyBytes) return refuse(`its public key has ${material.length - 1} bytes`);
  const keyId = keyIdOf(name, material);
  if (keyId.toString('hex') !== id) return refuse(`its id would be ${keyId.toString('hex')}`);
  return { name, keyId, verifierKey, verify: type.verifyWith(material.subarray(1)) };
}

const NAME_RULE = `a name has 1 to ${KEY_NAME_LENGTH_MAX} characters, none of them a space, a plus or a control character`;

/** A lone surrogate has no UTF-8. */
export function isKeyName(name: string): boolean {
  return name.length > 0 && name.length <= KEY_NAME_LENGTH_MAX && !/[\p{White_Space}\p{Cc}\p{Surrogate}+]/u.test(name);
}

function keyIdOf(name: string, material: Buffer): Buffer {
  const digest = hash('sha256', Buffer.concat([Buffer.from(`${name}\n`), material]), 'hex');
  return Buffer.from(digest, 'hex').subarray(0, KEY_ID_BYTES);
}

function rawPublicKey(privateKey: KeyObject): Buffer {
  return Buffer.from(createPublicKey(privateKey).export({ format: 'jwk' }).x ?? '', 'base64url');
}

function verifyEd25519(publicKey: Buffer): Verifier['verify'] {
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: publicKey.toString('base64url') };
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  return (text, signature) => signature.length === 64 && verify(null, Buffer.from(text), key, signature);
}
