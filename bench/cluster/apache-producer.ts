/** Apache's own producer (ApacheProducer.java) as a case of the run: a Java process for each round. */
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Measured } from '../log/measure.js';
import { findKafkaProgram, KafkaUnavailable } from '../../tools/cluster/kafka-program.js';

const SOURCE = resolve('bench/cluster/ApacheProducer.java');

/** Or why there is none: no Java, no compiler in it. */
export async function runApacheProducer(
  brokers: readonly string[],
  topic: string,
  ownTopic: string,
  count: number,
): Promise<Measured | { readonly missing: string }> {
  try {
    const args = [SOURCE, brokers.join(','), topic, ownTopic, String(count)];
    const child = findKafkaProgram().begin(tmpdir(), `apache-producer-${process.pid}`, args, false);
    const [said, complained] = await Promise.all([text(child.stdout!), text(child.stderr!), once(child, 'exit')]);
    const [events = NaN, seconds = NaN, cpuSeconds = NaN] = said.trim().split(' ').map(Number);
    if (!(seconds > 0)) return { missing: complained.trim().split('\n').at(0) ?? 'it said nothing' };
    return { events, handled: events, seconds, cpuSeconds };
  } catch (error) {
    if (error instanceof KafkaUnavailable) return { missing: error.message };
    throw error;
  }
}
