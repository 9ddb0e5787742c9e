/**
 * From the log to Kafka: KafkaJS with nothing around it, Apache's producer and our relay with the same messages; then our relay
 * while the log is appended to as fast as it takes.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { connectKafka } from '#kafka';
import { createPool } from '#postgres';
import { relayProgress } from '#relay';
import { withBenchDatabase } from '../bench-database.js';
import { type Contender, type Load } from '../log/contender.js';
import { runApacheProducer } from './apache-producer.js';
import { count, printRuns, rateOf } from './report.js';
import { type Run, type Site, startProcess, topicOf, withBrokerCpu } from './site.js';

const PARTITIONS = 6;
const KAFKAJS = 'KafkaJS alone, batches of 500';
const APACHE = "Apache's Java producer";
const RELAY = 'our relay, from the log';
/** The relay is there before the first event is. */
const HEAD_START_MS = 500;

export async function measureRelay(site: Site): Promise<void> {
  const rounds = site.isQuick ? 3 : 5;
  const load: Load = { callers: 1, forMs: site.isQuick ? 5_000 : 15_000, count: site.isQuick ? 60_000 : 150_000 };
  await withBenchDatabase(async (url) => {
    const topic = topicOf('relay');
    const ownTopic = `${topic}-producers`;
    const brokers = site.brokers.join(',');
    const appender = await startProcess('appender', 'appender', [url]);
    const relay = await startProcess('relay', 'relay-process', [url, brokers, topic, String(PARTITIONS)]);
    await makeTopic(site, ownTopic);
    const kafkajs = await startProcess('KafkaJS', 'kafkajs-producer', [brokers, `${topic}-1`, ownTopic]);
    try {
      await appender.run('fill', load);
      await relay.run('publish', load);
      await kafkajs.run('load', load);
      await kafkajs.run('send', load);
      const cases = new Map<string, Run[]>([KAFKAJS, APACHE, RELAY].map((name) => [name, []]));
      for (let round = 1; round <= rounds; round++) {
        process.stderr.write(`relay, round ${round} of ${rounds}\n`);
        cases.get(KAFKAJS)!.push(await withBrokerCpu(site, () => kafkajs.run('send', load)));
        const apache = await runApacheProducer(site.brokers, `${topic}-1`, ownTopic, load.count);
        if ('missing' in apache) process.stderr.write(`${APACHE} was not measured: ${apache.missing}\n`);
        else cases.get(APACHE)!.push(apache);
        cases.get(RELAY)!.push(await withBrokerCpu(site, () => relay.run('publish', load)));
      }
      printRuns(`to one broker, ${PARTITIONS} partitions, medians of ${rounds} rounds`, cases, KAFKAJS);
      await keepPace(url, relay, appender, load);
    } finally {
      for (const one of [appender, relay, kafkajs]) await one.stop();
    }
  });
}

async function keepPace(url: string, relay: Contender, appender: Contender, load: Load): Promise<void> {
  const alone = await appender.run('append', { ...load, forMs: load.forMs / 3 });
  await relay.run('follow', { ...load, forMs: 0 });
  const pool = createPool(url, { max: 1, applicationName: 'bench' });
  const following = relay.run('follow', { ...load, forMs: load.forMs + HEAD_START_MS });
  await delay(HEAD_START_MS);
  const { position: before } = await relayProgress(pool);
  const appended = await appender.run('append', load);
  const { lag, position } = await relayProgress(pool);
  const ended = performance.now();
  await following;
  const behindMs = performance.now() - ended;
  await pool.end();
  console.log(
    `\nboth at once: ${count(rateOf(appended))} events/s appended (${count(rateOf(alone))} with no relay), ` +
      `${count((position - before) / appended.seconds)} events/s relayed meanwhile; ` +
      `${count(lag)} events behind when the last was appended, all relayed ${Math.round(behindMs)} ms later`,
  );
}

async function makeTopic({ brokers }: Site, topic: string): Promise<void> {
  const transport = await connectKafka({ brokers, clientId: 'bench' });
  await transport.ensureTopic(topic, { partitions: PARTITIONS, replicas: 1 });
  await transport.close();
}
