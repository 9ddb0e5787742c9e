/** Why an operator's command was not done. Mapped to a status once, at the edge, by `kind`. */

const kinds = {
  OPS_TOKEN_UNKNOWN: 'not-found',
  OPS_TOKEN_INVALID: 'invalid',
  OPS_SOURCE_BOUND: 'conflict',
  OPS_IMPORT_STATE: 'conflict',
  OPS_ANSWER_GIVEN_ONCE: 'conflict',
  OPS_ARCHIVE_DIFFERS: 'conflict',
  OPS_NOT_ARCHIVED: 'conflict',
  OPS_ARCHIVE_RUNNING: 'conflict',
  OPS_OVERLAP_INVALID: 'invalid',
  OPS_ERASURE_INVALID: 'invalid',
  OPS_PERSON_UNKNOWN: 'not-found',
  OPS_PERSON_ACTIVE: 'conflict',
  OPS_DEAD_LETTER_UNKNOWN: 'not-found',
  OPS_DEAD_LETTER_SETTLED: 'conflict',
  OPS_SKIP_INVALID: 'invalid',
} as const satisfies Record<string, 'not-found' | 'conflict' | 'invalid'>;

export type OperationRefusalCode = keyof typeof kinds;

export class OperationRefusal extends Error {
  override readonly name = 'OperationRefusal';
  readonly kind: 'not-found' | 'conflict' | 'invalid';
  constructor(
    readonly code: OperationRefusalCode,
    message: string,
  ) {
    super(message);
    this.kind = kinds[code];
  }
}
