/** Readers at the log's end share what one of them decoded, and nothing is given twice, left out or kept for long. */
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { RecordedEvent } from './event.js';
import { RECENT_EVENTS_LIFE_MS, RecentEvents } from './recent-events.js';

const events = (from: number, to: number): RecordedEvent[] =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, n) => ({ position: from + n }) as RecordedEvent);
const positions = (found: readonly RecordedEvent[]): number[] => found.map(({ position }) => position);

describe('recent events', () => {
  it('are given from the next position on, across what was kept at different times', () => {
    const recent = new RecentEvents();
    recent.keep(events(5, 7), 0);
    recent.keep(events(8, 9), 1);
    expect(positions(recent.after(5, 10, 1))).toEqual([6, 7, 8, 9]);
    expect(positions(recent.after(4, 2, 1))).toEqual([5, 6]);
    expect(recent.after(9, 10, 1)).toEqual([]);
  });

  it('are none when the next position is not kept', () => {
    const recent = new RecentEvents();
    recent.keep(events(5, 7), 0);
    expect(recent.after(3, 10, 0)).toEqual([]);
  });

  it('are forgotten in time', () => {
    const recent = new RecentEvents();
    recent.keep(events(1, 3), 0);
    recent.keep(events(4, 6), RECENT_EVENTS_LIFE_MS);
    expect(positions(recent.after(3, 10, RECENT_EVENTS_LIFE_MS + 1))).toEqual([4, 5, 6]);
    expect(recent.after(0, 10, RECENT_EVENTS_LIFE_MS + 1)).toEqual([]);
  });

  it('are an unbroken run from the position asked for, whatever was kept before', () => {
    const page = fc.record({ from: fc.integer({ min: 1, max: 60 }), length: fc.integer({ min: 0, max: 12 }) });
    fc.assert(
      fc.property(
        fc.array(page),
        fc.integer({ min: 0, max: 70 }),
        fc.integer({ min: 1, max: 20 }),
        (pages, after, limit) => {
          const recent = new RecentEvents();
          for (const { from, length } of pages) recent.keep(events(from, from + length - 1), 0);
          const found = positions(recent.after(after, limit, 0));
          expect(found).toEqual(found.map((_, n) => after + 1 + n));
          expect(found.length).toBeLessThanOrEqual(limit);
        },
      ),
    );
  });
});
