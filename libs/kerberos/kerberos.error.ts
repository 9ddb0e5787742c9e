/**
 * The errors of this library. Codes that RFC 4120 §7.5.9 defines keep its spelling; the rest name what was given wrongly.
 * No message ever holds key material, a password, a plaintext or bytes of a ciphertext.
 */

export type KerberosErrorCode =
  | 'KRB_AP_ERR_BAD_INTEGRITY'
  | 'KDC_ERR_ETYPE_NOSUPP'
  | 'KRB_KEY_LENGTH'
  | 'KRB_CONFOUNDER_LENGTH'
  | 'KRB_KEY_USAGE'
  | 'KRB_MESSAGE_TOO_LONG'
  | 'KRB_STRING_TO_KEY'
  | 'KRB_PRINCIPAL_SYNTAX'
  | 'KRB_TIME_RANGE'
  | 'KRB_CHALLENGE_FIELD';

export class KerberosError extends Error {
  override readonly name = 'KerberosError';
  constructor(
    readonly code: KerberosErrorCode,
    message: string,
    options?: { cause: unknown },
  ) {
    super(message, options);
  }
}

export type DerErrorCode =
  | 'KRB_DER_TOO_LONG'
  | 'KRB_DER_TOO_DEEP'
  | 'KRB_DER_TRUNCATED'
  | 'KRB_DER_TAG'
  | 'KRB_DER_LENGTH'
  | 'KRB_DER_VALUE'
  | 'KRB_DER_TRAILING';

/** Bytes that are not the DER we expect; `offset` counts from the first byte of the outermost value. */
export class DerError extends Error {
  override readonly name = 'DerError';
  constructor(
    readonly code: DerErrorCode,
    readonly offset: number,
    message: string,
  ) {
    super(`${message} at byte ${offset}`);
  }
}
