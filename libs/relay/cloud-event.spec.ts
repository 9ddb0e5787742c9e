/** Events to messages and back: nothing of an event is lost on the way, and what is no event of ours is refused by name. */
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { JsonObject } from '#event-store';
import type { IncomingMessage, OutgoingMessage } from '#kafka';
import { cloudEvent, MessageInvalid, relayedRecord, storedEvent } from './cloud-event.js';

const body = (data: JsonObject, metadata: object = { origin: 'decided', actor: 'a' }): string =>
  JSON.stringify({
    data,
    id: '01a20448-16e9-776a-aa1d-009b762a03ce',
    metadata,
    occurredAt: '2026-11-22T10:53:32.933392781Z',
    prev: null,
    recordedAt: '2026-11-22T10:53:33.000001Z',
    schemaVersion: 1,
    stream: 'exchange-7',
    type: 'Stepped',
    version: 3,
  });

const sent = (data: JsonObject, position = 12): OutgoingMessage =>
  cloudEvent('/log/1', storedEvent({ position, body: body(data) }), { partition: 2, epoch: 1, previous: 9 });

function received({ partition, key, value, headers }: OutgoingMessage): IncomingMessage {
  return { partition, key, value: Buffer.from(value), headers, offset: 40n };
}

describe('an event as a CloudEvent', () => {
  it('has the attributes as headers, the stream as key, the data as value', () => {
    expect(sent({ name: 'größer' })).toEqual({
      partition: 2,
      key: 'exchange-7',
      value: '{"name":"größer"}',
      headers: {
        'content-type': 'application/json',
        ce_specversion: '1.0',
        ce_id: '01a20448-16e9-776a-aa1d-009b762a03ce',
        ce_source: '/log/1',
        ce_type: 'Stepped',
        ce_subject: 'exchange-7',
        ce_time: '2026-11-22T10:53:32.933392781Z',
        ce_dataschema: 'urn:kerbtrail:event:Stepped:v1',
        position: '12',
        previous: '9',
        epoch: '1',
        version: '3',
        schemaversion: '1',
        recordedat: '2026-11-22T10:53:33.000001Z',
        metadata: '{"origin":"decided","actor":"a"}',
      },
    });
  });

  it('comes back without its body where its type is not wanted', () => {
    expect(relayedRecord(received(sent({})), () => false)).toMatchObject({ body: '', previous: 9, epoch: 1 });
  });

  it('comes back as the record that it was made from', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.integer({ min: 1, max: 2 ** 52 }),
        (data, position) => {
          const back = relayedRecord(received(sent(data as JsonObject, position)));
          const { prev: _, ...event } = JSON.parse(body(data as JsonObject)) as Record<string, unknown>;
          expect(JSON.parse(back.body)).toEqual(event);
          expect(back).toMatchObject({ position, offset: 40n, epoch: 1, previous: 9 });
        },
      ),
    );
  });

  it.each<[string, (message: IncomingMessage) => IncomingMessage]>([
    ['it has no header position', (one) => ({ ...one, headers: without(one.headers, 'position') })],
    ['its header previous is not a number', (one) => ({ ...one, headers: { ...one.headers, previous: '-1' } })],
    ['its value is not JSON', (one) => ({ ...one, value: Buffer.from('{') })],
    ['its value is not JSON', (one) => ({ ...one, value: null })],
    ['its key is not its stream', (one) => ({ ...one, key: 'another' })],
  ])('is refused when %s', (reason, change) => {
    expect(() => relayedRecord(change(received(sent({}))))).toThrow(MessageInvalid);
    expect(() => relayedRecord(change(received(sent({}))))).toThrow(
      `offset 40 of partition 2 is not an event of the log: ${reason}`,
    );
  });
});

function without(headers: IncomingMessage['headers'], absent: string): IncomingMessage['headers'] {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name !== absent));
}
