/** The brokers that other suites rest on: real ones, which keep what they acknowledged through a SIGKILL. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Kafka, logLevel } from 'kafkajs';
import { describeWithOwnKafka, type KafkaBrokers, startKafkaBrokers } from './kafka-brokers.js';

let brokers: KafkaBrokers;
beforeAll(async () => {
  brokers = await startKafkaBrokers();
}, 400_000);
afterAll(() => brokers?.stop());

describeWithOwnKafka('a test broker', () => {
  it('keeps what it acknowledged when it is killed and started again', async () => {
    const kafka = new Kafka({ brokers: [...brokers.addresses], logLevel: logLevel.NOTHING, retry: { retries: 20 } });
    const admin = kafka.admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: 'kept', numPartitions: 1 }] });
    const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    await producer.send({ topic: 'kept', acks: -1, messages: [{ value: 'a' }, { value: 'b' }] });
    await producer.disconnect();
    await brokers.kill(1);
    await brokers.start(1);
    expect((await admin.fetchTopicOffsets('kept'))[0]).toMatchObject({ low: '0', high: '2' });
    await admin.disconnect();
  });
});
