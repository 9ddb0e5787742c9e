/**
 * The key of one subject (a person under one name) and what it does: AES-256-GCM (NIST SP 800-38D) for the originals, and
 * HMAC-SHA-256 for the pseudonyms that stand in their place. Who deletes the key makes both meaningless at once.
 *
 *   key = 32 bytes for the box | 32 bytes for the pseudonyms
 *   box = nonce (12) | ciphertext | tag (16), as base64
 */
import { createCipheriv, createDecipheriv, createHmac, createSecretKey, type KeyObject } from 'node:crypto';

export const SUBJECT_KEY_BYTES = 64;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const PSEUDONYM_CHARACTERS = 22; // 132 bits
const PSEUDONYMS_KEPT = 16;
const KEPT_CHARACTERS_MAX = 256;

/** What is sealed begins with this where it stood; nothing that a source or a person writes is taken for it by the program. */
export const PSEUDONYM_PREFIX = 'erased:';

/** A box that does not open under the key it names: not written by this program, or moved from another event. */
export class BoxDamaged extends Error {
  readonly code = 'ES_BOX_DAMAGED';
  constructor(subject: string, options?: ErrorOptions) {
    super(
      `a sealed part does not open under the key of subject ${subject}: verify the log, and check that secret.subject_key belongs to it`,
      options,
    );
  }
}

export class SubjectKey {
  readonly #box: KeyObject;
  readonly #names: Uint8Array;
  readonly #pseudonyms = new Map<string, string>();

  /** `key`: SUBJECT_KEY_BYTES. */
  constructor(
    readonly id: string,
    key: Uint8Array,
  ) {
    if (key.length !== SUBJECT_KEY_BYTES)
      throw new RangeError(`a subject's key has ${SUBJECT_KEY_BYTES} bytes, not ${key.length}`);
    this.#box = createSecretKey(key.subarray(0, 32));
    this.#names = key.subarray(32);
  }

  /** Equal for values that differ in case alone, so that what was joined by a name stays joined without it. */
  pseudonym(value: string): string {
    let pseudonym = this.#pseudonyms.get(value);
    if (pseudonym === undefined) {
      const digest = createHmac('sha256', this.#names).update(value.toLowerCase()).digest('base64url');
      pseudonym = PSEUDONYM_PREFIX + digest.slice(0, PSEUDONYM_CHARACTERS);
      if (value.length > KEPT_CHARACTERS_MAX) return pseudonym;
      if (this.#pseudonyms.size >= PSEUDONYMS_KEPT) this.#pseudonyms.clear();
      this.#pseudonyms.set(value, pseudonym);
    }
    return pseudonym;
  }

  /** `place` binds the box to its event. `nonce`: 12 random bytes. */
  seal(text: string, place: string, nonce: Uint8Array): string {
    const cipher = createCipheriv('aes-256-gcm', this.#box, nonce);
    cipher.setAAD(Buffer.from(place));
    const ciphertext = cipher.update(text, 'utf8');
    cipher.final(); // of a stream cipher: empty
    return Buffer.concat([nonce, ciphertext, cipher.getAuthTag()]).toString('base64');
  }

  /** Throws BoxDamaged. */
  open(box: string, place: string): string {
    const bytes = Buffer.from(box, 'base64');
    const end = bytes.length - TAG_BYTES;
    if (end < NONCE_BYTES) throw new BoxDamaged(this.id);
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.#box, bytes.subarray(0, NONCE_BYTES));
      decipher.setAAD(Buffer.from(place));
      decipher.setAuthTag(bytes.subarray(end)); // always TAG_BYTES
      const text = decipher.update(bytes.subarray(NONCE_BYTES, end));
      decipher.final();
      return text.toString();
    } catch (cause) {
      throw new BoxDamaged(this.id, { cause });
    }
  }
}
