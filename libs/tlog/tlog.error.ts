/**
 * What this library refuses. `code` is stable; the message says what is wrong and where. None of these says that a log was
 * tampered with: that is a fault in a report (log-check.ts, verify-bundle.ts), not an error.
 */

export type NoteErrorCode =
  | 'TLOG_NOTE_SYNTAX'
  | 'TLOG_NOTE_LIMIT'
  | 'TLOG_NOTE_SIGNATURE'
  | 'TLOG_NOTE_UNVERIFIED'
  | 'TLOG_VERIFIER_KEY'
  | 'TLOG_CHECKPOINT_SYNTAX'
  | 'TLOG_PROOF_SYNTAX';

/** A signed note, a verifier key, a checkpoint or a tlog-proof that is not one, or that no known key has signed. */
export class NoteInvalid extends Error {
  override readonly name = 'NoteInvalid';
  constructor(
    readonly code: NoteErrorCode,
    message: string,
    cause?: unknown,
  ) {
    super(message, { cause });
  }
}

/** A tile or an entry bundle whose bytes cannot be what its path says. */
export class TileInvalid extends Error {
  override readonly name = 'TileInvalid';
  readonly code = 'TLOG_TILE_INVALID';
}

/** A file that is not an evidence bundle. `at` is the path in its JSON, such as `entries[3].proof[0]`. */
export class BundleInvalid extends Error {
  override readonly name = 'BundleInvalid';
  readonly code = 'TLOG_BUNDLE_INVALID';
  constructor(
    readonly at: string,
    reason: string,
    cause?: unknown,
  ) {
    super(`not a bundle of evidence: ${at} ${reason}`, { cause });
  }
}

const QUOTED_MAX = 80;

/** The text in quotes with control characters escaped, cut to a length that fits a log line. */
export function quote(text: string): string {
  return JSON.stringify(text.length > QUOTED_MAX ? `${text.slice(0, QUOTED_MAX)}…` : text);
}
