import { describe, expect, it } from '@jest/globals';
import { positionOrInstant } from './filters.js';
import { readInstant } from './instants.js';
import { began, ended } from './intervals.js';

const now = new Date('2026-11-22T12:00:00Z');

describe('an instant as people give it', () => {
  it.each([
    ['2026-11-22T10:53:32.933392123Z', '2026-11-22T10:53:32.933392123Z'],
    ['2026-11-22 10:53:32.933392', '2026-11-22T10:53:32.933392Z'],
    ['2026-11-22 10:53', '2026-11-22T10:53:00Z'],
    ['2026-11-22', '2026-11-22T00:00:00Z'],
    ['90s', '2026-11-22T11:58:30.000Z'],
    ['2h', '2026-11-22T10:00:00.000Z'],
    ['7d', '2026-11-15T12:00:00.000Z'],
  ])('%s is %s', (text, instant) => {
    expect(readInstant(text, now)).toBe(instant);
  });

  it.each(['yesterday', '2026-13-01', '2026-11-22T25:00:00Z', '2026-11-22T10:53:32+01:00', '10:53', '', '1.5h'])(
    '%j is refused with an example',
    (text) => {
      expect(() => readInstant(text, now)).toThrow('2026-11-22T10:53:32.933392Z');
    },
  );
});

describe('a position or an instant', () => {
  it.each([
    ['257', '257'],
    ['2026-11-22', '2026-11-22T00:00:00Z'],
  ])('%s is %s', (text, read) => {
    expect(positionOrInstant(text)).toBe(read);
  });

  it.each(['0', '-1', 'soon'])('%j is refused with both forms', (text) => {
    expect(() => positionOrInstant(text)).toThrow(/a position of the log, from 1 on, or an instant in UTC/);
  });
});

describe('an interval in words', () => {
  const open = { beganAfter: null, beganBy: null, endedAfter: null, endedBy: null };

  it.each([
    [{ beganAfter: 'A', beganBy: 'A' }, 'A'],
    [{ beganAfter: 'A', beganBy: 'B' }, 'after A,\nby B'],
    [{ beganBy: 'B' }, 'by B'],
    [{ beganAfter: 'A' }, 'after A'],
    [{}, 'not known'],
  ])('%j began %j', (ends, text) => {
    expect(began({ ...open, ...ends })).toBe(text);
  });

  it.each([
    [{ endedAfter: 'A', endedBy: 'A' }, 'A'],
    [{ endedAfter: 'A', endedBy: 'B' }, 'after A,\nby B'],
    [{ endedBy: 'B' }, 'by B'],
    [{}, 'still'],
  ])('%j ended %j', (ends, text) => {
    expect(ended({ ...open, ...ends })).toBe(text);
  });
});
