/**
 * Kafka for suites: the brokers that KAFKA_BROKERS names, else brokers of their own (tools/cluster). Where there are none to
 * be had, suites are not run and say so in their name; where CI is set, that is a failure.
 */
import { describe } from '@jest/globals';
import { type KafkaBrokers, startKafkaBrokers } from '../../tools/cluster/kafka-brokers.js';
import { findKafkaProgram, KafkaUnavailable } from '../../tools/cluster/kafka-program.js';

export { type KafkaBrokers, startKafkaBrokers };

export type Kafka = Pick<KafkaBrokers, 'addresses' | 'stop'>;

const given = process.env['KAFKA_BROKERS']?.split(',');

/** A suite that needs some broker (`openKafka`). Its topics and groups must be its own: others may use the broker too. */
export function describeWithKafka(title: string, suite: () => void): void {
  describeUnless(given ? undefined : missing(), title, suite);
}

/** A suite that kills brokers, or needs three of them (`startKafkaBrokers`): never those of KAFKA_BROKERS. */
export function describeWithOwnKafka(title: string, suite: () => void): void {
  describeUnless(missing(), title, suite);
}

export async function openKafka(): Promise<Kafka> {
  return given ? { addresses: given, stop: async () => {} } : startKafkaBrokers();
}

function describeUnless(reason: string | undefined, title: string, suite: () => void): void {
  const name = reason === undefined ? title : `${title} [not run: ${reason}]`;
  const mayBeLeftOut = reason !== undefined && process.env['CI'] !== 'true';
  const group = mayBeLeftOut ? describe.skip : describe;
  group(name, suite);
}

function missing(): string | undefined {
  try {
    findKafkaProgram();
    return undefined;
  } catch (error) {
    if (error instanceof KafkaUnavailable) return error.message;
    throw error;
  }
}
