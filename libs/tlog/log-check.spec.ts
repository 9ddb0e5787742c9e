/** Given any log and one thing done to it, then the check names where and what: for each of the four that can be done. */
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { leafHash } from './hash.js';
import { LogCheck, type Fault } from './log-check.js';

type Bodies = readonly (string | null)[];
type Options = { from?: number; lookAhead?: number };

const committed = (count: number): string[] => Array.from({ length: count }, (_, i) => `{"event":${i + 1}}`);

/** What is read now, beside what was committed then; one position more than the tree has, as the server reads it. */
function check(before: readonly string[], now: Bodies, { from = 1, lookAhead }: Options = {}): Fault | null {
  const log = new LogCheck(lookAhead === undefined ? { from } : { from, lookAhead });
  for (let i = 0; i <= before.length; i += 1) {
    log.add(from + i, now[i] ?? null, i < before.length ? leafHash(before[i]!) : null);
  }
  return log.fault();
}

/** A log, a position in it and another one behind that (both as indices). */
const logAndPlaces = fc.tuple(fc.integer({ min: 2, max: 60 }), fc.nat(), fc.nat()).map(([count, a, b]) => {
  const p = a % (count - 1);
  return { log: committed(count), p, q: p + 1 + (b % (count - 1 - p)) };
});

const named = (fault: Fault | null): unknown => fault && [fault.position, fault.kind];

describe('a log as it was committed', () => {
  it('has no fault, whatever comes behind the tree', () => {
    const log = committed(20);
    expect(check(log, log)).toBeNull();
    expect(check(log, [...log, 'one more'])).toBeNull();
    expect(check(log.slice(4), log.slice(4), { from: 5 })).toBeNull();
    expect(check([], [])).toBeNull();
  });

  it('may lack bytes that are known to be withheld', () => {
    const log = new LogCheck();
    expect(log.add(1, 'a', leafHash('a'))).toBe(true);
    log.withheld(2, leafHash('b'));
    expect(log.add(3, 'c', leafHash('c'))).toBe(true);
    expect(log.fault()).toBeNull();
    expect(log.add(4, 'behind the tree', null)).toBe(false);
    expect(log.fault()).toBeNull();
    expect(log.add(5, 'd', leafHash('e'))).toBe(false);
  });
});

describe('one event', () => {
  const names = (what: string, kind: string, tamper: (log: string[], p: number, q: number) => Bodies): void =>
    it(`that was ${what} is named as ${kind}, at its position`, () => {
      fc.assert(
        fc.property(logAndPlaces, fc.nat(3), ({ log, p, q }, from) => {
          const fault = check(log, tamper([...log], p, q), { from: from + 1 });
          expect(named(fault)).toEqual([p + 1 + from, kind]);
        }),
        { numRuns: 300 },
      );
    });

  names('changed', 'changed', (log, p) => log.with(p, 'changed'));
  names('blanked', 'changed', (log, p) => log.with(p, ''));
  names('overwritten by a later one', 'changed', (log, p, q) => log.with(p, log[q]!));
  names('deleted', 'removed', (log, p) => (log as Bodies).with(p, null));
  names('deleted, the later ones moved up', 'removed', (log, p) => log.toSpliced(p, 1));
  names('inserted, the later ones moved down', 'inserted', (log, p) => log.toSpliced(p, 0, 'inserted'));
  names('inserted as a copy of a later one', 'inserted', (log, p, q) => log.toSpliced(p, 0, log[q]!));
  names('exchanged with a later one', 'reordered', (log, p, q) => log.with(p, log[q]!).with(q, log[p]!));
  names('moved to a later position', 'reordered', (log, p, q) => log.toSpliced(p, 1).toSpliced(q, 0, log[p]!));
  names('moved from a later position', 'reordered', (log, p, q) => log.toSpliced(q, 1).toSpliced(p, 0, log[q]!));
  names('moved to a later position, nothing left in its place', 'reordered', (log, p, q) =>
    (log as Bodies).with(p, null).with(q, log[p]!),
  );
});

describe('more than one event', () => {
  it('inserted or removed in a run is named at the first, with the number', () => {
    const log = committed(20);
    expect(check(log, log.toSpliced(4, 0, 'x', 'y'))).toMatchObject({ position: 5, kind: 'inserted' });
    expect(check(log, log.toSpliced(4, 0, 'x', 'y'))?.detail).toContain('2 events that were never committed there');
    expect(check(log, log.toSpliced(4, 3))).toMatchObject({ position: 5, kind: 'removed' });
    expect(check(log, log.toSpliced(4, 3))?.detail).toContain('the events of positions 5 to 7 are gone');
  });

  it('lost when a later one was put in its place is named as changed, by the one that stands there', () => {
    const log = committed(20);
    const fault = check(log, (log as Bodies).with(4, log[11]!).with(11, null));
    expect(fault).toMatchObject({ position: 5, kind: 'changed' });
    expect(fault?.detail).toContain('overwritten by the one of position 12');
  });

  it('cut off at the end is named as removed', () => {
    const log = committed(20);
    expect(check(log, log.slice(0, 12))).toMatchObject({ position: 13, kind: 'removed' });
  });

  it('is named by the first, whatever was done to later ones', () => {
    fc.assert(
      fc.property(logAndPlaces, ({ log, p, q }) => {
        const fault = check(log, log.with(p, 'changed').toSpliced(q, 1, 'x', 'y'));
        expect(named(fault)).toEqual([p + 1, 'changed']);
      }),
    );
  });
});

describe('the check', () => {
  it('says both leaves, so that the event can be looked for', () => {
    const detail = check(['a', 'b'], ['a', 'x'])?.detail;
    expect(detail).toContain(leafHash('x').toString('hex'));
    expect(detail).toContain(leafHash('b').toString('hex'));
  });

  it('is settled when it has looked far enough ahead, and stays with what it has found', () => {
    const log = new LogCheck({ lookAhead: 2 });
    const step = (position: number, body: string, leaf: string): boolean => log.add(position, body, leafHash(leaf));
    step(1, 'x', 'a');
    expect([log.settled, log.fault()?.kind]).toEqual([false, 'changed']);
    step(2, 'b', 'b');
    expect(log.settled).toBe(false);
    step(3, 'c', 'c');
    expect(log.settled).toBe(true);
    step(4, 'a', 'd');
    expect(log.fault()).toMatchObject({ position: 1, kind: 'changed' });
  });

  it('takes positions one after the other', () => {
    const log = new LogCheck({ from: 7 });
    expect(() => log.add(8, 'a', leafHash('a'))).toThrow('position 7 is to be checked next, not 8');
  });
});
