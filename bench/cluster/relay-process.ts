/**
 * `node relay-process.js URL BROKERS TOPIC PARTITIONS`: our relay in a process of its own, on the log of that database. A run of
 * `publish` begins with nothing published, in a topic of its own: TOPIC-1, TOPIC-2 …; `follow` goes on in the last one.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { createEventStore } from '#event-store';
import { connectKafka } from '#kafka';
import { createPool } from '#postgres';
import { relayProgress, startRelay } from '#relay';
import { measureCpu } from '../cpu-time.js';
import { type Load, serve } from '../log/contender.js';
import { type Measured, measureRun } from '../log/measure.js';

const [url = '', brokers = '', topic = '', partitions = ''] = process.argv.slice(2);
const POLL_MS = 5;

const pool = createPool(url, { max: 4, applicationName: 'bench relay' });
const admin = createPool(url, { max: 1, applicationName: 'bench', asRole: 'none' });
const store = createEventStore({ pool, catalogues: [] });
const transport = await connectKafka({ brokers: brokers.split(','), clientId: 'bench' });
const settings = { partitions: Number(partitions), replicas: 1 };
let topics = 0;

async function publish(): Promise<Measured> {
  await admin.query(`DELETE FROM relay.partition_tail`);
  await admin.query(`DELETE FROM relay.epoch`);
  await admin.query(`DELETE FROM read.checkpoint WHERE projection = 'relay'`);
  topics += 1;
  await transport.ensureTopic(`${topic}-${topics}`, settings);
  const head = await store.head();
  return relayUntil((position) => position >= head);
}

/** At least for so long, and then until nothing is left. */
async function follow({ forMs }: Load): Promise<Measured> {
  const deadline = performance.now() + forMs;
  return relayUntil(async () => performance.now() >= deadline && (await relayProgress(pool)).lag === 0);
}

/** Measured from the first page on: finding topic and publisher is not the rate. */
async function relayUntil(isDone: (position: number) => boolean | Promise<boolean>): Promise<Measured> {
  const { position: before } = await relayProgress(pool);
  const relay = startRelay({ store, pool, transport, source: 'bench', topic: `${topic}-${topics}`, settings });
  while (relay.state().position <= before) await delay(POLL_MS);
  const cpu = await measureCpu(admin);
  const measured = await measureRun(async () => {
    const from = relay.state().position;
    while (!(await isDone(relay.state().position))) await delay(POLL_MS);
    return relay.state().position - from;
  });
  const { postgresMicros } = await cpu();
  await relay.stop();
  return { ...measured, ...(postgresMicros !== null && { postgresCpuSeconds: postgresMicros / 1e6 }) };
}

serve({ publish, follow });
