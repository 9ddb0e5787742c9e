/** Whatever Kafka gives again, twice, or in another order: what is applied is the partition's events in order, each once. */
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { type ChainedRecord, follow } from './follow.js';

/** A partition with events at these positions. */
const chain = (positions: readonly number[]): ChainedRecord[] =>
  positions.map((position, at) => ({ position, body: '', previous: positions[at - 1] ?? 0 }));
const positionsOf = (records: readonly ChainedRecord[]) => records.map(({ position }) => position);

describe('a chain', () => {
  it('is followed from the place on, and what was applied is dropped', () => {
    const { records, taken, hole } = follow(5, chain([2, 5, 9, 12]));
    expect([positionsOf(records), taken, hole]).toEqual([[9, 12], 4, undefined]);
  });

  it('stops before the first event whose predecessor was never seen', () => {
    const { records, taken, hole } = follow(
      2,
      chain([2, 5, 9, 12, 15]).filter(({ position }) => position !== 9),
    );
    expect([positionsOf(records), taken, hole]).toEqual([[5], 2, { after: 5, upTo: 9 }]);
  });

  it('has no hole where the place is ahead of what a record names', () => {
    expect(follow(7, chain([5, 9])).hole).toBeUndefined();
  });

  it('of any messages, any of them again and in any order, gives a prefix of the partition after the place', () => {
    const partition = fc
      .uniqueArray(fc.integer({ min: 1, max: 60 }), { minLength: 1 })
      .map((all) => all.toSorted((a, b) => a - b));
    fc.assert(
      fc.property(partition, fc.array(fc.nat()), fc.nat(), (positions, order, place) => {
        const messages = chain(positions);
        const last = positions[place % positions.length]!;
        const { records, taken, hole } = follow(
          last,
          order.map((at) => messages[at % messages.length]!),
        );
        const after = positions.filter((position) => position > last);
        expect(positionsOf(records)).toEqual(after.slice(0, records.length));
        expect(hole === undefined).toBe(taken === order.length);
        const missing = after.some((position) => hole && position > hole.after && position <= hole.upTo);
        expect(missing).toBe(hole !== undefined);
      }),
    );
  });
});
