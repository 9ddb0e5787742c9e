/**
 * `node kafkajs-producer.js BROKERS TOPIC OWN_TOPIC`: KafkaJS with nothing around it, the yardstick of the relay. It sends the
 * very messages that the relay has put into a topic, in the log's order, to the same partitions, in the batches that suit it best.
 */
import { randomUUID } from 'node:crypto';
import { Kafka, logLevel, type Message } from 'kafkajs';
import { serve } from '../log/contender.js';
import { measureRun } from '../log/measure.js';

const BATCH = 500;

const [brokers = '', topic = '', ownTopic = ''] = process.argv.slice(2);
const kafka = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.ERROR });
const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1, allowAutoTopicCreation: false });
await producer.connect();
let messages: Message[] = [];

/** As a program would hand them over: texts. */
async function load(count: number): Promise<number> {
  const consumer = kafka.consumer({ groupId: randomUUID() });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const seen: Message[] = [];
  await new Promise<void>((done, fail) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => fail(payload.error));
    const eachBatch = async ({ batch }: { batch: { partition: number; messages: readonly Message[] } }) => {
      for (const { key, value, headers } of batch.messages) {
        const texts = Object.entries(headers ?? {}).map(([name, text]) => [name, String(text)]);
        const { partition } = batch;
        seen.push({ partition, key: String(key), value: String(value), headers: Object.fromEntries(texts) });
      }
      if (seen.length >= count) done();
    };
    consumer.run({ eachBatch }).catch(fail);
  });
  await consumer.disconnect();
  messages = seen.toSorted((a, b) => positionOf(a) - positionOf(b)).slice(0, count);
  return count;
}

function positionOf({ headers }: Message): number {
  return Number(headers!['position']);
}

async function send(): Promise<number> {
  for (let from = 0; from < messages.length; from += BATCH) {
    await producer.send({ topic: ownTopic, acks: -1, messages: messages.slice(from, from + BATCH) });
  }
  return messages.length;
}

serve({
  load: ({ count }) => measureRun(() => load(count)),
  send: () => measureRun(send),
});
