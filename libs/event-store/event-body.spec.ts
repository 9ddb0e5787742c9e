/** The bytes of an event: golden, because every leaf ever taken depends on them. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import canonicalize from 'canonicalize';
import * as fc from 'fast-check';
import type { NewEvent } from './event.js';
import { decodeEvent, draftEvent, encodeEvent, leafHash, writtenEvent } from './event-body.js';
import { InvalidInstant } from './instant.js';

const ID = '01a20448-16e9-776a-aa1d-009b762a03ce';
const STREAM = 'account-01J/ü"1';
const event: NewEvent = {
  type: 'SpnRegistered',
  schemaVersion: 2,
  occurredAt: '2026-11-22T10:53:32.9333921Z',
  data: { spn: 'HTTP/web1.corp.example', by: { name: 'adm-kim', account: 'S-1-5' }, at: [3, 1, 2], none: undefined },
  metadata: { origin: 'observed', source: { record: 7, id: 'samba/lab', kind: 'samba-log' }, actor: 'S-1-5' },
};
const link = { prev: null, recordedAt: '2026-11-22T10:53:33.000001Z', version: 1 };

describe('the body of an event', () => {
  it('is these bytes, with this leaf', () => {
    const { body, leaf } = encodeEvent(draftEvent(STREAM, ID, event), link);
    expect(body).toBe(
      '{"data":{"at":[3,1,2],"by":{"account":"S-1-5","name":"adm-kim"},"spn":"HTTP/web1.corp.example"},' +
        '"id":"01a20448-16e9-776a-aa1d-009b762a03ce",' +
        '"metadata":{"actor":"S-1-5","origin":"observed","source":{"id":"samba/lab","kind":"samba-log","record":7}},' +
        '"occurredAt":"2026-11-22T10:53:32.9333921Z","prev":null,"recordedAt":"2026-11-22T10:53:33.000001Z",' +
        '"schemaVersion":2,"stream":"account-01J/ü\\"1","type":"SpnRegistered","version":1}',
    );
    expect(leaf).toBe('6545165dfb2a85a76b3ff7c4f2a97fcfee02e75a8e71ddcfc5c94879b3fc3b21');
    const bytes = Buffer.concat([Buffer.of(0), Buffer.from(body, 'utf8')]);
    expect(leaf).toBe(createHash('sha256').update(bytes).digest('hex'));
  });

  it.each(['9999-12-31T23:59:59Z', '1677-09-21T00:12:43Z'])(
    'is refused for %s, which no read model can keep',
    (occurredAt) => {
      expect(() => draftEvent(STREAM, ID, { ...event, occurredAt })).toThrow('outside the years 1678 to 2261');
    },
  );

  it('names the previous leaf of its stream, so that a chain of them is provably complete', () => {
    const draft = draftEvent(STREAM, ID, event);
    const first = encodeEvent(draft, link);
    const second = encodeEvent(draft, { ...link, prev: first.leaf, version: 2 });
    expect(JSON.parse(second.body)).toMatchObject({ prev: first.leaf, version: 2 });
    expect(leafHash(second.body)).toBe(second.leaf);
  });

  it('is canonical JSON, whatever the event holds, and reads back as the event', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 20 });
    const prev = fc.option(fc.constant('ab'.repeat(32)));
    fc.assert(
      fc.property(text, text, prev, fc.integer({ min: 1, max: 2 ** 31 - 1 }), (value, stream, prev, version) => {
        const data = { value, list: [value, null], nested: { z: 1, a: true } };
        const draft = draftEvent(stream, ID, { ...event, data });
        const { body } = encodeEvent(draft, { ...link, prev, version });
        expect(body).toBe(canonicalize(JSON.parse(body)));
        expect(Buffer.byteLength(body)).toBeLessThanOrEqual(draft.bytes);
        const { type, schemaVersion, occurredAt, metadata } = event;
        const recorded = { type, schemaVersion, occurredAt, metadata, data, stream, version };
        expect(decodeEvent(9, body)).toEqual({ ...recorded, position: 9, id: ID, recordedAt: link.recordedAt });
      }),
    );
  });

  it('is taken apart without parsing, whatever its texts and keys are', () => {
    const text = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 20 }),
      fc.constantFrom(',"metadata":{}', '"},"id":"', '\\","version":9', '{"data":'),
    );
    const key = fc.oneof(
      text.filter((one) => !/^\d+$/.test(one) && one !== '__proto__'),
      fc.constantFrom('data', 'id', 'metadata', 'occurredAt', 'prev', 'stream', 'type', 'version'),
    );
    const data = fc.dictionary(key, fc.oneof(text, fc.dictionary(key, text)), { noNullPrototype: true });
    fc.assert(
      fc.property(data, text, text, (given, stream, id) => {
        const metadata = { ...event.metadata, actor: stream, source: { ...event.metadata.source!, id } };
        const { body } = encodeEvent(draftEvent(stream, ID, { ...event, data: given, metadata }), link);
        const { position: _, ...whole } = decodeEvent(1, body);
        const written = writtenEvent(body);
        const parsed = { data: JSON.parse(written.data), metadata: JSON.parse(written.metadata) };
        expect({ ...written, ...parsed }).toEqual(whole);
      }),
    );
  });

  it('is not taken apart when it is none', () => {
    expect(() => writtenEvent('{"data":{}}')).toThrow('the body of an event has no version');
  });

  it('needs an instant', () => {
    expect(() => draftEvent(STREAM, ID, { ...event, occurredAt: 'yesterday' })).toThrow(InvalidInstant);
  });
});
