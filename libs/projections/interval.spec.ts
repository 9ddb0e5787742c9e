import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { answerAt, certainSpan, type Interval, intervalOf, intervalText, possibleSpan } from './interval.js';

describe('an interval', () => {
  it.each<[string, Interval, Record<string, string>]>([
    [
      'with exact ends is half-open',
      { beganAfter: 10n, beganBy: 10n, endedAfter: 20n, endedBy: 20n },
      { 9: 'no', 10: 'yes', 19: 'yes', 20: 'no' },
    ],
    [
      'with bounded ends is known at the bounds, and not between',
      { beganAfter: 10n, beganBy: 15n, endedAfter: 20n, endedBy: 25n },
      { 10: 'no', 11: 'not-known', 14: 'not-known', 15: 'yes', 20: 'yes', 21: 'not-known', 24: 'not-known', 25: 'no' },
    ],
    [
      'of which only a sighting is known',
      { beganAfter: null, beganBy: 15n, endedAfter: null, endedBy: null },
      { 1: 'not-known', 14: 'not-known', 15: 'yes', 1000: 'yes' },
    ],
    [
      'of which only the end is known',
      { beganAfter: null, beganBy: 15n, endedAfter: 15n, endedBy: 15n },
      { 14: 'not-known', 15: 'no' },
    ],
    [
      'that was over at once',
      { beganAfter: 5n, beganBy: 5n, endedAfter: 5n, endedBy: 5n },
      { 4: 'no', 5: 'no', 6: 'no' },
    ],
  ])('%s', (_, interval, answers) => {
    const found = Object.keys(answers).map((at) => [at, answerAt(interval, BigInt(at))]);
    expect(Object.fromEntries(found)).toEqual(answers);
  });

  const nanos = fc.bigInt({ min: 0n, max: 12n });
  const anyInterval = fc
    .tuple(nanos, nanos, nanos, nanos, fc.boolean(), fc.boolean())
    .map(([a, b, c, d, isUnknown, isOpen]): Interval => {
      const [first, second, third, fourth] = [a, b, c, d].toSorted((x, y) => Number(x - y)) as [
        bigint,
        bigint,
        bigint,
        bigint,
      ];
      const end = isOpen ? { endedAfter: null, endedBy: null } : { endedAfter: third, endedBy: fourth };
      return { beganAfter: isUnknown ? null : first, beganBy: second, ...end };
    });

  it('answers as its spans do, at every instant', () => {
    fc.assert(
      fc.property(anyInterval, fc.bigInt({ min: -2n, max: 15n }), (interval, at) => {
        const within = ({ from, to }: { from: bigint | null; to: bigint | null }) =>
          (from === null || from <= at) && (to === null || at < to);
        const expected = within(certainSpan(interval)) ? 'yes' : within(possibleSpan(interval)) ? 'not-known' : 'no';
        expect(answerAt(interval, at)).toBe(expected);
      }),
    );
  });

  it('made of its spans answers the same', () => {
    fc.assert(
      fc.property(anyInterval, fc.bigInt({ min: -2n, max: 15n }), (interval, at) => {
        const { beganBy, ...rest } = intervalOf(possibleSpan(interval), certainSpan(interval));
        expect(answerAt({ ...rest, beganBy: beganBy! }, at)).toBe(answerAt(interval, at));
      }),
    );
  });

  it('that is certain nowhere has no instant by which it had begun', () => {
    const interval = intervalOf({ from: 5n, to: 9n }, null);
    expect(interval).toEqual({ beganAfter: 4n, beganBy: null, endedAfter: null, endedBy: 9n });
    expect(intervalText(interval)).toMatchObject({ beganBy: null, endedBy: '1970-01-01T00:00:00.000000009Z' });
  });
});
