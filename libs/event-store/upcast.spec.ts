/** Catalogues: complete when they are declared, and one definition per event type. */
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { defineEvent, type EventsOf } from './catalogue.js';
import type { RecordedEvent } from './event.js';
import { PERSON } from './sealing/personal-field.js';
import { definitionsByType, upcast } from './upcast.js';

const Renamed = defineEvent('Renamed', z.object({ to: z.string() }), {
  schemaVersion: 2,
  upcasters: { 1: ({ name }) => ({ to: name }) },
  personal: { to: PERSON },
});
const Deleted = defineEvent('Deleted', z.object({}));

const renamed: RecordedEvent = {
  id: '01a20448-16e9-776a-aa1d-009b762a03ce',
  stream: 'account-1',
  version: 1,
  position: 1,
  type: 'Renamed',
  schemaVersion: 1,
  occurredAt: '2026-11-22T10:00:00Z',
  recordedAt: '2026-11-22T10:00:00.000000Z',
  data: { name: 'kim' },
  metadata: { origin: 'decided' },
};

describe('a catalogue', () => {
  it('is not declared without an upcaster from every older version', () => {
    const declare = (): unknown =>
      defineEvent('Moved', z.object({}), { schemaVersion: 3, upcasters: { 2: (data) => data } });
    expect(declare).toThrow('Moved is at schema version 3 but has no upcaster from 1');
  });

  it('does not define what another one defines', () => {
    expect(() => definitionsByType([{ Renamed }, { Deleted, Renamed }])).toThrow(
      'two catalogues define the event Renamed',
    );
  });

  it('gives the types of its events', () => {
    const event: EventsOf<{ Renamed: typeof Renamed; Deleted: typeof Deleted }> = {
      type: 'Renamed',
      data: { to: 'kim' },
    };
    expect(Renamed.schema.parse(event.data)).toEqual({ to: 'kim' });
  });
});

describe('upcasting', () => {
  const definitions = definitionsByType([{ Renamed }, { Deleted }]);

  it('changes the shape of the data and nothing else', () => {
    expect(upcast(definitions, renamed)).toEqual({ ...renamed, schemaVersion: 2, data: { to: 'kim' } });
  });

  it('leaves current and unknown events alone', () => {
    const current = { ...renamed, schemaVersion: 2, data: { to: 'kim' } };
    const unknown = { ...renamed, type: 'Forgotten' };
    expect(upcast(definitions, current)).toBe(current);
    expect(upcast(definitions, unknown)).toBe(unknown);
  });
});
