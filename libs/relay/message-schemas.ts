/** Schemas of what is the same in every message: headers of events and of dead letters, and what collectors send. */
import type { JsonSchema } from './event-schema.js';

export function text(description: string, more: JsonSchema = {}): JsonSchema {
  return { type: 'string', description, ...more };
}

const digits = (description: string): JsonSchema => text(description, { pattern: '^[0-9]+$' });

const metadata = {
  type: 'object',
  required: ['origin'],
  properties: {
    origin: { enum: ['decided', 'observed'] },
    actor: text('Who caused it: an id, or a pseudonym.'),
    source: {
      type: 'object',
      description: 'Where an observed record stood.',
      required: ['id', 'kind', 'record'],
      properties: {
        id: { type: 'string' },
        kind: { type: 'string' },
        record: { type: 'integer' },
        item: { type: 'integer' },
        offset: { type: 'integer' },
      },
    },
    correlationId: { type: 'string' },
    causationId: { type: 'string' },
    traceparent: { type: 'string' },
  },
};

const attributes = {
  'content-type': { const: 'application/json' },
  ce_specversion: { const: '1.0' },
  ce_id: text('Id of the event. Equal (ce_source, ce_id) are the same event: drop the second.', { format: 'uuid' }),
  ce_source: text('Names the log.', { format: 'uri-reference' }),
  ce_type: text('Type of the event.'),
  ce_subject: text('The stream; also the key of the message.'),
  ce_time: text('When it occurred, by the clock of its source, with up to nine fraction digits.', {
    format: 'date-time',
  }),
  ce_dataschema: text('`$id` of the schema of the value.', { format: 'uri' }),
  position: digits('Position in the log: 1, 2, 3 … over all partitions.'),
  previous: digits(
    'Position of the event before this one in the same partition; 0 for its first. Larger than the last position seen ' +
      'there: something is missing. `position` seen before: the message came twice.',
  ),
  epoch: digits('Counted up when the number of partitions changes, and with it which partition a stream is in.'),
  version: digits('Version of the stream after this event.'),
  schemaversion: digits('Version of the schema that the value was written at.'),
  recordedat: text('When it was appended, by the clock of the log.', { format: 'date-time' }),
  metadata: text('JSON.', { contentMediaType: 'application/json', 'x-content-schema': metadata }),
};

export const eventHeaders: JsonSchema = {
  type: 'object',
  required: Object.keys(attributes),
  properties: { ...attributes, traceparent: text('W3C trace context of the request.') },
};

export const rawHeaders: JsonSchema = {
  type: 'object',
  description: 'What the collector was told to say; each may stand in the value instead (docs/collectors.md).',
  properties: {
    'kerbtrail-kind': text('Kind of the record; absent: what it looks like.'),
    'kerbtrail-forest': text('Forest that it speaks about; absent: the domain that it names.'),
    'kerbtrail-source': text('Names the source; absent: host and file.'),
  },
};

export const rawRecord: JsonSchema = {
  description: 'The record itself, UTF-8, at most 1 MiB; or a JSON object of a collector around it.',
  anyOf: [
    { type: 'string' },
    {
      type: 'object',
      properties: {
        message: text('The record.'),
        host: { description: 'Host that it was read on, a name or an object with one.' },
        file: text('File that it was read from.'),
        offset: { type: 'integer', description: 'Byte at which it began there.' },
      },
    },
  ],
};

const why = {
  'dlq-topic': text('Where it was.'),
  'dlq-partition': digits('Where it was.'),
  'dlq-offset': digits('Where it was.'),
  'dlq-code': text('Stable code of the reason.'),
  'dlq-reason': text('What failed and where. Nothing of what the message holds.'),
  'dlq-by': text('Who could not process it.'),
};

export const deadLetterHeaders: JsonSchema = {
  type: 'object',
  description: 'Those of the message as it came, and these.',
  required: Object.keys(why),
  properties: why,
};
