/**
 * Instants as the log keeps them: RFC 3339 UTC text with the source's own precision, up to nine fraction digits.
 * They never pass through a millisecond Date; comparison goes through integer nanoseconds.
 */

const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?Z$/;
/** For certain within what 64 bits of nanoseconds hold: cheaper to see. */
const INDEXABLE_FROM = Date.UTC(1678, 0);
const INDEXABLE_TO = Date.UTC(2262, 0);

export class InvalidInstant extends Error {
  readonly code = 'ES_INVALID_INSTANT';
  constructor(text: string) {
    super(
      `"${text}" is not an instant: write RFC 3339 UTC with at most nine fraction digits, such as 2026-11-22T10:53:32.933392Z`,
    );
  }
}

/** Nanoseconds since 1970-01-01T00:00:00Z. Throws InvalidInstant. */
export function instantToNanos(text: string): bigint {
  return BigInt(wholeSeconds(text)) * 1_000_000n + BigInt(text.slice(20, -1).padEnd(9, '0'));
}

/** In milliseconds since 1970, the fraction left out. Throws InvalidInstant. */
function wholeSeconds(text: string): number {
  const millis = INSTANT.test(text) ? Date.parse(`${text.slice(0, 19)}Z`) : Number.NaN;
  // Date.parse takes 30 February and hour 24 for a later day.
  if (new Date(millis).getUTCDate() !== Number(text.slice(8, 10))) throw new InvalidInstant(text);
  return millis;
}

/**
 * Read models keep and index instants as nanoseconds in 64 bits, which hold 1677-09-21T00:12:43.145224192Z to
 * 2262-04-11T23:47:16.854775807Z. An event outside could never be projected, so it is refused before it is in the log.
 */
export function isIndexable(nanos: bigint): boolean {
  return BigInt.asIntN(64, nanos) === nanos;
}

/** The same of an instant's text. Throws InvalidInstant. */
export function isIndexableInstant(text: string): boolean {
  const seconds = wholeSeconds(text);
  return (seconds > INDEXABLE_FROM && seconds < INDEXABLE_TO) || isIndexable(instantToNanos(text));
}

/** The shortest text of at least `digits` fraction digits (default 6) that holds these nanoseconds exactly. */
export function nanosToInstant(nanos: bigint, digits = 6): string {
  const seconds = nanos / 1_000_000_000n - (nanos % 1_000_000_000n < 0n ? 1n : 0n);
  const fraction = (nanos - seconds * 1_000_000_000n).toString().padStart(9, '0');
  const kept = fraction.slice(0, digits) + fraction.slice(digits).replace(/0+$/, '');
  const whole = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return kept === '' ? `${whole}Z` : `${whole}.${kept}Z`;
}

/** Negative, zero or positive as `a` lies before, at or after `b`, whatever their precisions. */
export function compareInstants(a: string, b: string): number {
  const left = instantToNanos(a);
  const right = instantToNanos(b);
  return left < right ? -1 : left > right ? 1 : 0;
}
