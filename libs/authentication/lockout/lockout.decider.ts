/**
 * Judges a client's proof of its password: an encrypted timestamp (PA-ENC-TIMESTAMP, RFC 4120 §5.2.7.2), in either form.
 *
 * Guessing is bounded: a window is a quarter of an hour of the clock, and after `FAILED_PROOFS_MAX` failed proofs in it every
 * further proof of that account is refused, right or wrong, until the window ends, and no more failures are recorded in it. Each window
 * is a stream of its own and each accepted proof too, so that neither stream ever grows with the age of the account.
 */
import { instantToNanos, nanosToInstant, streamName } from '#event-store';
import type { LockoutEvent } from './lockout.events.js';

export const FAILED_PROOFS_MAX = 10;
export const LOCKOUT_WINDOW_SECONDS = 900;

const NANOS_PER_SECOND = 1_000_000_000n;

export type ProofFacts = {
  readonly forest: string;
  readonly account: string;
  readonly now: string;
  readonly clockSkewSeconds: number;
  /** ProofFailed events in the window that `now` lies in. */
  readonly failedInWindow: number;
  /** Hex SHA-256 of the encrypted proof. */
  readonly proofDigest: string;
  /** The timestamp inside; null when the proof does not decrypt under the client's current key. */
  readonly provenAt: string | null;
  /** The very same proof was accepted before. */
  readonly acceptedBefore: boolean;
};

export type ProofVerdict =
  | { readonly accepted: true; readonly event: LockoutEvent }
  | { readonly accepted: false; readonly code: string; readonly reason: string; readonly event?: LockoutEvent };

/** The window in which `now` lies: its first instant, and the first instant after it. */
export function lockoutWindow(now: string): { readonly start: string; readonly end: string } {
  const length = BigInt(LOCKOUT_WINDOW_SECONDS) * NANOS_PER_SECOND;
  const nanos = instantToNanos(now);
  const start = nanos - (nanos % length);
  return { start: nanosToInstant(start, 0), end: nanosToInstant(start + length, 0) };
}

/** Where the failed proofs of the window that `now` lies in stand. */
export function failedProofsStream(account: string, now: string): string {
  return streamName('lockout', `${account}/${lockoutWindow(now).start}`);
}

/** The stream that exists as soon as this proof was accepted: the replay cache, one stream per proof. */
export function acceptedProofStream(account: string, proofDigest: string): string {
  return streamName('lockout', `${account}/${proofDigest}`);
}

/**
 * The lock comes before the proof, so that a guess made while locked learns nothing. Only a proof under a wrong key counts as
 * a guess: a skewed or repeated one was made by somebody who has the key, and must not lock the account of another.
 */
export function judgeProof(facts: ProofFacts): ProofVerdict {
  const { forest, account, proofDigest, provenAt } = facts;
  if (facts.failedInWindow >= FAILED_PROOFS_MAX) {
    const { end } = lockoutWindow(facts.now);
    return refuse(
      'KDC_ERR_CLIENT_REVOKED',
      `${FAILED_PROOFS_MAX} proofs failed within a quarter of an hour: the account is locked until ${end}`,
    );
  }
  if (provenAt === null) {
    const code = 'KDC_ERR_PREAUTH_FAILED';
    const event: LockoutEvent = { type: 'ProofFailed', data: { forest, account, code } };
    return { ...refuse(code, 'the proof does not decrypt under the current key of the client: wrong password'), event };
  }
  const difference = instantToNanos(provenAt) - instantToNanos(facts.now);
  const skew = difference < 0n ? -difference : difference;
  if (skew > BigInt(facts.clockSkewSeconds) * NANOS_PER_SECOND) {
    const reason = `the client's clock said ${provenAt}, ours ${facts.now}: more than ${facts.clockSkewSeconds} s apart`;
    return refuse('KRB_AP_ERR_SKEW', reason);
  }
  if (facts.acceptedBefore) {
    return refuse('KRB_AP_ERR_REPEAT', 'this very proof was accepted before: make a new one for each request');
  }
  return { accepted: true, event: { type: 'ProofAccepted', data: { forest, account, proofDigest, provenAt } } };
}

function refuse(code: string, reason: string): { accepted: false; code: string; reason: string } {
  return { accepted: false, code, reason };
}
