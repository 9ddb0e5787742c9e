/**
 * The topics as an AsyncAPI 3.0 document: one message for each event of the catalogues, raw records coming in, and dead
 * letters. Pure; `npm run docs:asyncapi` writes it to docs/asyncapi/.
 */
import type { Catalogue, EventDefinition } from '#event-store';
import { eventSchema, eventSchemaId, type JsonSchema } from './event-schema.js';
import { deadLetterHeaders, eventHeaders, rawHeaders, rawRecord, text } from './message-schemas.js';
import { EVENTS_TOPIC } from './topic.js';

export type AsyncApiDocument = {
  readonly asyncapi: '3.0.0';
  readonly components: {
    readonly schemas: Readonly<Record<string, JsonSchema>>;
    readonly messages: Readonly<Record<string, JsonSchema>>;
  };
} & JsonSchema;

const RAW_TOPIC = 'kerbtrail.raw.v1';
const DESCRIPTION =
  'Every event of the log, in order for each stream, at least once, as CloudEvents 1.0 in binary content mode. ' +
  'In the places of personal texts stand pseudonyms; the originals travel sealed, in `sealed`.';

/**
 * `published`: the document as it was. What it has of earlier schema versions stays: messages of them stay in the log, and
 * come as they were written.
 */
export function asyncApiDocument(
  catalogues: readonly Catalogue[],
  version: string,
  published?: AsyncApiDocument,
): AsyncApiDocument {
  const definitions = catalogues.flatMap((catalogue) => Object.values(catalogue));
  const schemas = { ...versions(published?.components.schemas), ...named(definitions, eventSchema) };
  const eventMessages = { ...versions(published?.components.messages), ...named(definitions, eventMessage) };
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Kerbtrail',
      version,
      description: DESCRIPTION,
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    defaultContentType: 'application/json',
    channels: {
      events: channel(EVENTS_TOPIC, 'Every event of the log.', Object.keys(sorted(eventMessages))),
      eventsDeadLetters: channel(`${EVENTS_TOPIC}.dlq`, 'Events that a projection could not apply.', ['DeadLetter']),
      raw: channel(RAW_TOPIC, 'Records of other systems, as collectors read them.', ['RawRecord']),
      rawDeadLetters: channel(`${RAW_TOPIC}.dlq`, 'Records that no parser takes.', ['DeadLetter']),
    },
    operations: {
      publishEvents: operation('send', 'events'),
      publishEventDeadLetters: operation('send', 'eventsDeadLetters'),
      receiveRawRecords: operation('receive', 'raw'),
      publishRawDeadLetters: operation('send', 'rawDeadLetters'),
    },
    components: {
      messages: { ...sorted(eventMessages), RawRecord: RAW_RECORD, DeadLetter: DEAD_LETTER },
      schemas: {
        ...sorted(schemas),
        EventHeaders: eventHeaders,
        RawHeaders: rawHeaders,
        DeadLetterHeaders: deadLetterHeaders,
      },
    },
  };
}

const RAW_RECORD = {
  name: 'RawRecord',
  summary: 'One record of another system, as its collector read it.',
  headers: refer('components/schemas/RawHeaders'),
  payload: rawRecord,
  bindings: keyed('Whatever keeps records of one host together: its name.'),
};

const DEAD_LETTER = {
  name: 'DeadLetter',
  summary: 'A message that could not be processed: key, headers and value as they came, and why.',
  headers: refer('components/schemas/DeadLetterHeaders'),
  payload: { description: 'As it came.' },
  bindings: keyed('As it came.'),
};

/** The wire has the type and the version in its headers, so that a tool can tell the messages of one topic apart. */
function eventMessage({ type, schemaVersion }: EventDefinition): JsonSchema {
  const marks = { ce_type: { const: type }, ce_dataschema: { const: eventSchemaId(type, schemaVersion) } };
  return {
    name: type,
    headers: { allOf: [refer('components/schemas/EventHeaders'), { properties: marks }] },
    payload: refer(`components/schemas/${type}.v${schemaVersion}`),
    bindings: keyed('The stream.'),
  };
}

function named(
  definitions: readonly EventDefinition[],
  make: (definition: EventDefinition) => JsonSchema,
): Record<string, JsonSchema> {
  return Object.fromEntries(definitions.map((one) => [`${one.type}.v${one.schemaVersion}`, make(one)]));
}

/** Those of events: `<type>.v<schemaVersion>`. */
function versions(published: Readonly<Record<string, JsonSchema>> = {}): Record<string, JsonSchema> {
  return Object.fromEntries(Object.entries(published).filter(([name]) => /\.v\d+$/.test(name)));
}

function sorted<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function channel(address: string, summary: string, messages: readonly string[]): JsonSchema {
  return {
    address,
    summary,
    messages: Object.fromEntries(messages.map((name) => [name, refer(`components/messages/${name}`)])),
  };
}

function operation(action: 'send' | 'receive', channelName: string): JsonSchema {
  return { action, channel: refer(`channels/${channelName}`) };
}

function refer(to: string): JsonSchema {
  return { $ref: `#/${to}` };
}

function keyed(description: string): JsonSchema {
  return { kafka: { key: text(description), bindingVersion: '0.5.0' } };
}
