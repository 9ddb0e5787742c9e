/** From an event's commit to its row in each read model, at a steady rate: through relay, broker and consumers, and from the log. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { connectKafka } from '#kafka';
import { createEventStore } from '#event-store';
import { createPool } from '#postgres';
import { observeProjectors, projections } from '#projections';
import { withBenchDatabase } from '../bench-database.js';
import { itemOf, ticketIssued } from '../projection-events.js';
import { type Site, startProcess, topicOf } from './site.js';

/** The second: where nothing waits for a processor, so that what is left is the way itself. */
const RATES = [2_000, 300];
const FORESTS = 24;
const PARTITIONS = 6;
const SPARE_MS = 15_000;
/** Through relay, broker and projectors before anything is measured; other events than those of the load. */
const WARM_UP_EVENTS = 1_000;
const WARM_UP_FROM = 10_000_000;
const WARM_UP_TIMEOUT_MS = 60_000;

type Offered = { readonly seconds: number; readonly rate: number };

export async function measureLatency(site: Site): Promise<void> {
  const seconds = site.isQuick ? 8 : 25;
  for (const [n, rate] of RATES.entries()) {
    const load = { seconds, rate };
    await withBenchDatabase(async (url) => {
      console.log(`\nthrough Kafka, ${PARTITIONS} partitions`);
      await throughKafka(site, url, `${topicOf('latency')}-${n}`, load);
    });
    await withBenchDatabase(async (url) => {
      console.log('\nbeside it, fed from the log');
      await fromLog(site, url, load);
    });
  }
}

async function throughKafka(site: Site, url: string, name: string, load: Offered): Promise<void> {
  const topic = `${name}-0`;
  const brokers = site.brokers.join(',');
  const transport = await connectKafka({ brokers: site.brokers, clientId: 'bench' });
  await transport.ensureTopic(topic, { partitions: PARTITIONS, replicas: 1 });
  await transport.close();
  const relay = await startProcess('relay', 'relay-process', [url, brokers, name, String(PARTITIONS)]);
  const projectors = await startProjectors(site, url, topic);
  const forMs = load.seconds * 1_000 + SPARE_MS;
  const following = relay.run('follow', { callers: 1, forMs, count: 0 });
  await warmUp(url);
  await offer(url, load);
  await following;
  for (const one of [projectors, relay]) await one.stop();
}

async function fromLog(site: Site, url: string, load: Offered): Promise<void> {
  const projectors = await startProjectors(site, url, '-');
  await warmUp(url);
  await offer(url, load);
  await projectors.stop();
}

async function warmUp(url: string): Promise<void> {
  const pool = createPool(url, { max: 4, applicationName: 'bench' });
  const store = createEventStore({ pool, catalogues: [] });
  const events = Array.from({ length: WARM_UP_EVENTS }, (_, n) => ticketIssued(WARM_UP_FROM + n, FORESTS));
  await store.append(events.map(itemOf));
  const behind = await observeProjectors({ pool, projections }).waitFor(WARM_UP_EVENTS, WARM_UP_TIMEOUT_MS);
  if (behind.length > 0) throw new Error(`nothing arrives: ${JSON.stringify(behind)}`);
  await pool.end();
}

async function startProjectors({ brokers }: Site, url: string, topic: string) {
  const names = projections.map(({ name }) => name);
  const args = [url, brokers.join(','), topic, String(PARTITIONS), ...names];
  const started = await startProcess('projectors', 'projector-process', args);
  await started.run('join', { callers: 1, forMs: 0, count: 0 });
  return started;
}

async function offer(url: string, { seconds, rate }: Offered): Promise<void> {
  const script = fileURLToPath(new URL('../paced-load.js', import.meta.url));
  const args = [script, url, String(seconds), String(rate), String(FORESTS)];
  await once(spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] }), 'exit');
}
