/**
 * Why an authentication command was not decided at all: the caller's mistake, which records nothing. A refusal by protocol
 * (unknown SPN, wrong password, expired ticket) is no error: it is an event and a reply. Mapped to a status once, by `kind`.
 */
import type { RefusalKind } from '#directory';

/** Every code and its kind. */
const kinds = {
  AUTH_LOGON_UNKNOWN: 'forbidden',
  AUTH_REQUEST_UNKNOWN: 'not-found',
  AUTH_PRESENTATION_UNKNOWN: 'not-found',
  AUTH_NOT_THE_CLIENT: 'forbidden',
  AUTH_NOT_THE_SERVICE: 'forbidden',
  AUTH_STEP_MISPLACED: 'conflict',
  AUTH_ANSWER_GIVEN_ONCE: 'conflict',
  AUTH_INPUT_INVALID: 'invalid',
} as const satisfies Record<string, RefusalKind>;

export type AuthenticationRefusalCode = keyof typeof kinds;

export class AuthenticationRefusal extends Error {
  override readonly name = 'AuthenticationRefusal';
  readonly kind: RefusalKind;
  constructor(
    readonly code: AuthenticationRefusalCode,
    message: string,
  ) {
    super(message);
    this.kind = kinds[code];
  }
}
