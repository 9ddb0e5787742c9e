/**
 * What may happen to the relay and to the three brokers it publishes to, while events are appended all the time. After each:
 * the topic, read from its start, against the log (RelayedLog.differences).
 */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { type Admin, Kafka, logLevel } from 'kafkajs';
import { createEventStore } from '#event-store';
import { createPool } from '#postgres';
import { CuttingProxy } from '../../libs/event-store/cutting-proxy.spec-support.js';
import { RelayedLog } from '../../libs/relay/relayed-log.spec-support.js';
import { describeWithOwnKafka, type KafkaBrokers, startKafkaBrokers } from '../support/kafka-brokers.js';
import { startProcess, type TestProcess } from '../support/processes.js';

const TAKE_OVER_MS_MAX = 10_000;
/** Long enough for another broker to become the leader. */
const SILENCE_MS = 8_000;
const IDS = [1, 2, 3];

let brokers: KafkaBrokers;
let admin: Admin;
let log: RelayedLog;
let processes: TestProcess[];

async function relayProcess(url = log.database.url): Promise<TestProcess> {
  const { topic, source, settings } = log;
  const options = JSON.stringify({ url, brokers: brokers.addresses, topic, source, settings });
  const started = await startProcess(['test/kafka/relay-process.spec-support.mjs', options]);
  processes.push(started);
  return started;
}

/** Of partition 0. */
async function leader(): Promise<number> {
  const { topics } = await admin.fetchTopicMetadata({ topics: [log.topic] });
  return topics[0]!.partitions.find(({ partitionId }) => partitionId === 0)!.leader;
}

/** How long it takes until what is appended now is published. */
async function takeOverMs(): Promise<number> {
  const began = performance.now();
  await log.published();
  return performance.now() - began;
}

describeWithOwnKafka('the relay', () => {
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
    await log.append(30, 10);
  });
  afterEach(async () => {
    await Promise.all(processes.map((one) => one.stop('SIGKILL')));
    await log.close();
  });

  it('loses and reorders nothing when a leader is killed and started again in mid-stream', async () => {
    log.relay();
    await log.published();
    const writing = log.startWriting();
    await delay(500);
    const killed = await leader();
    await brokers.kill(killed);
    await delay(5_000);
    await brokers.start(killed);
    await delay(1_000);
    await writing.stop();
    expect(await log.differences()).toEqual([]);
  }, 60_000);

  it('loses and reorders nothing when a leader is silent for a while, its connections open', async () => {
    log.relay();
    await log.published();
    const writing = log.startWriting();
    await delay(300);
    const silent = brokers.pid(await leader())!;
    process.kill(silent, 'SIGSTOP');
    await delay(SILENCE_MS);
    process.kill(silent, 'SIGCONT');
    await writing.stop();
    expect(await log.differences()).toEqual([]);
  }, 60_000);

  it('goes on by itself when all brokers were killed and come back', async () => {
    log.relay();
    await log.published();
    const writing = log.startWriting();
    await delay(500);
    await Promise.all(IDS.map((id) => brokers.kill(id)));
    await delay(3_000);
    await writing.stop();
    await Promise.all(IDS.map((id) => brokers.start(id)));
    expect(await log.differences()).toEqual([]);
  }, 60_000);

  it('is killed while it publishes a page, again and again, and another goes on from there', async () => {
    const writing = log.startWriting();
    for (let kills = 0; kills < 3; kills++) {
      const running = await relayProcess();
      await running.waitFor(/published[^]*publishing/);
      await delay(kills * 5);
      await running.stop('SIGKILL');
    }
    await writing.stop();
    log.relay();
    expect(await log.differences()).toEqual([]);
  }, 60_000);

  it('is paused, and within ten seconds another has taken over; when it wakes up it begins no page', async () => {
    const writing = log.startWriting();
    const paused = await relayProcess();
    await paused.waitFor(/published[^]*publishing/);
    process.kill(paused.pid, 'SIGSTOP');
    const waiting = await relayProcess();
    await writing.stop();
    expect(await takeOverMs()).toBeLessThan(TAKE_OVER_MS_MAX);
    const before = paused.output().length;
    process.kill(paused.pid, 'SIGCONT');
    const told = paused.waitFor(/waiting at \d+: \S/);
    await log.append(30, 2);
    await told;
    expect(await log.differences()).toEqual([]);
    expect(paused.output().slice(before)).not.toMatch(/^publishing/m);
    expect(waiting.output()).toMatch(/live at/);
  }, 60_000);

  it('is cut off from the database by a silent network, and within ten seconds another has taken over', async () => {
    const proxy = await CuttingProxy.start(log.database.url);
    const pool = createPool(proxy.url, { max: 4, applicationName: 'behind the proxy' });
    const cutOff = log.relay({ pool, store: createEventStore({ pool, catalogues: [] }) });
    try {
      await log.published();
      log.relay();
      const writing = log.startWriting();
      await delay(300);
      proxy.hold();
      await writing.stop();
      expect(await takeOverMs()).toBeLessThan(TAKE_OVER_MS_MAX);
      proxy.release();
      expect(await log.differences()).toEqual([]);
    } finally {
      proxy.release();
      await cutOff.stop();
      await pool.end();
      await proxy.stop();
    }
  }, 60_000);

  it('makes a deleted topic again and goes on; the chains tell what is gone with it', async () => {
    log.relay();
    await log.published();
    const writing = log.startWriting();
    await delay(300);
    await admin.deleteTopics({ topics: [log.topic] });
    await delay(3_000);
    await writing.stop();
    await log.published();
    const content = await log.content();
    const first = Math.min(...content.map(({ headers }) => Number(headers['position'])));
    expect(first).toBeGreaterThan(300);
    for (let partition = 0; partition < 6; partition++) {
      const { headers } = content.find((one) => one.partition === partition)!;
      expect(Number(headers['previous'])).toBeGreaterThan(0);
      expect(Number(headers['previous'])).toBeLessThan(first);
    }
    expect(await log.differences({ gone: first - 1 })).toEqual([]);
  }, 60_000);

  it('begins a new epoch when the topic gets more partitions while it publishes, and loses nothing', async () => {
    log.relay();
    await log.published();
    const writing = log.startWriting();
    await admin.createPartitions({ topicPartitions: [{ topic: log.topic, count: 9 }] });
    await delay(11_000);
    await writing.stop();
    expect(await log.differences()).toEqual([]);
    const { rows } = await log.database.pool.query('SELECT epoch, partitions FROM relay.epoch ORDER BY epoch');
    expect(rows).toEqual([
      { epoch: 1, partitions: 6 },
      { epoch: 2, partitions: 9 },
    ]);
  }, 60_000);
});
