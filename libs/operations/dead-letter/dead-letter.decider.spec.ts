/** What an operator may decide about a dead letter. */
import { describe, expect, it } from '@jest/globals';
import type { OperationEvent } from '../operation.events.js';
import { eventLetter, foldSkips, retryDeadLetter, skipEvent } from './dead-letter.decider.js';
import type { DeadLetter, LetterStatus } from './dead-letters.js';

const why = { code: 'X', reason: 'it failed', openedAt: '2026-11-22T10:00:00Z', tries: 1 };
const stuck = (status: LetterStatus = 'open') =>
  ({ id: 'l1', kind: 'event', projection: 'attempts', projectionVersion: 2, position: 7, status, ...why }) as const;
const raw: DeadLetter = { id: 'l2', kind: 'raw', topic: 't', partition: 0, offset: 4, status: 'open', ...why };
const skipped: OperationEvent = {
  type: 'EventSkipped',
  data: { projection: 'attempts', position: 7, reason: 'bug 12' },
};
const refusal = (code: string) => expect.objectContaining({ name: 'OperationRefusal', code });

describe('a dead letter', () => {
  it('of either kind is tried again, which is recorded once until it fails again', () => {
    const retried = (letter: string) => [{ type: 'DeadLetterRetried', data: { letter } }];
    expect(retryDeadLetter(stuck())).toEqual(retried('l1'));
    expect(retryDeadLetter(raw)).toEqual(retried('l2'));
    expect(retryDeadLetter(stuck('retry'))).toEqual([]);
  });

  it.each(['open', 'retry'] as const)('of an event that is %s is skipped, with the reason', (status) => {
    expect(skipEvent(stuck(status), new Set([6, 8]), 'bug 12')).toEqual([skipped]);
  });

  it('is skipped once: what is left out of a projection already is not recorded again', () => {
    expect(foldSkips([skipped])).toEqual(new Set([7]));
    expect(skipEvent(stuck(), foldSkips([skipped]), 'bug 12')).toEqual([]);
    expect(skipEvent(stuck('skipped'), foldSkips([skipped]), 'bug 12')).toEqual([]);
  });

  it('that is settled is neither tried again nor skipped', () => {
    expect(() => retryDeadLetter(stuck('done'))).toThrow(refusal('OPS_DEAD_LETTER_SETTLED'));
    expect(() => retryDeadLetter(stuck('skipped'))).toThrow(refusal('OPS_DEAD_LETTER_SETTLED'));
    expect(() => skipEvent(stuck('done'), new Set(), 'bug 12')).toThrow(refusal('OPS_DEAD_LETTER_SETTLED'));
  });

  it('of a raw record is not skipped, since nothing waits for it', () => {
    expect(eventLetter(stuck())).toEqual(stuck());
    expect(() => eventLetter(raw)).toThrow(refusal('OPS_SKIP_INVALID'));
  });

  it.each(['', 'two\nlines', 'x'.repeat(501)])('is not skipped for the reason %j', (reason) => {
    expect(() => skipEvent(stuck(), new Set(), reason)).toThrow(refusal('OPS_SKIP_INVALID'));
  });
});
