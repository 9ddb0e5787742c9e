/** Ids by RFC 9562, and that the same observation has the same one. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { createIdSource, newEventId, observedEventId } from './event-id.js';

const hash = (text: string): Buffer => createHash('sha256').update(text).digest();

describe('event ids', () => {
  it('of decided events are UUIDv7: RFC 9562 appendix A.6', () => {
    const random = Buffer.from('0cc318c4dc0c0c07398f', 'hex');
    expect(newEventId(0x017f22e279b0, random)).toBe('017f22e2-79b0-7cc3-98c4-dc0c0c07398f');
  });

  it('of observed events are UUIDv8 of the instant and the identity', () => {
    const id = observedEventId('2026-11-22T10:53:32.933392Z', Buffer.alloc(10, 0xff));
    expect(id).toBe('01a202e3-cb85-8fff-bfff-ffffffffffff');
    expect(observedEventId('2026-11-22T10:53:32.933392Z', hash('a'))).not.toBe(
      observedEventId('2026-11-22T10:53:32.933392Z', hash('b')),
    );
  });

  it('sort by time', () => {
    const ids = ['2026-11-22T10:53:32.9Z', '2026-11-22T10:53:32.95Z', '2026-11-22T10:53:33Z', '2031-01-01T00:00:00Z'];
    const made = ids.map((instant) => observedEventId(instant, hash(instant)));
    expect(made.toSorted()).toEqual(made);
  });

  it('carry time zero for instants before 1970', () => {
    expect(observedEventId('1601-01-01T00:00:00Z', hash('filetime 0'))).toMatch(/^00000000-0000-8/);
  });

  it('need ten bytes', () => {
    expect(() => newEventId(0, Buffer.alloc(9))).toThrow(RangeError);
  });

  it('from a source are never the same twice, also beyond one draw of randomness', () => {
    const next = createIdSource((bytes) => Buffer.from(Array.from({ length: bytes }, (_, n) => n ^ (n >> 8))));
    const ids = new Set(Array.from({ length: 200 }, next));
    expect(ids.size).toBe(200);
  });
});
