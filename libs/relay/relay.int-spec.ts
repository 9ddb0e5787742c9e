/** The relay against a real broker and a real log: what is in the topic is what is in the log, whatever happens between. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { Kafka, logLevel } from 'kafkajs';
import { type Publisher, PublisherFenced } from '#kafka';
import { describeWithKafka, type Kafka as Brokers, openKafka } from '../../test/support/kafka-brokers.js';
import type { Relay } from './relay.js';
import { RelayedLog } from './relayed-log.spec-support.js';

let brokers: Brokers;
let log: RelayedLog;

beforeAll(async () => {
  brokers = await openKafka();
}, 400_000);
afterAll(() => brokers?.stop());
beforeEach(async () => {
  log = await RelayedLog.open(brokers.addresses, { partitions: 3, replicas: 1 });
});
afterEach(() => log.close());

/** A relay whose publishing is done by `publish`. */
function relayThrough(publish: (real: Publisher, ...given: Parameters<Publisher['publish']>) => Promise<void>): Relay {
  const { transport } = log;
  return log.relay({
    transport: {
      ensureTopic: (...args) => transport.ensureTopic(...args),
      publisher: async (id) => {
        const real = await transport.publisher(id);
        return { publish: (...given) => publish(real, ...given), close: () => real.close() };
      },
    },
  });
}

async function givePartitions(count: number): Promise<void> {
  const admin = new Kafka({ brokers: [...brokers.addresses], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  await admin.createPartitions({ topicPartitions: [{ topic: log.topic, count }] });
  await admin.disconnect();
}

describeWithKafka('the relay', () => {
  it('publishes every event of the log, in order per stream, each naming the position before it in its partition', async () => {
    await log.append(40, 25);
    log.relay();
    await log.published();
    await log.append(40, 3);
    expect(await log.differences()).toEqual([]);
    expect(await log.content()).toHaveLength(await log.store.head());
  });

  it('publishes again what was published but not counted, with the same chain, and nothing is lost', async () => {
    await log.append(20, 10);
    let lost = 0;
    relayThrough(async (real, topic, messages) => {
      await real.publish(topic, messages);
      if (lost++ < 2) throw Object.assign(new Error('the answer was lost'), { mayPass: true });
    });
    await log.published();
    expect(lost).toBeGreaterThan(2);
    expect((await log.content()).length).toBeGreaterThan(200);
    expect(await log.differences()).toEqual([]);
  });

  it('is one of several: when it hangs it is cut off, another takes over in ten seconds, and what it still sends is refused', async () => {
    await log.append(10, 10);
    let hang = false;
    let goOn = (): void => {};
    const wentOn = new Promise<void>((resolve) => (goOn = resolve));
    let lateAnswer: Promise<unknown> = Promise.resolve();
    const hanging = relayThrough(async (real, topic, messages) => {
      if (!hang) return real.publish(topic, messages);
      await wentOn;
      const late = real.publish(topic, messages);
      lateAnswer = late.then(
        () => 'published',
        (error: unknown) => error,
      );
      return late;
    });
    await log.published();
    hang = true;
    log.relay();
    const began = Date.now();
    await log.append(10, 5);
    await log.published();
    expect(Date.now() - began).toBeLessThan(10_000);
    goOn();
    await hanging.stop();
    expect(await lateAnswer).toBeInstanceOf(PublisherFenced);
    expect(await log.differences()).toEqual([]);
    expect(await log.content()).toHaveLength(await log.store.head());
  });

  it('hands over at once when it is stopped', async () => {
    await log.append(10, 10);
    const first = log.relay();
    await log.published();
    log.relay();
    await first.stop();
    await log.append(10, 5);
    expect(await log.differences()).toEqual([]);
  });

  it('takes events of any size that the log takes: a broker has a limit for what comes at once', async () => {
    for (let n = 0; n < 3; n++) await log.append(2, 9, { name: 'x'.repeat(55_000) });
    log.relay();
    expect(await log.differences()).toEqual([]);
  });

  it('begins a new epoch when the topic gets more partitions, and the chains of those there were go on', async () => {
    await log.append(12, 4);
    const first = log.relay();
    await log.published();
    await first.stop();
    await givePartitions(7);
    await log.append(12, 4);
    log.relay();
    expect(await log.differences()).toEqual([]);
    const content = await log.content();
    const later = content.filter(({ headers }) => headers['epoch'] === '2');
    expect(new Set(later.map(({ partition }) => partition)).size).toBe(7);
    const firstOfOld = later.find(({ partition }) => partition === 0)!;
    const lastBefore = content.findLast(({ partition, headers }) => partition === 0 && headers['epoch'] === '1')!;
    expect(firstOfOld.headers['previous']).toBe(lastBefore.headers['position']);
    const { rows } = await log.database.pool.query(
      'SELECT epoch, partitions, after_position FROM relay.epoch ORDER BY epoch',
    );
    expect(rows).toEqual([
      { epoch: 1, partitions: 3, after_position: 0 },
      { epoch: 2, partitions: 7, after_position: 48 },
    ]);
  });
});
