/** Erasures as facts. */
import { describe, expect, it } from '@jest/globals';
import { erasePerson, finishErasure, foldErasures } from './person.decider.js';

const asked = { names: ['alice', 'CN=Alice,DC=corp'], reason: 'request 4711' };
const refusal = expect.objectContaining({ code: 'OPS_ERASURE_INVALID' });

describe('an erasure', () => {
  it('is decided by the ids of keys, and open until it is finished', () => {
    const events = erasePerson('e1', ['s1', 's2'], asked);
    expect(events).toEqual([
      { type: 'PersonErased', data: { erasure: 'e1', subjects: ['s1', 's2'], reason: 'request 4711' } },
    ]);
    const open = foldErasures(events);
    expect(open).toEqual([{ erasure: 'e1', subjects: ['s1', 's2'], finished: false }]);
    const finished = finishErasure(open, 'e1');
    expect(finished).toEqual([{ type: 'PersonErasureFinished', data: { erasure: 'e1' } }]);
    const done = foldErasures([...events, ...finished]);
    expect(done).toEqual([{ erasure: 'e1', subjects: ['s1', 's2'], finished: true }]);
    expect(finishErasure(done, 'e1')).toEqual([]);
    expect(finishErasure(done, 'e2')).toEqual([]);
  });

  it('of many keys is several events of one erasure', () => {
    const subjects = Array.from({ length: 4_500 }, (_, n) => `subject-number-${n}`);
    const events = erasePerson('e1', subjects, asked);
    expect(events.length).toBeGreaterThan(1);
    for (const { data } of events) expect(Buffer.byteLength(JSON.stringify(data))).toBeLessThan(56 * 1024);
    expect(foldErasures(events)).toEqual([{ erasure: 'e1', subjects, finished: false }]);
  });

  it('names nobody: a reason that does is refused, in whatever case', () => {
    expect(() => erasePerson('e1', ['s1'], { ...asked, reason: 'Alice asked for it' })).toThrow(refusal);
    expect(() => erasePerson('e1', ['s1'], { ...asked, reason: '' })).toThrow(refusal);
    expect(() => erasePerson('e1', ['s1'], { ...asked, reason: 'a\nb' })).toThrow(refusal);
  });

  it('of nothing is refused', () => {
    expect(() => erasePerson('e1', [], asked)).toThrow(refusal);
  });
});
