/**
 * What may happen to projectors, and to the three brokers that feed them, while events are appended all the time. After each: every
 * event of the log is counted once, in the order of its stream, by a projection that would show what is not.
 */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { type Admin, Kafka, logLevel } from 'kafkajs';
import { CuttingProxy } from '../../libs/event-store/cutting-proxy.spec-support.js';
import { RelayedLog } from '../../libs/relay/relayed-log.spec-support.js';
import { describeWithOwnKafka, type KafkaBrokers, startKafkaBrokers } from '../support/kafka-brokers.js';
import { startProcess, type TestProcess } from '../support/processes.js';

const IDS = [1, 2, 3];
const WAIT_MS = 60_000;

let brokers: KafkaBrokers;
let admin: Admin;
let log: RelayedLog;
let processes: TestProcess[];

async function projector({ url = log.database.url, pauseMs = 0 } = {}): Promise<TestProcess> {
  const options = JSON.stringify({ url, brokers: brokers.addresses, topic: log.topic, pauseMs });
  const program = ['test/kafka/projector-process.spec-support.mjs', options];
  const started = await startProcess(program, { readyWhen: /^started$/m });
  processes.push(started);
  return started;
}

type Counted = { readonly stream: string; readonly steps: number; readonly last: number; readonly in_order: boolean };

/** Streams that are not counted as they stand in the log, when all is counted or the time is over. */
async function differences(): Promise<unknown[]> {
  await log.published();
  const { pool } = log.database;
  for (const deadline = Date.now() + WAIT_MS; ; await delay(100)) {
    const { rows: counted } = await pool.query<Counted>('SELECT stream, steps, last, in_order FROM read.steps');
    const { rows: streams } = await pool.query<{ stream: string; version: number }>(
      'SELECT stream, max(version) AS version FROM log.event_log GROUP BY stream',
    );
    const byStream = new Map(counted.map((one) => [one.stream, one]));
    const wrong = streams.flatMap(({ stream, version }) => {
      const one = byStream.get(stream);
      return one?.steps === version && one.last === version && one.in_order ? [] : [{ stream, version, counted: one }];
    });
    const said = processes.map((one) => one.output().replaceAll('within a page\n', ''));
    if (wrong.length === 0) return [];
    if (Date.now() > deadline) return [...wrong.slice(0, 3), ...said];
  }
}

async function leader(): Promise<number> {
  const { topics } = await admin.fetchTopicMetadata({ topics: [log.topic] });
  return topics[0]!.partitions.find(({ partitionId }) => partitionId === 0)!.leader;
}

describeWithOwnKafka('projectors', () => {
  beforeAll(async () => {
    brokers = await startKafkaBrokers(3);
    admin = new Kafka({ brokers: [...brokers.addresses], logLevel: logLevel.NOTHING, retry: { retries: 20 } }).admin();
    await admin.connect();
  }, 400_000);
  afterAll(async () => {
    await admin?.disconnect();
    await brokers?.stop();
  });
  beforeEach(async () => {
    log = await RelayedLog.open(brokers.addresses, { partitions: 6, replicas: 3 });
    processes = [];
    await log.database.pool.query(
      `CREATE TABLE read.steps (stream text PRIMARY KEY, steps bigint NOT NULL, last bigint NOT NULL, in_order boolean NOT NULL)`,
    );
    await log.append(30, 10);
    log.relay();
    await log.published();
  });
  afterEach(async () => {
    await Promise.all(processes.map((one) => one.stop('SIGKILL')));
    await log.close();
  });

  it('are killed within a transaction, again and again, and others go on', async () => {
    const writing = log.startWriting();
    for (let kills = 0; kills < 4; kills++) {
      const running = await projector({ pauseMs: 200 });
      await running.waitFor(/within a page/);
      await delay(kills * 60);
      await running.stop('SIGKILL');
    }
    await writing.stop();
    await projector();
    expect(await differences()).toEqual([]);
  }, 120_000);

  it('one of two is killed, and the other takes its partitions', async () => {
    const one = await projector();
    const other = await projector();
    const writing = log.startWriting();
    await Promise.all([one.waitFor(/within a page/), other.waitFor(/within a page/)]);
    await one.stop('SIGKILL');
    await writing.stop();
    expect(await differences()).toEqual([]);
  }, 120_000);

  it('one of two sleeps within a transaction until its partitions are taken over, and applies nothing when it wakes', async () => {
    const one = await projector({ pauseMs: 100 });
    await one.waitFor(/within a page/);
    const writing = log.startWriting();
    await projector();
    process.kill(one.pid, 'SIGSTOP');
    await writing.stop();
    expect(await differences()).toEqual([]);
    process.kill(one.pid, 'SIGCONT');
    await log.append(30, 2);
    expect(await differences()).toEqual([]);
  }, 180_000);

  it('one of two is cut off from the database by a silent network, and the other goes on', async () => {
    const proxy = await CuttingProxy.start(log.database.url);
    try {
      const one = await projector({ url: proxy.url, pauseMs: 50 });
      await one.waitFor(/within a page/);
      const writing = log.startWriting();
      await projector();
      proxy.hold();
      await writing.stop();
      expect(await differences()).toEqual([]);
      proxy.release();
      await log.append(30, 2);
      expect(await differences()).toEqual([]);
      await one.stop('SIGKILL');
    } finally {
      proxy.release();
      await proxy.stop();
    }
  }, 180_000);

  it('go on when a leader is killed in mid-stream and started again', async () => {
    await projector();
    const writing = log.startWriting();
    await delay(500);
    const killed = await leader();
    await brokers.kill(killed);
    await delay(4_000);
    await writing.stop();
    expect(await differences()).toEqual([]);
    await brokers.start(killed);
    await log.append(30, 2);
    expect(await differences()).toEqual([]);
  }, 180_000);

  it('go on when all brokers were killed and come back', async () => {
    await projector();
    const writing = log.startWriting();
    await delay(500);
    await Promise.all(IDS.map((id) => brokers.kill(id)));
    await delay(2_000);
    await writing.stop();
    await Promise.all(IDS.map((id) => brokers.start(id)));
    expect(await differences()).toEqual([]);
  }, 180_000);
});
