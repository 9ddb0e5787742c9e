/**
 * A stretch of one partition, read once. KafkaJS reads as a member of a group only, so this is a group of its own that
 * commits nothing and is deleted afterwards.
 */
import { randomUUID } from 'node:crypto';
import type { Admin, Consumer, ConsumerRunConfig, Kafka } from 'kafkajs';
import { incoming } from './kafka-consumption.js';
import type { IncomingMessage } from './transport.js';

export type Stretch = {
  readonly topic: string;
  readonly partition: number;
  readonly from: bigint;
  readonly to: bigint;
};
type Take = (messages: readonly IncomingMessage[]) => void;

const READ_MS_MAX = 30_000;
const FETCH_BYTES_MAX = 2 * 1024 * 1024;

/** Throws what KafkaJS throws, and an Error when it takes too long. */
export async function readStretch(kafka: Kafka, admin: Admin, stretch: Stretch, take: Take): Promise<void> {
  const groupId = `kerbtrail.read.${randomUUID()}`;
  const consumer = kafka.consumer({
    groupId,
    readUncommitted: false,
    allowAutoTopicCreation: false,
    maxBytesPerPartition: FETCH_BYTES_MAX,
  });
  await consumer.connect();
  try {
    await consumer.subscribe({ topic: stretch.topic });
    await readThrough(consumer, stretch, take);
  } finally {
    await consumer.disconnect();
    await admin.deleteGroups([groupId]).catch(() => {}); // an empty group expires by itself
  }
}

function readThrough(consumer: Consumer, { topic, partition, from, to }: Stretch, take: Take): Promise<void> {
  return new Promise((done, fail) => {
    const timer = setTimeout(
      () => fail(new Error(`partition ${partition} was not read up to offset ${to} in ${READ_MS_MAX} ms`)),
      READ_MS_MAX,
    );
    const end = (error?: unknown): void => {
      clearTimeout(timer);
      if (error) fail(error instanceof Error ? error : new Error(String(error)));
      else done();
    };
    consumer.on(consumer.events.GROUP_JOIN, () => consumer.seek({ topic, partition, offset: String(from) }));
    consumer.on(consumer.events.CRASH, ({ payload }) => end(payload.error));
    const run: ConsumerRunConfig = {
      autoCommit: false,
      eachBatch: async ({ batch, isStale }) => {
        if (batch.partition !== partition || isStale()) return;
        const wanted = batch.messages.filter(({ offset }) => BigInt(offset) >= from && BigInt(offset) <= to);
        take(wanted.map((message) => incoming(partition, message)));
        const last = BigInt(batch.lastOffset());
        if (last >= to || last + 1n >= BigInt(batch.highWatermark)) end();
      },
    };
    consumer.run(run).catch(end);
  });
}
