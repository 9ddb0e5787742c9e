/** How a message that could not be taken is put aside: a copy in the topic's own topic of dead letters, with where it lay and why. Pure. */
import type { IncomingMessage } from './transport.js';

export function deadLetterTopic(topic: string): string {
  return `${topic}.dlq`;
}

/** `reason`: never what the message holds. `by`: who could not take it. */
export type DeadLetterWhy = { readonly code: string; readonly reason: string; readonly by: string };

/** Headers of the copy, beside those that the message came with. */
export function deadLetterHeaders(
  topic: string,
  { partition, offset }: IncomingMessage,
  { code, reason, by }: DeadLetterWhy,
): Record<string, string> {
  return {
    'dlq-topic': topic,
    'dlq-partition': String(partition),
    'dlq-offset': String(offset),
    'dlq-code': code,
    'dlq-reason': reason,
    'dlq-by': by,
  };
}
