/**
 * Where time and randomness come from. Everything that decides or derives gets them as arguments; these two are handed
 * out at the edge, and replaced in tests.
 */
import { randomBytes } from 'node:crypto';
import { nanosToInstant } from './instant.js';

export interface Clock {
  /** RFC 3339 UTC text with six fraction digits. */
  now(): string;
}

export type Random = (bytes: number) => Buffer;

/**
 * The wall clock with microseconds: the monotonic clock counts on from an anchor, and the anchor is taken anew when the
 * wall clock was set, or drifted, by more than a millisecond and a half (Date.now() itself cuts off up to one).
 */
export function createSystemClock(): Clock {
  let anchorMs = Date.now() - performance.now();
  return {
    now() {
      const wallMs = Date.now();
      if (Math.abs(anchorMs + performance.now() - wallMs) > 1.5) anchorMs = wallMs - performance.now();
      const micros = Math.floor((anchorMs + performance.now()) * 1000);
      return nanosToInstant(BigInt(micros) * 1000n);
    },
  };
}

export const systemRandom: Random = randomBytes;
