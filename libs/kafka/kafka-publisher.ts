/**
 * Messages to a topic through a KafkaJS producer, and what has to be done so that none is lost on the way: requests that a
 * broker can take, and a look at what was acknowledged, because KafkaJS 2.2.4 resolves a send without having sent what belongs
 * to a partition that it does not know yet, or whose leader moved to a broker that had answered before.
 */
import type { Message, Producer, ProducerRecord, RecordMetadata } from 'kafkajs';
import { BrokerUnavailable, type OutgoingMessage, type Publisher, PublisherFenced } from './transport.js';

/** KafkaJS is bound by CPU; more in one request makes it slower (docs/performance.md). */
const MESSAGES_PER_REQUEST = 500;
/** A broker takes 1 MiB for a partition unless told otherwise (`max.message.bytes`); a message alone may be larger. */
const BYTES_PER_REQUEST = 900 * 1024;
/** Of a message beside its texts, and of each header. */
const FRAME_BYTES = 80;
const FENCED = new Set([
  'INVALID_PRODUCER_EPOCH',
  'PRODUCER_FENCED',
  'INVALID_TRANSACTION_STATE',
  'INVALID_PRODUCER_ID_MAPPING',
]);

export type PlacedMessage = Omit<OutgoingMessage, 'value'> & { readonly value: string | Buffer | null };

/** Begins under the id: KafkaJS takes it with the first transaction, not when it connects. Throws what KafkaJS throws. */
export async function openPublisher(producer: Producer, id: string): Promise<Publisher> {
  try {
    await producer.connect();
    await (await producer.transaction()).abort();
  } catch (error) {
    await producer.disconnect();
    throw error;
  }
  return new KafkaPublisher(producer, id);
}

class KafkaPublisher implements Publisher {
  constructor(
    private readonly producer: Producer,
    private readonly id: string,
  ) {}

  async publish(topic: string, messages: Iterable<OutgoingMessage>): Promise<void> {
    try {
      const transaction = await this.producer.transaction();
      try {
        await sendAll(transaction, topic, messages);
        await transaction.commit();
      } catch (error) {
        await transaction.abort().catch(() => {}); // the first error is the cause; the broker aborts what is left open
        throw error;
      }
    } catch (cause) {
      if (isFenced(cause)) throw new PublisherFenced(this.id, cause);
      throw new BrokerUnavailable('take the messages', cause);
    }
  }

  close(): Promise<void> {
    return this.producer.disconnect();
  }
}

type Sender = { send(record: ProducerRecord): Promise<RecordMetadata[]> };

/** In order. Throws when one of them was not acknowledged; the sender's sequence numbers are then not to be trusted. */
export async function sendAll(sender: Sender, topic: string, messages: Iterable<PlacedMessage>): Promise<void> {
  for (const part of requests(messages)) {
    const acknowledged = new Set(
      (await sender.send({ topic, acks: -1, messages: part as readonly Message[] as Message[] })).map(
        ({ partition }) => partition,
      ),
    );
    const left = part.find(({ partition }) => !acknowledged.has(partition));
    if (left) throw new Error(`partition ${left.partition} of ${topic} did not acknowledge its messages`);
  }
}

function* requests(messages: Iterable<PlacedMessage>): Generator<readonly PlacedMessage[]> {
  let part: PlacedMessage[] = [];
  let bytes = 0;
  for (const message of messages) {
    const size = bytesOf(message);
    if (part.length === MESSAGES_PER_REQUEST || (part.length > 0 && bytes + size > BYTES_PER_REQUEST)) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(message);
    bytes += size;
  }
  if (part.length > 0) yield part;
}

function bytesOf({ key, value, headers }: PlacedMessage): number {
  let bytes = FRAME_BYTES + Buffer.byteLength(key) + (value === null ? 0 : Buffer.byteLength(value));
  for (const name in headers) bytes += name.length + Buffer.byteLength(headers[name]!) + 4;
  return bytes;
}

function isFenced(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = (cause as Error & { cause?: unknown }).cause) {
    if (FENCED.has((cause as { type?: string }).type ?? '')) return true;
  }
  return false;
}
