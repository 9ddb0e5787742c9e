/** What can be wrong with keys. No message and no cause ever holds a key or a part of one. */

export class KeyEncryptionKeyInvalid extends Error {
  readonly code = 'KEY_ENCRYPTION_KEY_INVALID';
  constructor(where: string) {
    super(`${where} does not hold a key-encryption key: it must be the base64 of exactly 32 bytes`);
  }
}

/** Another KEK than the one that wrapped it, or a damaged row. */
export class KeyUnwrapFailed extends Error {
  readonly code = 'KEY_UNWRAP_FAILED';
  constructor(label: string, options?: ErrorOptions) {
    super(
      `the key-encryption key does not open "${label}": start with the key this database was made with (KERBTRAIL_KEK, or the key file of its data folder)`,
      options,
    );
  }
}

/** Other writers took every key version that was tried. */
export class KeyVersionContended extends Error {
  readonly code = 'KEY_VERSION_CONTENDED';
  constructor(account: string) {
    super(`other password changes of account ${account} are in flight: ask again`);
  }
}
