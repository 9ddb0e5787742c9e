/** A record is known again by its bytes. */
import { describe, expect, it } from '@jest/globals';
import { recordDigest, recordEventId, recordId, RecordIdentities } from './record-identity.js';

const at = '2026-11-22T10:53:32.933392Z';
const bytes = Buffer.from('a record');
const identities = (kind: string, records: readonly Buffer[], instant?: string): string[] => {
  const known = new RecordIdentities(kind, instant);
  return records.map((record) => known.next(record).toString('hex'));
};

describe('the identity of a record', () => {
  it('is of its kind, its bytes, its occurrence and, for a dump, the instant', () => {
    const all = [
      ...identities('samba', [bytes, bytes, Buffer.from('another')]),
      ...identities('ldif', [bytes], at),
      ...identities('ldif', [bytes], '2026-11-22T10:53:32.933393Z'),
    ];
    expect(new Set(all).size).toBe(5);
    expect(identities('samba', [bytes, bytes])).toEqual(all.slice(0, 2));
    expect(identities('ldif', [bytes], '2026-11-22T10:53:32.933392000Z')).toEqual([all[3]]);
  });

  it('counts occurrences among recent records: a copy far below is the same record', () => {
    const many = Array.from({ length: 32_768 }, (_, index) => Buffer.from(`record ${index}`));
    const near = identities('samba', [bytes, ...many.slice(1), bytes]);
    const far = identities('samba', [bytes, ...many, bytes]);
    expect(near.at(-1)).not.toBe(near[0]);
    expect(far.at(-1)).toBe(far[0]);
  });

  it('becomes UUIDv8s that begin with the record’s time, one for the record and one for each of its events', () => {
    const identity = new RecordIdentities('samba').next(bytes);
    const ids = [recordId(identity, at), recordEventId(identity, at, 0), recordEventId(identity, at, 1)];
    expect(new Set(ids).size).toBe(3);
    for (const id of ids) expect(id).toMatch(/^01a202e3-cb85-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(recordDigest(identity, 'observed:a')).not.toEqual(recordDigest(identity, 'observed:b'));
    expect(recordDigest(identity, 'observed:a')).toHaveLength(32);
  });
});
