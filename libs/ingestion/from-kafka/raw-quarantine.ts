/**
 * Messages that were not read whole: a copy of each in the topic's `.dlq`, with the reason in its headers, then a dead letter that
 * says where it lies. The copy may come twice when the two are cut off from each other; the letter does not.
 */
import type { Pool } from 'pg';
import { deadLetterHeaders, deadLetterTopic, type IncomingMessage, type LooseMessage, type Transport } from '#kafka';
import { openDeadLetter } from '#operations';
import type { Refusal } from './raw-reader.js';

/** What is longer than this is copied by its beginning: the copy must fit into a topic with Kafka's own limit, 1 MiB. */
const WHOLE_BYTES_MAX = 900_000;
const HEAD_BYTES = 64 * 1024;
const HEADER_CHARACTERS_MAX = 16_384;
/** Headers and the rest of a copy, roughly and rarely. */
const COPY_BYTES = 20_000;

export type Refused = { readonly message: IncomingMessage; readonly refusal: Refusal };

/** Throws BrokerUnavailable, and what PostgreSQL throws. */
export async function quarantine(
  { transport, pool, topic }: { readonly transport: Transport; readonly pool: Pool; readonly topic: string },
  refused: readonly Refused[],
): Promise<void> {
  for (const part of parts(refused)) {
    await transport.send(
      deadLetterTopic(topic),
      part.map((one) => copyOf(topic, one)),
    );
    for (const { message, refusal } of part) {
      const { partition, offset } = message;
      await openDeadLetter(pool, { kind: 'raw', topic, partition, offset, ...refusal });
    }
  }
}

/** What is sent at once is one batch to the broker, which has the limit of one message. */
function parts(refused: readonly Refused[]): Refused[][] {
  const all: Refused[][] = [];
  let bytes = Infinity;
  for (const one of refused) {
    const copy = Math.min(one.message.value?.length ?? 0, WHOLE_BYTES_MAX) + COPY_BYTES;
    bytes += copy;
    if (bytes > WHOLE_BYTES_MAX + COPY_BYTES) {
      all.push([]);
      bytes = copy;
    }
    all.at(-1)!.push(one);
  }
  return all;
}

function copyOf(topic: string, { message, refusal }: Refused): LooseMessage {
  const { key, value, headers } = message;
  const bytes = value?.length ?? 0;
  const isCut = bytes > WHOLE_BYTES_MAX;
  return {
    key: key ?? '',
    value: isCut ? value!.subarray(0, HEAD_BYTES) : value,
    headers: {
      ...(size(headers) <= HEADER_CHARACTERS_MAX && headers),
      ...deadLetterHeaders(topic, message, { ...refusal, by: 'ingest' }),
      ...(isCut && { 'dlq-bytes': String(bytes) }),
    },
  };
}

function size(headers: Readonly<Record<string, string>>): number {
  return Object.entries(headers).reduce((sum, [name, text]) => sum + name.length + text.length, 0);
}
