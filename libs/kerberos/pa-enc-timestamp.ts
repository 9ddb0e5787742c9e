/**
 * The client's proof that it knows its key: the encrypted timestamp of RFC 4120 §5.2.7.2, which the AS exchange and our
 * challenge form share. No password travels; whoever receives it judges skew and replay.
 */
import { der, DerReader } from './der.js';
import { decrypt, encrypt } from './encryption.js';
import { KEY_USAGE } from './key-usage.js';
import { DerError } from './kerberos.error.js';
import { microsOfSecond, microsToInstant, parseKerberosTime, printKerberosTime } from './kerberos-time.js';

const MICROSECONDS_MAX = 999_999;

/*
 * PA-ENC-TS-ENC ::= SEQUENCE {
 *   patimestamp [0] KerberosTime -- client's time --,
 *   pausec      [1] Microseconds OPTIONAL
 * }
 */

/** Microseconds since 1970 to DER. Throws KerberosError KRB_TIME_RANGE. */
export function encodePaEncTsEnc(micros: bigint): Buffer {
  return der.sequence(
    der.field(0, der.generalizedTime(printKerberosTime(micros))),
    der.field(1, der.integer(microsOfSecond(micros))),
  );
}

/** DER to microseconds since 1970; an absent pausec is zero. Throws DerError. */
export function decodePaEncTsEnc(bytes: Uint8Array): bigint {
  const outer = new DerReader(bytes);
  const body = outer.sequence();
  outer.end();
  const timeField = body.field(0);
  const { text, at } = timeField.generalizedTime();
  timeField.end();
  const microsField = body.optionalField(1);
  const micros = microsField?.integer() ?? 0;
  microsField?.end();
  body.end();
  const second = parseKerberosTime(text);
  if (second === undefined) throw new DerError('KRB_DER_VALUE', at, 'A KerberosTime that is not YYYYMMDDHHMMSSZ');
  if (micros < 0 || micros > MICROSECONDS_MAX)
    throw new DerError('KRB_DER_VALUE', at, 'Microseconds outside 0 to 999999 after the time');
  return second + BigInt(micros);
}

export interface ProofKey {
  readonly etype: number;
  readonly key: Uint8Array;
  readonly confounder: Uint8Array;
  /** The client's clock, microseconds since 1970. */
  readonly nowMicros: bigint;
}

/** The ciphertext of a proof. Throws KerberosError. */
export function makeProof({ etype, key, confounder, nowMicros }: ProofKey): Buffer {
  return encrypt(etype, key, KEY_USAGE.AS_REQ_PA_ENC_TIMESTAMP, encodePaEncTsEnc(nowMicros), confounder);
}

/**
 * The client's clock in a proof, as an instant with six fraction digits. Throws KerberosError KRB_AP_ERR_BAD_INTEGRITY if
 * the key is not the one it was made with, DerError if it was but the content is no timestamp.
 */
export function openProof(etype: number, key: Uint8Array, ciphertext: Uint8Array): string {
  return microsToInstant(decodePaEncTsEnc(decrypt(etype, key, KEY_USAGE.AS_REQ_PA_ENC_TIMESTAMP, ciphertext)));
}
