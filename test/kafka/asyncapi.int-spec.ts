/**
 * What the relay really publishes, against what docs/asyncapi says of it: the sample recording, imported with personal data sealed,
 * every message read back from a real broker.
 */
import { createReadStream, readFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Ajv } from 'ajv';
import { exchangeEvents } from '#authentication';
import { createNameKey, createSubjectKeys, directoryEvents, readKeyEncryptionKey } from '#directory';
import { createEventStore, createSystemClock, systemRandom } from '#event-store';
import { importFile } from '#ingestion';
import { connectKafka, type IncomingMessage, type Transport } from '#kafka';
import { operationEvents } from '#operations';
import { type AsyncApiDocument, startRelay } from '#relay';
import { sampleFiles, sampleInstant, samplePath } from '../../libs/projections/sample-recording.spec-support.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { describeWithKafka, type Kafka, openKafka } from '../support/kafka-brokers.js';

const WAIT_MS = 60_000;
const FORMATS = {
  uuid: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  uri: /^[a-z][a-z0-9+.-]*:\S+$/,
  'uri-reference': /^[^\s\\]+$/,
  'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/,
};

const text = readFileSync('docs/asyncapi/kerbtrail.asyncapi.json', 'utf8');
const document = JSON.parse(text) as AsyncApiDocument;

let brokers: Kafka;
let database: TestDatabase;
let transport: Transport;
let messages: IncomingMessage[];

/** Imports the sample, relays it, and reads the topic. */
async function publishSample(): Promise<IncomingMessage[]> {
  const { pool } = database;
  const kek = readKeyEncryptionKey(Buffer.alloc(32, 7).toString('base64'), 'test');
  const nameKey = await createNameKey(pool, kek, systemRandom);
  const subjectKeys = createSubjectKeys({ pool, kek, nameKey, random: systemRandom });
  const store = createEventStore({ pool, catalogues: [directoryEvents, exchangeEvents, operationEvents], subjectKeys });
  for (const name of sampleFiles) {
    const observedAt = sampleInstant(name);
    const ports = { store, clock: createSystemClock(), nameKey };
    await importFile(
      { name, ports, actor: 'tester', ...(observedAt && { observedAt }) },
      createReadStream(samplePath(name)),
    );
  }
  const topic = `sample-${randomUUID()}`;
  const settings = { partitions: 3, replicas: 1 };
  const relay = startRelay({ store, pool, transport, source: 'log.example/sample', topic, settings });
  const given: IncomingMessage[] = [];
  const head = await store.head();
  try {
    for (const deadline = Date.now() + WAIT_MS; relay.state().position < head; await delay(20)) {
      if (Date.now() > deadline) throw new Error(`published up to ${relay.state().position} of ${head}`);
    }
    const handle = async (_: number, page: readonly IncomingMessage[]): Promise<void> => void given.push(...page);
    const reading = await transport.consume({ group: randomUUID(), topic, from: async () => null, handle });
    for (const deadline = Date.now() + WAIT_MS; given.length < head; await delay(20)) {
      if (Date.now() > deadline) throw new Error(`read ${given.length} of ${head}`);
    }
    await reading.stop();
  } finally {
    await relay.stop();
  }
  return given;
}

describeWithKafka('messages of the sample recording', () => {
  beforeAll(async () => {
    brokers = await openKafka();
    database = await createTestDatabase();
    transport = await connectKafka({ brokers: brokers.addresses, clientId: 'test' });
    messages = await publishSample();
  }, 400_000);
  afterAll(async () => {
    await transport?.close();
    await database?.drop();
    await brokers?.stop();
  });

  it('have values as the schema says that `ce_dataschema` names, and no field beside', () => {
    const schemas = Object.values(document.components.schemas).filter(({ $id }) => $id !== undefined);
    const ajv = new Ajv({ strict: false, formats: FORMATS, schemas: schemas.map(closed) });
    const types = new Set<string>();
    for (const { headers, value } of messages) {
      types.add(headers['ce_type']!);
      const valid = ajv.validate(headers['ce_dataschema']!, JSON.parse(String(value)));
      expect([valid, ajv.errors, headers['ce_type']]).toEqual([true, null, headers['ce_type']]);
    }
    expect(messages.length).toBeGreaterThan(300);
    expect(types.size).toBeGreaterThan(10);
    expect(messages.filter(({ value }) => String(value).includes('"sealed":')).length).toBeGreaterThan(200);
  });

  it('have headers as the message of their type says', () => {
    const ajv = new Ajv({ strict: false, formats: FORMATS, schemas: { document } });
    const isMetadata = ajv.compile(property('metadata')['x-content-schema'] as object);
    for (const { headers } of messages) {
      const message = `${headers['ce_type']}.v${headers['schemaversion']}`;
      const isAsSaid = ajv.getSchema(`document#/components/messages/${message}/headers`)!;
      expect([isAsSaid(headers), isAsSaid.errors, message]).toEqual([true, null, message]);
      expect([isMetadata(JSON.parse(headers['metadata']!)), isMetadata.errors]).toEqual([true, null]);
    }
    const { ce_id: _, ...without } = messages[0]!.headers;
    expect(ajv.validate({ $ref: 'document#/components/schemas/EventHeaders' }, without)).toBe(false);
  });
});

/** Says no to what it does not name. */
function closed(schema: object): object {
  return JSON.parse(JSON.stringify(schema), (_, part: unknown) =>
    isOpen(part) ? { ...part, additionalProperties: false } : part,
  ) as object;
}

function isOpen(part: unknown): part is object {
  return typeof part === 'object' && part !== null && 'properties' in part && !('additionalProperties' in part);
}

function property(name: string): Record<string, unknown> {
  const { properties } = document.components.schemas['EventHeaders'] as {
    properties: Record<string, Record<string, unknown>>;
  };
  return properties[name]!;
}
