/** From an event's commit to its row in each read model, at a steady rate: through relay, broker and consumers, and from the log. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { connectKafka } from '#kafka';
import { projections } from '#projections';
import { withBenchDatabase } from '../bench-database.js';
import { type Site, startProcess, topicOf } from './site.js';

const EVENTS_PER_SECOND = 2_000;
const FORESTS = 24;
const PARTITIONS = 6;
const SPARE_MS = 15_000;

export async function measureLatency(site: Site): Promise<void> {
  const seconds = site.isQuick ? 10 : 25;
  for (const feed of ['kafka', 'log'] as const) {
    await withBenchDatabase(async (url) => {
      console.log(feed === 'kafka' ? '\nthrough Kafka' : '\nbeside it, fed from the log');
      await (feed === 'kafka' ? throughKafka(site, url, seconds) : fromLog(site, url, seconds));
    });
  }
}

async function throughKafka(site: Site, url: string, seconds: number): Promise<void> {
  const topic = `${topicOf('latency')}-0`;
  const brokers = site.brokers.join(',');
  const transport = await connectKafka({ brokers: site.brokers, clientId: 'bench' });
  await transport.ensureTopic(topic, { partitions: PARTITIONS, replicas: 1 });
  await transport.close();
  const relay = await startProcess('relay', 'relay-process', [url, brokers, topicOf('latency'), String(PARTITIONS)]);
  const projectors = await startProjectors(site, url, topic);
  const load = { callers: 1, forMs: seconds * 1_000 + SPARE_MS, count: 0 };
  const following = relay.run('follow', load);
  await offer(url, seconds);
  await following;
  for (const one of [projectors, relay]) await one.stop();
}

async function fromLog(site: Site, url: string, seconds: number): Promise<void> {
  const projectors = await startProjectors(site, url, '-');
  await offer(url, seconds);
  await projectors.stop();
}

async function startProjectors({ brokers }: Site, url: string, topic: string) {
  const names = projections.map(({ name }) => name);
  const args = [url, brokers.join(','), topic, String(PARTITIONS), ...names];
  const started = await startProcess('projectors', 'projector-process', args);
  await started.run('join', { callers: 1, forMs: 0, count: 0 });
  return started;
}

async function offer(url: string, seconds: number): Promise<void> {
  const script = fileURLToPath(new URL('../paced-load.js', import.meta.url));
  const args = [script, url, String(seconds), String(EVENTS_PER_SECOND), String(FORESTS)];
  await once(spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] }), 'exit');
}
