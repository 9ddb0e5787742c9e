/** The published description of the topics: it is what the catalogues say, it is AsyncAPI, and the schemas take what is sealed. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, it } from '@jest/globals';
import { Ajv } from 'ajv';
import { z } from 'zod';
import { exchangeEvents, lockoutEvents } from '#authentication';
import { directoryEvents } from '#directory';
import { defineEvent } from '#event-store';
import { operationEvents } from '#operations';
import { asyncApiDocument, type AsyncApiDocument } from '#relay';

const catalogues = [directoryEvents, exchangeEvents, lockoutEvents, operationEvents];
const read = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'));
const committed = read('docs/asyncapi/kerbtrail.asyncapi.json') as AsyncApiDocument;
const { version } = read('package.json') as { version: string };

describe('docs/asyncapi/kerbtrail.asyncapi.json', () => {
  it('is what `npm run docs:asyncapi` writes today', () => {
    expect(committed).toEqual(JSON.parse(JSON.stringify(asyncApiDocument(catalogues, version, committed))));
  });

  it('is AsyncAPI 3.0.0, by its official schema', () => {
    const official = createRequire(import.meta.url)('@asyncapi/specs/schemas/3.0.0-without-$id.json') as object;
    const validate = new Ajv({ strict: false, validateFormats: false }).compile(official);
    validate(committed);
    expect(validate.errors).toBeNull();
    expect(validate({ ...committed, channels: { events: { adress: 'x' } } })).toBe(false);
  });

  it('refers to nothing that is not there', () => {
    const references = [...JSON.stringify(committed).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path]) => path!);
    expect(references.length).toBeGreaterThan(150);
    for (const path of references) {
      const found = path.split('/').reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], committed);
      expect([path, typeof found]).toEqual([path, 'object']);
    }
  });

  it('has a schema of every event, under the name that `ce_dataschema` says', () => {
    for (const { type, schemaVersion } of catalogues.flatMap((catalogue) => Object.values(catalogue))) {
      const id = `urn:kerbtrail:event:${type}:v${schemaVersion}`;
      expect(committed.components.schemas[`${type}.v${schemaVersion}`]).toMatchObject({ $id: id, type: 'object' });
    }
  });

  it('takes a pseudonym wherever a personal text stands', () => {
    const fields = catalogues
      .flatMap((catalogue) => Object.values(catalogue))
      .flatMap(({ type, schemaVersion, personal }) =>
        Object.keys(personal).map((path) => ({ name: `${type}.v${schemaVersion}`, path })),
      );
    expect(fields.length).toBeGreaterThan(50);
    for (const { name, path } of fields) {
      const field = path
        .split('.')
        .reduce((schema, step) => property(schema, step), committed.components.schemas[name]!);
      const takes = new Ajv().compile(field);
      expect([name, path, takes('erased:9B_BYVy8kxlmMn5V04mAja')]).toEqual([name, path, true]);
      expect([name, path, takes('[erased:N9hpJy8bLHgARO-DQpuBnf]:34774')]).toEqual([name, path, true]);
    }
  });
});

describe('the document of a later program', () => {
  const Seen = defineEvent('TicketSeen', z.object({ client: z.string() }));
  const SeenLater = defineEvent('TicketSeen', z.object({ clientName: z.string() }), {
    schemaVersion: 2,
    upcasters: { 1: ({ client, ...rest }) => ({ ...rest, clientName: client }) },
  });

  it('still has the shapes that stand in the log', () => {
    const published = asyncApiDocument([{ Seen }], '1.0.0');
    const later = asyncApiDocument([{ SeenLater }], '2.0.0', published);
    const { schemas, messages } = later.components;
    expect(schemas['TicketSeen.v1']).toEqual(published.components.schemas['TicketSeen.v1']);
    expect(schemas['TicketSeen.v2']).toMatchObject({ required: ['clientName'] });
    expect(Object.keys(messages)).toEqual(['TicketSeen.v1', 'TicketSeen.v2', 'RawRecord', 'DeadLetter']);
    expect(later).toMatchObject({ channels: { events: { messages: { 'TicketSeen.v1': {}, 'TicketSeen.v2': {} } } } });
  });
});

/** The schema of a property; of a list, that of each entry's. */
function property(schema: Readonly<Record<string, unknown>>, name: string): Record<string, unknown> {
  const { properties, items } = schema as { properties?: Record<string, object>; items?: Record<string, unknown> };
  const found = properties?.[name] ?? (items && property(items, name));
  if (!found) throw new Error(`there is no ${name} in ${JSON.stringify(schema)}`);
  return found as Record<string, unknown>;
}
