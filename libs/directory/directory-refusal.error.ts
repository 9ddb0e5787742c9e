/**
 * Why a directory command was not done. Thrown by deciders and handlers, mapped to a status once, at the edge, by `kind`.
 * Refused writes of SPNs are not errors: they are recorded (SpnRegistrationRefused) and answered.
 */

export type RefusalKind = 'not-found' | 'forbidden' | 'conflict' | 'invalid';

/** Every code and its kind. */
const kinds = {
  DIR_FOREST_UNKNOWN: 'not-found',
  DIR_DOMAIN_UNKNOWN: 'not-found',
  DIR_ACCOUNT_UNKNOWN: 'not-found',
  DIR_FORBIDDEN: 'forbidden',
  DIR_FOREST_EXISTS: 'conflict',
  DIR_FOREST_OBSERVED: 'conflict',
  DIR_DOMAIN_EXISTS: 'conflict',
  DIR_NAME_TAKEN: 'conflict',
  DIR_ACCOUNT_DELETED: 'conflict',
  DIR_NAME_INVALID: 'invalid',
  DIR_PASSWORD_INVALID: 'invalid',
  DIR_ALIASES_INVALID: 'invalid',
  DIR_LIMIT_REACHED: 'invalid',
} as const satisfies Record<string, RefusalKind>;

export type DirectoryRefusalCode = keyof typeof kinds;

export class DirectoryRefusal extends Error {
  override readonly name = 'DirectoryRefusal';
  readonly kind: RefusalKind;
  constructor(
    readonly code: DirectoryRefusalCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.kind = kinds[code];
  }
}
