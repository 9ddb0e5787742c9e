/**
 * `npm run bench:cluster [-- --quick] [--only relay|latency|projectors]`: from the log through one Kafka broker to the read models,
 * beside what KafkaJS and Apache's own producer do with the same messages. Every case is a process of its own; the cases of a
 * round follow each other, so that a shared machine's noise falls on all of them, and a ratio is taken within its round.
 * KAFKA_BROKERS and DATABASE_URL name servers instead of own ones.
 */
import { parseArgs } from 'node:util';
import { startKafkaBrokers } from '../tools/cluster/kafka-brokers.js';
import { measureLatency } from './cluster/latency.js';
import { measureProjectors } from './cluster/projectors.js';
import { measureRelay } from './cluster/relay.js';
import type { Site } from './cluster/site.js';

const { values: options } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, only: { type: 'string' } },
});
const parts = { relay: measureRelay, latency: measureLatency, projectors: measureProjectors };

const given = process.env['KAFKA_BROKERS']?.split(',');
const brokers = given ? undefined : await startKafkaBrokers();
const site: Site = {
  brokers: given ?? brokers!.addresses,
  brokerPid: brokers?.pid(1),
  isQuick: options.quick,
};
try {
  for (const [name, measure] of Object.entries(parts)) {
    if (options.only === undefined || options.only === name) await measure(site);
  }
} finally {
  await brokers?.stop();
}
