/**
 * Raw letters that an operator wants tried again: the message is read anew where it lies, after the messages before it, as
 * after a restart. What is there already stays once; the letter is closed, or open again with the new reason.
 */
import type { Pool } from 'pg';
import type { IncomingMessage, Transport } from '#kafka';
import { closeDeadLetter, lettersToRetry, openDeadLetter } from '#operations';
import type { RawLog } from './raw-append.js';
import { LOOK_BACK, RawPartition } from './raw-partition.js';
import type { ReadMessage, Refusal } from './raw-reader.js';

export type LetterPorts = {
  readonly transport: Transport;
  readonly pool: Pool;
  readonly topic: string;
  readonly rawLog: RawLog;
};

/** A few at a time; the rest is looked at again in a second. */
const LETTERS_MAX = 20;

const GONE: Refusal = {
  code: 'RAW_GONE',
  reason: 'the message is no longer in the topic: its copy in the .dlq topic can be sent again',
};

/** `mine`: the partitions that this process reads; another one takes the letters of the others. */
export async function retryLetters(ports: LetterPorts, mine: ReadonlyMap<number, RawPartition>): Promise<void> {
  const { pool, topic } = ports;
  for (const { id, partition, offset } of await lettersToRetry(pool, topic, LETTERS_MAX)) {
    const own = mine.get(partition);
    if (!own) continue;
    const refusal = await readAgain(ports, own, partition, offset);
    if (refusal) await openDeadLetter(pool, { kind: 'raw', topic, partition, offset, ...refusal });
    else await closeDeadLetter(pool, id);
  }
}

async function readAgain(
  { transport, topic, rawLog }: LetterPorts,
  own: RawPartition,
  partition: number,
  offset: bigint,
): Promise<Refusal | undefined> {
  const ends = (await transport.partitionEnds(topic))?.find((one) => one.partition === partition);
  if (!ends || offset < ends.low || offset >= ends.high) return GONE;
  const from = offset - LOOK_BACK > ends.low ? offset - LOOK_BACK : ends.low;
  const around = new RawPartition(offset, from, own.reader.forests); // named since then, maybe
  let read: readonly ReadMessage[] = [];
  const take = (messages: readonly IncomingMessage[]): void => {
    read = around.take(messages);
  };
  await transport.read(topic, partition, { from, to: offset }, take);
  if (read.length === 0) return GONE;
  return (await rawLog.append(read)).find(({ refusal }) => refusal)?.refusal;
}
