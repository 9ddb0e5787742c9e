/** What the port promises (transport.ts), against a real broker. Whatever stands behind the port has to pass this. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { Kafka, logLevel } from 'kafkajs';
import { describeWithKafka, type Kafka as Brokers, openKafka } from '../../test/support/kafka-brokers.js';
import { connectKafka } from './kafka-transport.js';
import { partitionOf } from './partition-of.js';
import {
  BrokerUnavailable,
  type ConsumeOptions,
  type Consumption,
  type IncomingMessage,
  type OutgoingMessage,
  PublisherFenced,
  type Transport,
} from './transport.js';

const WAIT_MS = 30_000;
const ONE = { partitions: 1, replicas: 1 };
const TWO = { partitions: 2, replicas: 1 };

let brokers: Brokers;
let transport: Transport;
let topic: string;
let id: string;
let consumptions: Consumption[];

beforeAll(async () => {
  brokers = await openKafka();
}, 400_000);
afterAll(() => brokers?.stop());
beforeEach(async () => {
  transport = await connectKafka({ brokers: brokers.addresses, clientId: 'contract' });
  [topic, id] = [`contract-${randomUUID()}`, randomUUID()];
  consumptions = [];
});
afterEach(async () => {
  await Promise.all(consumptions.map((one) => one.stop()));
  await transport.close();
});

function messages(count: number, { partition = 0, value = 'ä', from = 0 } = {}): OutgoingMessage[] {
  return Array.from({ length: count }, (_, n) => ({
    partition,
    key: `k${from + n}`,
    value: JSON.stringify({ n: from + n, value }),
    headers: { position: String(from + n), name: 'größer' },
  }));
}

/** Publishes under a new publisher. */
async function publish(page: readonly OutgoingMessage[]): Promise<void> {
  const publisher = await transport.publisher(id);
  await publisher.publish(topic, page).finally(() => publisher.close());
}

type Member = { readonly consumption: Consumption; readonly given: IncomingMessage[]; assigned: readonly number[] };

async function consume(over: Partial<ConsumeOptions> = {}): Promise<Member> {
  const given: IncomingMessage[] = [];
  const member = { given, assigned: [] as readonly number[] };
  const consumption = await transport.consume({
    group: randomUUID(),
    topic,
    from: async () => null,
    handle: async (_partition, page) => void given.push(...page),
    onAssigned: (partitions) => (member.assigned = partitions),
    ...over,
  });
  consumptions.push(consumption);
  return Object.assign(member, { consumption });
}

async function until(what: () => boolean): Promise<void> {
  for (const deadline = Date.now() + WAIT_MS; !what(); await delay(20)) {
    if (Date.now() > deadline) throw new Error(`not in ${WAIT_MS} ms: ${what}`);
  }
}

const keys = (given: readonly IncomingMessage[]): (string | null)[] => given.map(({ key }) => key);

describeWithKafka('a transport', () => {
  it('makes a topic once, and tells its ends', async () => {
    expect(await transport.partitionEnds(topic)).toBeNull();
    expect(await transport.ensureTopic(topic, TWO)).toBe(2);
    expect(await transport.ensureTopic(topic, { partitions: 9, replicas: 1 })).toBe(2);
    await transport.send(topic, [{ key: 'a', value: 'x', headers: {} }]);
    const ends = await transport.partitionEnds(topic);
    const high = partitionOf('a', 2);
    expect(ends).toEqual([0, 1].map((partition) => ({ partition, low: 0n, high: partition === high ? 1n : 0n })));
  });

  it('publishes in order, texts and headers as they are, in requests that the broker takes', async () => {
    await transport.ensureTopic(topic, ONE);
    const page = [...messages(700), ...messages(40, { from: 700, value: 'x'.repeat(60_000) })];
    await publish(page);
    const { given } = await consume();
    await until(() => given.length === page.length);
    expect(given.map(({ key, value, headers }) => ({ partition: 0, key, value: String(value), headers }))).toEqual(
      page,
    );
  });

  it('publishes all of a page or nothing', async () => {
    await transport.ensureTopic(topic, ONE);
    const tooLarge = { partition: 0, key: 'huge', value: 'x'.repeat(2_000_000), headers: {} };
    await expect(publish([...messages(600), tooLarge])).rejects.toBeInstanceOf(BrokerUnavailable);
    await publish(messages(1, { from: 1_000 }));
    const { given } = await consume();
    await until(() => given.length > 0);
    expect(keys(given)).toEqual(['k1000']);
  });

  it('refuses a publisher from the moment on that another has begun under its id', async () => {
    await transport.ensureTopic(topic, ONE);
    const first = await transport.publisher(id);
    await first.publish(topic, messages(1));
    const second = await transport.publisher(id);
    await expect(first.publish(topic, messages(1, { from: 1 }))).rejects.toBeInstanceOf(PublisherFenced);
    await second.publish(topic, messages(1, { from: 2 }));
    await Promise.all([first.close(), second.close()]);
    const { given } = await consume();
    await until(() => given.length === 2);
    expect(keys(given)).toEqual(['k0', 'k2']);
  });

  it('never takes for published what was not: a partition that it has not heard of', async () => {
    await transport.ensureTopic(topic, ONE);
    const publisher = await transport.publisher(id);
    await publisher.publish(topic, messages(1));
    const admin = new Kafka({ brokers: [...brokers.addresses], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    await admin.createPartitions({ topicPartitions: [{ topic, count: 2 }] });
    await admin.disconnect();
    const page = messages(1, { partition: 1, from: 1 });
    await publisher.publish(topic, page).catch(() => publish(page)); // may throw; must not say that it did what it did not
    await publisher.close();
    const { given } = await consume();
    await until(() => given.length === 2);
    expect(new Set(keys(given))).toEqual(new Set(['k0', 'k1']));
  });

  it('sends each message to the partition of its key, without a value too', async () => {
    await transport.ensureTopic(topic, TWO);
    const sent = Array.from({ length: 20 }, (_, n) => ({ key: `k${n}`, value: n === 3 ? null : 'v', headers: {} }));
    await Promise.all([transport.send(topic, sent.slice(0, 10)), transport.send(topic, sent.slice(10))]);
    const { given } = await consume();
    await until(() => given.length === 20);
    for (const { key, partition } of given) expect(partition).toBe(partitionOf(key!, 2));
    expect(given.filter(({ value }) => value === null).map(({ key }) => key)).toEqual(['k3']);
    await expect(transport.send('no-such-topic', sent)).rejects.toBeInstanceOf(BrokerUnavailable);
  });

  it('gives a member what comes from its own offset on', async () => {
    await transport.ensureTopic(topic, ONE);
    await publish(messages(10));
    const { given } = await consume({ from: async () => 4n });
    await until(() => given.length === 6);
    expect(given[0]).toMatchObject({ key: 'k4', offset: 4n });
  });

  it('gives the same messages again when they could not be handled', async () => {
    await transport.ensureTopic(topic, ONE);
    await publish(messages(3));
    const tried: (string | null)[][] = [];
    await consume({
      handle: async (_partition, page) => {
        tried.push(keys(page));
        if (tried.length === 1) throw new Error('not yet');
      },
    });
    await until(() => tried.length === 2);
    expect(tried[1]).toEqual(tried[0]);
  });

  it('gives nothing of a paused partition until it is resumed, and all of the others', async () => {
    await transport.ensureTopic(topic, TWO);
    await publish([...messages(1), ...messages(1, { partition: 1, from: 1 })]);
    const { given, consumption } = await consume();
    await until(() => given.length === 2);
    consumption.pause(0);
    await publish([...messages(1, { from: 2 }), ...messages(1, { partition: 1, from: 3 })]);
    await until(() => given.length === 3);
    expect(keys(given.slice(2))).toEqual(['k3']);
    consumption.resume(0);
    await until(() => given.length === 4);
    expect(keys(given.slice(3))).toEqual(['k2']);
  });

  it('shares partitions among the members of a group, and gives those of one that leaves to the others', async () => {
    await transport.ensureTopic(topic, TWO);
    const group = randomUUID();
    const [first, second] = [await consume({ group }), await consume({ group })];
    await until(() => first.assigned.length === 1 && second.assigned.length === 1);
    await second.consumption.stop();
    await until(() => first.assigned.length === 2);
    await publish([...messages(1), ...messages(1, { partition: 1, from: 1 })]);
    await until(() => first.given.length === 2);
    expect(second.given).toEqual([]);
  });

  it('reads a stretch of a partition, those that are still there', async () => {
    await transport.ensureTopic(topic, ONE);
    await publish(messages(10));
    const given: IncomingMessage[] = [];
    await transport.read(topic, 0, { from: 3n, to: 6n }, (page) => void given.push(...page));
    expect(keys(given)).toEqual(['k3', 'k4', 'k5', 'k6']);
  });
});
