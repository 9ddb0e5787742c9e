/** Messages that could not be taken, copied as they came with the reason beside them. */
import {
  deadLetterHeaders,
  deadLetterTopic,
  type DeadLetterWhy,
  type IncomingMessage,
  type TopicSettings,
  type Transport,
} from '#kafka';

/** Few and for people: one partition, kept for as long as the broker is told to keep topics. */
export const DEAD_LETTERS: TopicSettings = { partitions: 1 };

export async function copyToDeadLetters(
  transport: Transport,
  topic: string,
  message: IncomingMessage,
  why: DeadLetterWhy,
): Promise<void> {
  const { key, value, headers } = message;
  const copy = { key: key ?? '', value, headers: { ...headers, ...deadLetterHeaders(topic, message, why) } };
  await transport.send(deadLetterTopic(topic), [copy]);
}
