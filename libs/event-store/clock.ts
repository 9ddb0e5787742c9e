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

/** Date.now() itself cuts off up to one millisecond. */
const DRIFT_MS_MAX = 1.5;

/**
 * The wall clock with microseconds: the monotonic clock counts on from an anchor, and the anchor is taken anew when the wall
 * clock was set, or drifted. It is read between two readings of the monotonic one: a process that was held up between them
 * has no drift.
 */
export function createSystemClock(): Clock {
  let anchorMs = Date.now() - performance.now();
  return {
    now() {
      const before = performance.now();
      const wallMs = Date.now();
      const after = performance.now();
      if (wallMs < anchorMs + before - DRIFT_MS_MAX || wallMs > anchorMs + after + DRIFT_MS_MAX) {
        anchorMs = wallMs - after;
      }
      return nanosToInstant(BigInt(Math.floor((anchorMs + after) * 1000)) * 1000n);
    },
  };
}

export const systemRandom: Random = randomBytes;
