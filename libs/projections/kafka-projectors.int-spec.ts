/**
 * Read models fed from a real Kafka, beside the same fed from the log: identical tables, whatever the number of partitions, whoever
 * shares the work, whatever Kafka gives again, loses or gives in another order.
 */
import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Admin, Kafka as KafkaClient, logLevel } from 'kafkajs';
import { exchangeEvents } from '#authentication';
import { createNameKey, directoryEvents, readKeyEncryptionKey } from '#directory';
import { createEventStore, createSystemClock, type EventStore, type NewEvent, systemRandom } from '#event-store';
import { importFile } from '#ingestion';
import { connectKafka, type IncomingMessage, partitionOf, type Transport } from '#kafka';
import { operationEvents } from '#operations';
import { type Relay, startRelay } from '#relay';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { describeWithKafka, type Kafka, openKafka } from '../../test/support/kafka-brokers.js';
import { projections } from './index.js';
import { observeProjectors, startKafkaProjectors } from './kafka-projectors.js';
import { rebuild } from './rebuild.js';
import type { Projection } from './projection.js';
import { type Projectors, startProjectors } from './projectors.js';
import { sampleInstant, samplePath } from './sample-recording.spec-support.js';

const SAMPLE = ['directory-t0.ldif', 'log.samba.gz', 'directory-t1-duplicates.ldif', 'capture.pcap.gz'];
const WAIT_MS = 25_000;

let brokers: Kafka;
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

function members(of: readonly Projection[] = projections, by: Transport = transport): Projectors {
  const log = (message: string): void => void said.push(message);
  const started = startKafkaProjectors({ store, pool: database.pool, transport: by, topic, projections: of, log });
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

function fedFromLog(of: readonly Projection[] = projections): Projectors {
  const log = (message: string): void => void said.push(message);
  const started = startProjectors({ store, pool: database.pool, projections: of, log });
  running.push(started);
  return started;
}

async function stopAll(): Promise<void> {
  for (const one of running) await stop(one);
}

/** The transport, with other messages given than Kafka has. */
function through({
  give,
}: {
  give: (partition: number, messages: readonly IncomingMessage[]) => readonly IncomingMessage[];
}) {
  const consume: Transport['consume'] = (options) =>
    transport.consume({
      ...options,
      handle: (partition, messages, beat) => options.handle(partition, give(partition, messages), beat),
    });
  return new Proxy(transport, {
    get: (target, name: keyof Transport) => (name === 'consume' ? consume : target[name].bind(target)),
  });
}

function kafkaAdmin(): Admin {
  return new KafkaClient({ brokers: [...brokers.addresses], logLevel: logLevel.NOTHING }).admin();
}

async function placesOf(projection: string): Promise<{ position: number }[]> {
  const { rows } = await database.pool.query<{ position: number }>(
    'SELECT position FROM read.partition_checkpoint WHERE projection = $1',
    [projection],
  );
  return rows;
}

/** Shows what is applied twice, left out, or behind a later event of its stream. */
const counting: Projection = {
  name: 'steps',
  version: 1,
  tables: ['steps'],
  async apply(tx, events) {
    for (const { stream, version } of events) {
      await tx.query(
        `INSERT INTO steps AS s (stream, steps, last, in_order) VALUES ($1, 1, $2::bigint, $2::bigint = 1)
         ON CONFLICT (stream) DO UPDATE SET steps = s.steps + 1, last = excluded.last,
                                            in_order = s.in_order AND s.last + 1 = excluded.last`,
        [stream, version],
      );
    }
  },
};

async function countSteps(): Promise<void> {
  await database.pool.query(
    'CREATE TABLE read.steps (stream text PRIMARY KEY, steps bigint NOT NULL, last bigint NOT NULL, in_order boolean NOT NULL)',
  );
}

async function miscounted(): Promise<unknown[]> {
  const { rows } = await database.pool.query(
    `SELECT stream, versions, steps, last, in_order
       FROM (SELECT stream, max(version) AS versions FROM log.event_log GROUP BY stream) AS logged
       FULL JOIN read.steps USING (stream)
      WHERE (steps = versions AND last = versions AND in_order) IS NOT TRUE`,
  );
  return rows;
}

/** Many streams with one event each. */
async function tokens(count: number): Promise<void> {
  const items = Array.from({ length: count }, () => {
    const token = randomUUID();
    const event: NewEvent = {
      type: 'TokenCreated',
      schemaVersion: 1,
      occurredAt: '2026-11-22T10:00:00Z',
      data: { token, actor: 'tester', roles: ['auditor'], scope: [], secretDigest: 'ab'.repeat(32) },
      metadata: { origin: 'decided' },
    };
    return {
      id: randomUUID(),
      digest: Buffer.alloc(32, token),
      writes: [{ stream: `operation-token/${token}`, expected: 0, events: [event] }],
    };
  });
  for (const { status } of await store.append(items)) expect(status).toBe('committed');
}

/** Contents of all tables as the whole log makes them, read at once. */
async function rebuilt(): Promise<Record<string, string>> {
  await stopAll();
  for (const projection of projections) await rebuild({ store, pool: database.pool, projection });
  return contents(database);
}

async function published(relayed: Relay): Promise<void> {
  const head = await store.head();
  await until(`all is published`, () => relayed.state().position >= head).catch((error: Error) => {
    throw new Error(
      `${error.message}; relay: ${JSON.stringify(relayed.state())} ${String(relayed.state().error)} ${String((relayed.state().error as Error | undefined)?.cause)}`,
    );
  });
}

describeWithKafka('projectors and Kafka', () => {
  beforeAll(async () => {
    brokers = await openKafka();
    recorded = await createTestDatabase();
    await record(recorded, SAMPLE);
    const fedFromLog = await createTestDatabase({ copyOf: recorded });
    const { pool } = fedFromLog;
    const projectors = startProjectors({ store: storeOf(fedFromLog), pool, projections, log: () => {} });
    await projectors.waitFor(await storeOf(fedFromLog).head(), WAIT_MS);
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

  describe('read models fed from Kafka', () => {
    it.each([1, 6, 12])('hold what those fed from the log hold, with %i partitions', async (partitions) => {
      relay(partitions);
      await caughtUp(members());
      expect(await contents(database)).toEqual(expected);
      expect(said).toEqual([]);
    });

    it('hold the same when they were fed from the log before, and are again', async () => {
      const beforehand = fedFromLog();
      await caughtUp(beforehand);
      await stop(beforehand);
      await record(database, ['directory-t2-misplaced.ldif']);
      await published(relay(6));
      await caughtUp(members());
      await stopAll();
      await record(database, ['directory-t3-repaired.ldif']);
      await caughtUp(fedFromLog());
      expect(await contents(database)).toEqual(await rebuilt());
    });

    it('go over to the log in the midst of it: what one partition lacks is neither missed, nor the others doubled', async () => {
      await published(relay(6));
      const events = await store.readAll({ after: 0, limit: 10_000 });
      const lacking = partitionOf(events.at(-1)!.stream, 6);
      const shown = through({ give: (partition, messages) => (partition === lacking ? [] : messages) });
      const projectors = members(projections, shown);
      const others = events.filter(({ stream }) => partitionOf(stream, 6) !== lacking);
      await until('the others are at their end', async () =>
        (await placesOf('events')).some(({ position }) => position === others.at(-1)!.position),
      );
      await stop(projectors);
      await caughtUp(fedFromLog());
      expect(await contents(database)).toEqual(expected);
    });

    it('hold the same when Kafka gives every message again, and in another order', async () => {
      await published(relay(6));
      const shuffled = through({
        give: (_, messages) => [...messages.toReversed(), ...messages, ...messages.slice(0, 20)],
      });
      await caughtUp(members(projections, shuffled));
      expect(await contents(database)).toEqual(expected);
    });

    it('count every event once and in order, whatever comes again within a batch or in the next', async () => {
      await countSteps();
      await published(relay(6));
      const again = through({
        give: (_, messages) => [...messages.slice(0, 40), ...messages, ...messages.toReversed(), ...messages],
      });
      await caughtUp(members([counting], again));
      expect(await miscounted()).toEqual([]);
    });

    it('count every event once when a crashed relay publishes it again, to other partitions in a new epoch', async () => {
      await countSteps();
      await tokens(60);
      const first = relay(2);
      await published(first);
      const projectors = members([counting]);
      await caughtUp(projectors);
      await stop(first);
      // As if the relay had ended between the commit to Kafka and its own.
      const back = (await store.head()) - 100;
      const { pool } = database;
      await pool.query(`UPDATE read.checkpoint SET position = $1 WHERE projection = 'relay'`, [back]);
      await pool.query('UPDATE relay.partition_tail SET position = least(position, $1)', [back]);
      const admin = kafkaAdmin();
      await admin.connect();
      await admin.createPartitions({ topicPartitions: [{ topic, count: 7 }] });
      await admin.disconnect();
      await published(relay(2));
      await tokens(40);
      await caughtUp(projectors);
      expect(await miscounted()).toEqual([]);
      const { rows } = await pool.query('SELECT epoch, partitions, after_position FROM relay.epoch ORDER BY epoch');
      expect(rows).toEqual([
        { epoch: 1, partitions: 2, after_position: 0 },
        { epoch: 2, partitions: 7, after_position: back },
      ]);
    });

    it('read from the log what Kafka no longer gives, and say so', async () => {
      await published(relay(2));
      const thinned = through({ give: (_, messages) => messages.filter(({ offset }) => offset % 7n !== 3n) });
      await caughtUp(members(projections, thinned));
      expect(await contents(database)).toEqual(expected);
      expect(said.join('\n')).toMatch(
        /projection directory: partition [01] lacks events between \d+ and \d+: read from the log/,
      );
    });

    it('read on from the log when the retention of the topic has passed', async () => {
      await published(relay(2));
      const ends = (await transport.partitionEnds(topic))!;
      const admin = kafkaAdmin();
      await admin.connect();
      const partitions = ends.map(({ partition, high }) => ({ partition, offset: String(high) }));
      await admin.fetchTopicMetadata({ topics: [topic] });
      await admin.deleteTopicRecords({ topic, partitions });
      await admin.disconnect();
      const projectors = members();
      await caughtUp(projectors);
      expect(await contents(database)).toEqual(expected);
      expect(said.join('\n')).toMatch(/Kafka gives nothing of partition [01]: read from the log to event \d+/);
      await record(database, ['directory-t2-misplaced.ldif']);
      await caughtUp(projectors);
      expect(await contents(database)).toEqual(await rebuilt());
    });

    it('go on when the topic was deleted and made again', async () => {
      const relayed = relay(3);
      const projectors = members();
      await caughtUp(projectors);
      const admin = kafkaAdmin();
      await admin.connect();
      await admin.deleteTopics({ topics: [topic] });
      await record(database, ['directory-t2-misplaced.ldif']);
      await published(relayed);
      await admin.disconnect();
      await caughtUp(projectors);
      expect(await contents(database)).toEqual(await rebuilt());
    }, 90_000);

    it('go on in a new epoch when the topic gets more partitions', async () => {
      const relayed = relay(2);
      const projectors = members();
      await caughtUp(projectors);
      const admin = kafkaAdmin();
      await admin.connect();
      await admin.createPartitions({ topicPartitions: [{ topic, count: 5 }] });
      await admin.disconnect();
      await record(database, ['directory-t2-misplaced.ldif']);
      await until('the relay sees it', async () => {
        await tokens(20);
        await published(relayed);
        const { rows } = await database.pool.query('SELECT FROM relay.epoch WHERE partitions = 5');
        return rows.length === 1;
      });
      await tokens(20);
      await caughtUp(projectors);
      expect(await contents(database)).toEqual(await rebuilt());
    });

    it('go on when the database has ended their connections', async () => {
      relay(3);
      const projectors = members();
      await caughtUp(projectors);
      const { rows } = await database.adminPool.query(
        `SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database ON pg_database.oid = database
          WHERE datname = current_database() AND locktype = 'advisory' AND mode = 'ShareLock'`,
      );
      expect(rows).toHaveLength(projections.length);
      await record(database, ['directory-t2-misplaced.ldif']);
      await caughtUp(projectors);
      expect(await contents(database)).toEqual(await rebuilt());
    });

    it('are rebuilt while they are fed', async () => {
      relay(3);
      const projectors = members();
      const { pool } = database;
      for (const projection of projections) await rebuild({ store, pool, projection });
      await caughtUp(projectors);
      expect(await contents(database)).toEqual(expected);
    });

    it('apply nothing of a topic that is ahead of a restored log', async () => {
      await published(relay(1));
      await stopAll();
      const restored = await createTestDatabase({ copyOf: recorded });
      await record(database, ['directory-t2-misplaced.ldif']);
      await published(relay(1));
      await stopAll();
      const projectors = startKafkaProjectors({
        store: storeOf(restored),
        pool: restored.pool,
        transport,
        topic,
        projections: projections.slice(0, 1),
        log: (message) => said.push(message),
      });
      await restored.adminPool.query(
        'INSERT INTO relay.epoch (epoch, topic, partitions, after_position) VALUES (1, $1, 1, 0)',
        [topic],
      );
      await until('it is said', () =>
        said.some((message) => /the topic names event \d+ and the log ends at/.test(message)),
      );
      expect(await projectors.waitFor(await store.head(), 100)).toHaveLength(1);
      await projectors.stop();
      await restored.drop();
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
});
