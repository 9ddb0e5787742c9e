/** What the evidence log refuses or cannot do. `code` is stable; the message says what is wrong and what to do next. */

import { BUNDLE_ENTRIES_MAX } from '#tlog';

export type RefusalReason =
  /** An event that the tree covers is gone, or is another one now. */
  | 'log-changed'
  /** The log, or the tree, ends before what the witness has seen: restored from an older copy, or truncated. */
  | 'behind-witness'
  /** The tree has another root than the witness at the same size. */
  | 'forked'
  /** What the witness holds is no checkpoint of this log, signed by one of its keys. */
  | 'witness-foreign'
  /** The tables of the evidence log do not fit each other. */
  | 'tree-damaged';

/** The keeper signs no further. Appends go on; `verify` says what was changed. */
export class EvidenceRefused extends Error {
  override readonly name = 'EvidenceRefused';
  readonly code = 'EVIDENCE_REFUSED';
  constructor(
    readonly reason: RefusalReason,
    message: string,
    cause?: unknown,
  ) {
    super(message, { cause });
  }
}

/** The witness did not answer, or another writer was there first: the keeper tries again. */
export class WitnessUnavailable extends Error {
  override readonly name = 'WitnessUnavailable';
  readonly code = 'EVIDENCE_WITNESS_UNAVAILABLE';
  /** A subscription tries the page again. */
  readonly mayPass = true;
  constructor(place: string, cause: unknown) {
    super(
      `the witness at ${place} cannot be read or written (${cause instanceof Error ? cause.message : String(cause)})`,
      {
        cause,
      },
    );
  }
}

export class CheckpointKeyMissing extends Error {
  override readonly name = 'CheckpointKeyMissing';
  readonly code = 'EVIDENCE_KEY_MISSING';
  constructor(number: number) {
    super(
      `the log names checkpoint key ${number}, and secret.log_key does not hold the seed of it: restore schema "secret" together with the log`,
    );
  }
}

export class TileUnknown extends Error {
  override readonly name = 'TileUnknown';
  readonly code = 'EVIDENCE_TILE_UNKNOWN';
  constructor(path: string, size: number) {
    super(`the tree of ${size} entries has no ${path}`);
  }
}

/** No checkpoint covers what was asked for yet. */
export class EvidenceBehind extends Error {
  override readonly name = 'EvidenceBehind';
  readonly code = 'EVIDENCE_BEHIND';
  readonly retryAfterMs = 1_000;
  constructor(position: number, size: number) {
    super(`event ${position} is covered by no signed checkpoint yet; the newest one is of ${size} events: ask again`);
  }
}

/** A position that the tree covers and the log has no row for. */
export class EventMissing extends Error {
  override readonly name = 'EventMissing';
  readonly code = 'EVIDENCE_EVENT_MISSING';
  constructor(readonly position: number) {
    super(
      `event ${position} was appended, a signed checkpoint covers it, and the log has it no more: run kerbtrail verify`,
    );
  }
}

export class BundleTooLarge extends Error {
  override readonly name = 'BundleTooLarge';
  readonly code = 'EVIDENCE_BUNDLE_SIZE';
  constructor(events: number) {
    super(`a bundle holds 1 to ${BUNDLE_ENTRIES_MAX} events; this selection has ${events}`);
  }
}

/** A replay read something else than what was signed. */
export class EvidenceMismatch extends Error {
  override readonly name = 'EvidenceMismatch';
  readonly code = 'EVIDENCE_MISMATCH';
  constructor(
    /** First event that is not what was signed; undefined when the tables of the tree were changed with it. */
    readonly position: number | undefined,
    readonly kind: string,
    detail: string,
  ) {
    super(`the log is not what was signed: ${detail}`);
  }
}
