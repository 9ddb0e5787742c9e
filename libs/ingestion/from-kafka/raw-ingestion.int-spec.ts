/** Raw records through a real broker into a real log: what is there afterwards, what is not there twice, what is quarantined. */
import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { exchangeEvents } from '#authentication';
import { createNameKey, directoryEvents, type LogPorts, readKeyEncryptionKey } from '#directory';
import {
  type AppendItem,
  createEventStore,
  createSystemClock,
  type EventStore,
  LogBusy,
  type RecordedEvent,
  systemRandom,
} from '#event-store';
import {
  BrokerUnavailable,
  connectKafka,
  deadLetterTopic,
  type IncomingMessage,
  type LooseMessage,
  type Transport,
} from '#kafka';
import { listDeadLetters, operationEvents } from '#operations';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { describeWithOwnKafka, type KafkaBrokers, startKafkaBrokers } from '../../../test/support/kafka-brokers.js';
import { importFile } from '../import-file.js';
import { linesOf, recordsOf, sambaLog, vectorLine } from './collected.spec-support.js';
import { INGEST_GROUP, type RawIngestion, type RawIngestionOptions, startRawIngestion } from './raw-ingestion.js';

const SAMPLE = 'samples/lab-samba-ad/log.samba.gz';
const EVENTS = 247;
const WAIT_MS = 60_000;
/** The log as if it had been written in each of these years: other records, as many. */
const YEARS = Array.from({ length: 12 }, (_, n) => String(2015 + n));
const inYear = (year: string): Buffer =>
  Buffer.from(
    sambaLog.toString().replaceAll('2026/11/22', `${year}/11/22`).replaceAll('2026-11-22T', `${year}-11-22T`),
  );

let brokers: KafkaBrokers;
let transport: Transport;
let database: TestDatabase;
let ports: LogPorts;
let kek: string;
let topic: string;
let ingestions: RawIngestion[];
let children: ChildProcess[];

async function portsOf({ pool }: TestDatabase): Promise<LogPorts> {
  const store = createEventStore({ pool, catalogues: [directoryEvents, exchangeEvents, operationEvents] });
  const nameKey = await createNameKey(pool, readKeyEncryptionKey(kek, 'test'), systemRandom);
  return { store, clock: createSystemClock(), nameKey };
}

function ingest(over: Partial<RawIngestionOptions> = {}, partitions = 1): RawIngestion {
  const settings = { partitions, replicas: 1 };
  const started = startRawIngestion({ ...ports, pool: database.pool, transport, topic, settings, ...over });
  ingestions.push(started);
  return started;
}

async function send(values: readonly (string | Buffer | null)[], over: Partial<LooseMessage> = {}): Promise<void> {
  await transport.ensureTopic(topic, { partitions: 1, replicas: 1 });
  const messages = values.map((value) => ({ key: 'dc1', value, headers: {}, ...over }));
  for (let at = 0; at < messages.length; at += 500) await transport.send(topic, messages.slice(at, at + 500));
}

const until = async (what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> => {
  const deadline = Date.now() + WAIT_MS;
  while (!(await isTrue())) {
    if (Date.now() > deadline) {
      throw new Error(`not so after ${WAIT_MS} ms: ${what}; ${JSON.stringify(ingestions.map(statusText))}`);
    }
    await delay(20);
  }
};
const statusText = (ingestion: RawIngestion): string =>
  JSON.stringify(ingestion.status(), (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));

/** All that the topic holds is in the log, or in the quarantine, and Kafka knows it. Asking may fail while others ask. */
const done = (): Promise<void> =>
  until('everything is read', async () => {
    try {
      const ends = (await transport.partitionEnds(topic)) ?? [];
      const committed = await transport.committed(INGEST_GROUP, topic);
      return ends.every(({ partition, high }) => high === 0n || committed.get(partition) === high);
    } catch (error) {
      if (error instanceof BrokerUnavailable) return false;
      throw error;
    }
  });

async function observed({ store }: LogPorts = ports): Promise<RecordedEvent[]> {
  const events = await store.readAll({ after: 0, limit: 100_000 });
  return events.filter(({ metadata }) => metadata.origin === 'observed');
}

/** Without our own numbering, and without where in a file or a topic it stood. */
async function told(from: LogPorts = ports): Promise<unknown[]> {
  const events = (await observed(from)).map(({ id, stream, type, schemaVersion, occurredAt, data, metadata }) => {
    const { source, ...rest } = metadata;
    return { id, stream, type, schemaVersion, occurredAt, data, source: [source?.id, source?.item], ...rest };
  });
  return events.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

const letters = () => listDeadLetters(database.pool, { limit: 100 });

async function copies(): Promise<IncomingMessage[]> {
  const found: IncomingMessage[] = [];
  for (const { partition, low, high } of (await transport.partitionEnds(deadLetterTopic(topic))) ?? []) {
    if (high === low) continue;
    const range = { from: low, to: high - 1n };
    await transport.read(deadLetterTopic(topic), partition, range, (messages) => found.push(...messages));
  }
  return found;
}

describeWithOwnKafka('ingestion from Kafka', () => {
  beforeAll(async () => {
    brokers = await startKafkaBrokers();
    transport = await connectKafka({ brokers: brokers.addresses, clientId: 'test' });
  }, 400_000);
  afterAll(async () => {
    await transport?.close();
    await brokers?.stop();
  });

  beforeEach(async () => {
    database = await createTestDatabase();
    kek = randomBytes(32).toString('base64');
    ports = await portsOf(database);
    topic = `raw-${randomUUID()}`;
    ingestions = [];
    children = [];
  });
  afterEach(async () => {
    await Promise.all(children.map((child) => kill(child)));
    await Promise.all(ingestions.map((ingestion) => ingestion.stop()));
    await database.drop();
  });

  describe('the recorded log, collected line for line', () => {
    it('ends in the events that its file gives, and is a file of duplicates afterwards', async () => {
      await send(linesOf().map(vectorLine));
      const ingestion = ingest();
      await done();
      expect(ingestion.status()).toMatchObject({
        state: 'running',
        appended: EVENTS,
        duplicates: 0,
        refused: 0,
        error: null,
      });
      const report = await importFile({ name: 'log', ports, actor: 'tester' }, createReadStream(SAMPLE));
      expect(report).toMatchObject({ import: null, appended: 0, duplicates: EVENTS });
      const other = await createTestDatabase();
      try {
        const file = await portsOf(other);
        await importFile({ name: 'log', ports: file, actor: 'tester' }, createReadStream(SAMPLE));
        expect(await told()).toEqual(await told(file));
      } finally {
        await other.drop();
      }
      expect(await letters()).toEqual([]);
    }, 90_000);

    it('adds nothing when all of it is delivered again', async () => {
      const lines = linesOf().map(vectorLine);
      await send(lines);
      const ingestion = ingest();
      await done();
      const head = await ports.store.head();
      await send(lines);
      await until('all came twice', () => ingestion.status().duplicates === EVENTS);
      await done();
      expect(await ports.store.head()).toBe(head);
    }, 90_000);

    it('is whole when its reader is killed in the midst of it, again and again', async () => {
      await send(YEARS.flatMap((year) => recordsOf(inYear(year))).map(vectorLine));
      for (const _ of ['one process', 'another']) {
        const before = await ports.store.head();
        const child = startProcess();
        await hasAppended(child);
        await kill(child);
        expect(await ports.store.head()).toBeGreaterThan(before);
      }
      expect((await observed()).length).toBeLessThan(EVENTS * YEARS.length);
      ingest();
      await done();
      expect(await observed()).toHaveLength(EVENTS * YEARS.length);
      expect(await letters()).toEqual([]);
    }, 150_000);

    it('comes through a log that is busy', async () => {
      let refusals = 3;
      const store: EventStore = new Proxy(ports.store, {
        get: (target, name: keyof EventStore) => {
          const member = target[name];
          if (name !== 'append') return typeof member === 'function' ? member.bind(target) : member;
          return (items: readonly AppendItem[]) =>
            items.length > 1 && refusals-- > 0 ? Promise.reject(new LogBusy(5)) : target.append(items);
        },
      });
      await send(linesOf().map(vectorLine));
      ingest({ store });
      await done();
      expect(refusals).toBeLessThan(0);
      expect(await observed()).toHaveLength(EVENTS);
    }, 90_000);

    it('is read by several processes, each its partitions', async () => {
      await transport.ensureTopic(topic, { partitions: 3, replicas: 1 });
      for (const host of ['dc1', 'dc2', 'dc3', 'dc4', 'dc5']) {
        await send(
          recordsOf()
            .map(vectorLine)
            .map((value) => value.replace('"dc1"', `"${host}"`)),
          { key: host },
        );
      }
      const both = [ingest({}, 3), ingest({}, 3)];
      await done();
      expect(await observed()).toHaveLength(EVENTS);
      const shared = () => both.flatMap((one) => one.status().partitions.map(({ partition }) => partition)).toSorted();
      await until('each partition is one process’s', () => shared().join() === '0,1,2');
    }, 120_000);
  });

  describe('a message that no parser takes', () => {
    const secret = 'Nobody Inparticular';
    it('gets a letter and a copy, and the next one is read', async () => {
      const values = [
        `hello ${secret}`,
        null,
        Buffer.from([0xff, 0xfe, 0x41]),
        '{"timestamp": "x", "type": "dsdbChange", "dsd',
      ];
      await send([...values, ...recordsOf().map(vectorLine)]);
      ingest();
      await done();
      expect(await observed()).toHaveLength(EVENTS);
      const found = await letters();
      expect(
        found.map((letter) => letter.kind === 'raw' && [Number(letter.offset), letter.code, letter.status]),
      ).toEqual([
        [0, 'RAW_FORMAT_UNKNOWN', 'open'],
        [2, 'RAW_ENCODING', 'open'],
        [3, 'ING_UNREADABLE_RECORD', 'open'],
      ]);
      expect(JSON.stringify(found)).not.toContain(secret);
      const inTopic = await copies();
      expect(inTopic.map(({ value }) => value)).toEqual([0, 2, 3].map((n) => Buffer.from(values[n]!)));
      expect(inTopic[0]!.headers).toEqual({
        'dlq-topic': topic,
        'dlq-partition': '0',
        'dlq-offset': '0',
        'dlq-code': 'RAW_FORMAT_UNKNOWN',
        'dlq-reason': found[0]!.reason,
        'dlq-by': 'ingest',
      });
    }, 90_000);

    const retry = (): Promise<unknown> =>
      database.pool.query("UPDATE delivery.dead_letter SET status = 'retry' WHERE status = 'open'");

    it('is read again when an operator says so: refused as before, or taken', async () => {
      const logon = recordsOf().find(({ text }) => text.includes('"Authentication"') && !text.includes('-REQ'))!;
      await send(['hello', vectorLine(logon)]);
      ingest();
      await done();
      expect((await letters()).map(({ code }) => code)).toEqual(['RAW_FORMAT_UNKNOWN', 'RAW_FOREST_UNKNOWN']);
      await retry();
      await until('both were tried again', async () =>
        (await letters()).every(({ status, tries }) => status === 'open' && tries === 2),
      );
      await send(recordsOf().map(vectorLine));
      await done();
      const head = await ports.store.head();
      await retry();
      await until('each was tried again', async () => (await letters()).every(({ status }) => status !== 'retry'));
      expect((await letters()).map(({ code, status, tries }) => [code, status, tries])).toEqual([
        ['RAW_FORMAT_UNKNOWN', 'open', 3],
        ['RAW_FOREST_UNKNOWN', 'done', 2],
      ]);
      expect(await ports.store.head()).toBe(head); // it stood in the log that came meanwhile
      expect(await observed()).toHaveLength(EVENTS);
    }, 120_000);

    it('may be one of very many', async () => {
      await send([
        ...Array.from({ length: 2_000 }, (_, n) => `noise ${n} ${'x'.repeat(n)}`),
        ...recordsOf().map(vectorLine),
      ]);
      const ingestion = ingest();
      await done();
      expect(await observed()).toHaveLength(EVENTS);
      expect(ingestion.status().refused).toBe(2_000);
      expect(await copies()).toHaveLength(2_000);
    }, 90_000);

    it('that is longer than a message may be is copied by its beginning', async () => {
      await transport.ensureTopic(topic, { partitions: 1, replicas: 1, config: { 'max.message.bytes': '3000000' } });
      await send(['x'.repeat(2_000_000), ...recordsOf().map(vectorLine)]);
      ingest();
      await done();
      expect((await letters()).map(({ code }) => code)).toEqual(['RAW_TOO_LARGE']);
      const [copy] = await copies();
      expect(copy!.value).toHaveLength(65_536);
      expect(copy!.headers).toMatchObject({ 'dlq-bytes': '2000000' });
      expect(await observed()).toHaveLength(EVENTS);
    }, 90_000);
  });

  function startProcess(): ChildProcess {
    const { NODE_OPTIONS: _, ...env } = process.env;
    const args = [database.url, kek, brokers.addresses[0]!, topic];
    const child = fork(join(import.meta.dirname, 'raw-process.spec-support.mjs'), args, { env, execArgv: [] });
    children.push(child);
    return child;
  }

  async function hasAppended(child: ChildProcess): Promise<void> {
    const ended = once(child, 'exit').then(() =>
      Promise.reject(new Error('the ingest process ended: was dist/ built?')),
    );
    const told = new Promise<void>((resolve) =>
      child.on('message', (message) => {
        if ((message as { appended: number }).appended > 0) resolve();
      }),
    );
    ended.catch(() => {});
    await Promise.race([told, ended]);
  }

  async function kill(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
});
