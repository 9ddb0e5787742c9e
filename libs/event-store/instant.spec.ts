/** Instants: nine digits kept, order by time and not by text, and nothing but RFC 3339 UTC. */
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { createSystemClock } from './clock.js';
import { compareInstants, InvalidInstant, instantToNanos, isIndexable, nanosToInstant } from './instant.js';

const YEAR_1 = instantToNanos('0001-01-01T00:00:00Z');
const YEAR_9999 = instantToNanos('9999-12-31T23:59:59.999999999Z');
const anyInstant = fc.bigInt({ min: YEAR_1, max: YEAR_9999 });

describe('an instant', () => {
  it('keeps up to nine fraction digits', () => {
    expect(instantToNanos('1970-01-01T00:00:00.000000001Z')).toBe(1n);
    expect(instantToNanos('2026-11-22T10:53:32.9333921Z') % 1_000_000_000n).toBe(933_392_100n);
    expect(nanosToInstant(instantToNanos('2026-11-22T10:53:32.9333921Z'))).toBe('2026-11-22T10:53:32.9333921Z');
    expect(nanosToInstant(instantToNanos('2026-11-22T10:53:32Z'), 0)).toBe('2026-11-22T10:53:32Z');
    expect(nanosToInstant(instantToNanos('2026-11-22T10:53:32.5Z'))).toBe('2026-11-22T10:53:32.500000Z');
  });

  it('survives the way through nanoseconds, also before 1970 and in years below 100', () => {
    fc.assert(fc.property(anyInstant, (nanos) => expect(instantToNanos(nanosToInstant(nanos))).toBe(nanos)));
  });

  it('is ordered by time, whatever its precision', () => {
    expect(compareInstants('2026-11-22T10:53:32.9Z', '2026-11-22T10:53:32.900000001Z')).toBeLessThan(0);
    expect(compareInstants('2026-11-22T10:53:32.9Z', '2026-11-22T10:53:32.90Z')).toBe(0);
    expect(compareInstants('2026-11-22T10:53:33Z', '2026-11-22T10:53:32.9Z')).toBeGreaterThan(0);
  });

  it('is indexable when 64 bits hold its nanoseconds', () => {
    const edges = ['1677-09-21T00:12:43.145224192Z', '2262-04-11T23:47:16.854775807Z'].map(instantToNanos);
    expect(edges.map(isIndexable)).toEqual([true, true]);
    expect([edges[0]! - 1n, edges[1]! + 1n].map(isIndexable)).toEqual([false, false]);
  });

  it.each([
    '2026-11-22',
    '2026-11-22T10:53:32',
    '2026-11-22T10:53:32+00:00',
    '2026-11-22 10:53:32Z',
    '2026-11-22T10:53:32.Z',
    '2026-11-22T10:53:32.1234567890Z',
    '2026-02-29T00:00:00Z',
    '2026-11-31T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-11-22T24:00:00Z',
    '2026-11-22T10:60:00Z',
    '2026-11-22T10:53:60Z',
    '',
  ])('is not "%s"', (text) => {
    expect(() => instantToNanos(text)).toThrow(InvalidInstant);
  });
});

describe('the system clock', () => {
  it('gives microseconds, never goes back by itself, and stays at the wall clock', () => {
    const clock = createSystemClock();
    const instants = Array.from({ length: 10_000 }, () => clock.now());
    expect(instants.every((instant) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(instant))).toBe(true);
    expect(instants.toSorted()).toEqual(instants);
    const before = Date.now();
    const nowMs = Number(instantToNanos(clock.now()) / 1_000_000n);
    expect(nowMs).toBeGreaterThanOrEqual(before - 3);
    expect(nowMs).toBeLessThanOrEqual(Date.now() + 3);
  });
});
