/**
 * The topic of events as an AsyncAPI 3.0 document: one message per event of the catalogues, its value a JSON Schema made
 * from the very schema that the event is decided by. Pure; `npm run asyncapi` writes it to docs/asyncapi.json.
 */
import { z } from 'zod';
import type { Catalogue, EventDefinition } from '#event-store';
import { EVENTS_TOPIC } from './topic.js';

const text = (description: string, more: object = {}): object => ({ type: 'string', description, ...more });
const digits = (description: string): object => text(description, { pattern: '^[0-9]+$' });

const HEADERS = {
  type: 'object',
  required: [
    ...['content-type', 'ce_specversion', 'ce_id', 'ce_source', 'ce_type', 'ce_subject', 'ce_time', 'ce_dataschema'],
    ...['position', 'previous', 'epoch', 'version', 'schemaversion', 'recordedat', 'metadata'],
  ],
  properties: {
    'content-type': { const: 'application/json' },
    ce_specversion: { const: '1.0' },
    ce_id: text('Id of the event. Equal (ce_source, ce_id) are the same event: drop the second.', { format: 'uuid' }),
    ce_source: text('Names the log.', { format: 'uri-reference' }),
    ce_type: text('Type of the event.'),
    ce_subject: text('The stream; also the key of the message.'),
    ce_time: text("When it occurred, by its source's clock, with up to nine fraction digits.", { format: 'date-time' }),
    ce_dataschema: text('Name of the schema of the value.', { format: 'uri-reference' }),
    position: digits('Position in the log: 1, 2, 3 … over all partitions.'),
    previous: digits(
      'Position of the event before this one in the same partition and epoch, 0 for the first. Larger than the last position seen: something is missing. A position seen before: the message came twice.',
    ),
    epoch: digits('Counted up when the number of partitions changes; the chains of `previous` then begin anew.'),
    version: digits('Version of the stream after this event.'),
    schemaversion: digits('Version of the schema that the value was written at.'),
    recordedat: text("When it was appended, by the log's clock.", { format: 'date-time' }),
    metadata: text('JSON: origin, actor, source, correlation.', { contentMediaType: 'application/json' }),
    traceparent: text('W3C trace context of the request.'),
  },
};

export function asyncApiDocument(catalogues: readonly Catalogue[], version: string): object {
  const definitions = catalogues
    .flatMap((catalogue) => Object.values(catalogue))
    .toSorted((a, b) => (a.type < b.type ? -1 : 1));
  const refer = (to: string): object => ({ $ref: `#/${to}` });
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Kerbtrail events',
      version,
      description:
        'Every event of the log, in order per stream, at least once, as CloudEvents 1.0 in binary content mode. Personal fields are pseudonyms; their originals travel sealed, in `sealed`.',
      license: { name: 'Apache-2.0' },
    },
    defaultContentType: 'application/json',
    channels: {
      events: {
        address: EVENTS_TOPIC,
        messages: Object.fromEntries(definitions.map(({ type }) => [type, refer(`components/messages/${type}`)])),
      },
    },
    operations: { publishEvent: { action: 'send', channel: refer('channels/events') } },
    components: {
      schemas: { Headers: HEADERS },
      messages: Object.fromEntries(
        definitions.map((definition) => [
          definition.type,
          {
            name: definition.type,
            headers: refer('components/schemas/Headers'),
            payload: valueSchema(definition),
            bindings: { kafka: { key: text('The stream.'), bindingVersion: '0.5.0' } },
          },
        ]),
      ),
    },
  };
}

/** The data as it stands in the log: the catalogue's shape and, beside it, the sealed originals of personal fields. */
export function valueSchema({ schema, personal }: EventDefinition): object {
  const { $schema: _, ...shape } = z.toJSONSchema(schema) as { $schema?: string; properties?: object };
  if (Object.keys(personal).length === 0) return shape;
  const sealed = { type: 'object', additionalProperties: { type: 'string' } };
  return { ...shape, properties: { ...shape.properties, sealed } };
}
