/** A start with another name key than the log was made with: names would be looked for in streams that are not theirs. */

export class NameKeyMismatch extends Error {
  readonly code = 'OPS_NAME_KEY_MISMATCH';
  constructor(established: string, found: string) {
    super(
      `the log was made with name key ${established}, the database holds ${found}: restore table secret.log_key that belongs to this log`,
    );
  }
}

export class NameKeyMissing extends Error {
  readonly code = 'OPS_NAME_KEY_MISSING';
  constructor(established: string) {
    super(
      `the log was made with name key ${established}, the database holds none: restore table secret.log_key that belongs to this log`,
    );
  }
}
