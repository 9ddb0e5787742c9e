/** Messages that could not be taken, copied as they came with the reason beside them: topic `<topic>.dlq`. */
import type { IncomingMessage, TopicSettings, Transport } from '#kafka';

/** Few and for people: one partition, kept for as long as the broker is told to keep topics. */
export const DEAD_LETTERS: TopicSettings = { partitions: 1 };

export function deadLetterTopic(topic: string): string {
  return `${topic}.dlq`;
}

type Why = { readonly code: string; readonly reason: string; readonly by: string };

export async function copyToDeadLetters(
  transport: Transport,
  topic: string,
  { key, value, headers, partition, offset }: IncomingMessage,
  { code, reason, by }: Why,
): Promise<void> {
  const place = { 'dlq-topic': topic, 'dlq-partition': String(partition), 'dlq-offset': String(offset) };
  const why = { 'dlq-code': code, 'dlq-reason': reason, 'dlq-by': by };
  await transport.send(deadLetterTopic(topic), [{ key: key ?? '', value, headers: { ...headers, ...place, ...why } }]);
}
