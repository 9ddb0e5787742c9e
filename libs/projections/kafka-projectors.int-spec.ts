/**
 * Read models fed from a real Kafka, beside the same fed from the log: identical tables, whatever the number of partitions, whoever
 * shares the work, whatever Kafka gives again, loses or gives in another order.
 */
import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { exchangeEvents } from '#authentication';
import { createNameKey, directoryEvents, readKeyEncryptionKey } from '#directory';
import { createEventStore, createSystemClock, type EventStore, systemRandom } from '#event-store';
import { importFile } from '#ingestion';
import { connectKafka, type Transport } from '#kafka';
import { operationEvents } from '#operations';
import { type Relay, startRelay } from '#relay';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { type KafkaBrokers, startKafkaBrokers } from '../../test/support/kafka-brokers.js';
import { projections } from './index.js';
import { observeProjectors, startKafkaProjectors } from './kafka-projectors.js';
import { rebuild } from './rebuild.js';
import type { Projection } from './projection.js';
import { type Projectors, startProjectors } from './projectors.js';
import { sampleInstant, samplePath } from './sample-recording.spec-support.js';

const SAMPLE = ['directory-t0.ldif', 'log.samba.gz', 'directory-t1-duplicates.ldif', 'capture.pcap.gz'];
const WAIT_MS = 30_000;

let brokers: KafkaBrokers;
/** The sample in the log, and nothing read from it yet. */
let recorded: TestDatabase;
/** What every table holds when the projectors read the log itself. */
let expected: Record<string, string>;

let database: TestDatabase;
let store: EventStore;
let transport: Transport;
let topic: string;
let said: string[];
let running: { stop(): Promise<void> }[];

const storeOf = ({ pool }: TestDatabase): EventStore =>
  createEventStore({ pool, catalogues: [directoryEvents, exchangeEvents, operationEvents] });

beforeAll(async () => {
  brokers = await startKafkaBrokers();
  recorded = await createTestDatabase();
  await record(recorded, SAMPLE);
  const fedFromLog = await createTestDatabase({ copyOf: recorded });
  const { pool } = fedFromLog;
  const projectors = startProjectors({ store: storeOf(fedFromLog), pool, projections, log: () => {} });
  expect(await projectors.waitFor(await storeOf(fedFromLog).head(), WAIT_MS)).toEqual([]);
  expected = await contents(fedFromLog);
  await projectors.stop();
  await fedFromLog.drop();
}, 400_000);
afterAll(async () => {
  await brokers?.stop();
  await recorded?.drop();
});

beforeEach(async () => {
  database = await createTestDatabase({ copyOf: recorded });
  store = storeOf(database);
  transport = await connectKafka({ brokers: brokers.addresses, clientId: 'test' });
  topic = `events-${randomUUID()}`;
  said = [];
  running = [];
});
afterEach(async () => {
  await Promise.all(running.map((one) => one.stop()));
  await transport.close();
  await database.drop();
});

async function record({ pool, ...rest }: TestDatabase, names: readonly string[]): Promise<void> {
  const kek = readKeyEncryptionKey(Buffer.alloc(32, 7).toString('base64'), 'test');
  const ports = {
    store: storeOf({ pool, ...rest }),
    clock: createSystemClock(),
    nameKey: await createNameKey(pool, kek, systemRandom),
  };
  for (const name of names) {
    const observedAt = sampleInstant(name);
    const naming = { name, ports, actor: 'tester', ...(observedAt && { observedAt }) };
    await importFile(naming, createReadStream(samplePath(name)));
  }
}

async function contents({ pool }: TestDatabase): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const table of projections.flatMap(({ tables }) => tables)) {
    const { rows } = await pool.query<{ rows: number; digest: string }>(
      `SELECT count(*) AS rows, md5(string_agg(t::text, E'\\n' ORDER BY t::text COLLATE "C")) AS digest FROM read.${table} t`,
    );
    found[table] = JSON.stringify(rows[0]);
  }
  return found;
}

function relay(partitions: number): Relay {
  const { pool } = database;
  const started = startRelay({ store, pool, transport, source: 'test', topic, settings: { partitions } });
  running.push(started);
  return started;
}

function members(of: readonly Projection[] = projections): Projectors {
  const log = (message: string): void => void said.push(message);
  const started = startKafkaProjectors({ store, pool: database.pool, transport, topic, projections: of, log });
  running.push(started);
  return started;
}

async function stop(one: { stop(): Promise<void> }): Promise<void> {
  running = running.filter((other) => other !== one);
  await one.stop();
}

async function caughtUp(projectors: Projectors): Promise<void> {
  expect(await projectors.waitFor(await store.head(), WAIT_MS)).toEqual([]);
}

async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  for (const deadline = Date.now() + WAIT_MS; !(await holds()); await delay(50)) {
    if (Date.now() > deadline) throw new Error(`not within ${WAIT_MS} ms: ${what}; said: ${said.join('; ')}`);
  }
}

async function published(relayed: Relay): Promise<void> {
  const head = await store.head();
  await until('all is published', () => relayed.state().position >= head);
}

describe('read models fed from Kafka', () => {
  it.each([1, 6, 12])('hold what those fed from the log hold, with %i partitions', async (partitions) => {
    relay(partitions);
    await caughtUp(members());
    expect(await contents(database)).toEqual(expected);
    expect(said).toEqual([]);
  });

  it('are shared by the members of the group, and go on when one of them ends', async () => {
    await published(relay(6));
    const one = members();
    const other = members();
    await until('both have partitions', async () => {
      const shares = (await Promise.all([one.status(), other.status()])).map(([first]) => first!.partitions!.length);
      return shares.every((share) => share === 3);
    });
    await caughtUp(one);
    await stop(other);
    await record(database, ['directory-t2-misplaced.ldif']);
    await caughtUp(one);
    expect((await observeProjectors({ pool: database.pool, projections }).status())[0]).toMatchObject({
      feed: 'elsewhere',
      position: await store.head(),
    });
  });
});
