/** The log's keys as facts. */
import { describe, expect, it } from '@jest/globals';
import { establishKey, exportKey, foldKeys, mustMakeNameKey } from './keys.decider.js';

const fresh = foldKeys([]);
const established = foldKeys([{ type: 'NameKeyEstablished', data: { fingerprint: 'f1' } }]);

describe('the name key', () => {
  it('is made when the log is new and the database holds none, and established once', () => {
    expect(mustMakeNameKey(fresh, null)).toBe(true);
    expect(establishKey(fresh, 'f1')).toEqual([{ type: 'NameKeyEstablished', data: { fingerprint: 'f1' } }]);
    expect(establishKey(established, 'f1')).toEqual([]);
  });

  it('is taken as it is when a process made it and died before the event', () => {
    expect(mustMakeNameKey(fresh, { fingerprint: 'f1' })).toBe(false);
  });

  it('is never replaced: another one, or none any more, is refused', () => {
    expect(() => establishKey(established, 'f2')).toThrow(expect.objectContaining({ code: 'OPS_NAME_KEY_MISMATCH' }));
    expect(() => mustMakeNameKey(established, null)).toThrow(expect.objectContaining({ code: 'OPS_NAME_KEY_MISSING' }));
  });
});

describe('the key-encryption key', () => {
  it('is known to be exported by its fingerprint', () => {
    expect(fresh.exportedFingerprints).toEqual([]);
    expect(foldKeys(exportKey('k1')).exportedFingerprints).toEqual(['k1']);
  });
});
