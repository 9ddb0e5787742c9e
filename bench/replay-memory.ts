/**
 * `npm run bench:replay-memory [-- --events 5000000]`: what a process holds while it replays a long log. Fills a log with small events,
 * fifty to an append item, then replays all of it, decoded, in a process of its own, which prints its resident memory as it goes.
 */
import { fork } from 'node:child_process';
import { hash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type AppendItem, type EventStore, type NewEvent } from '#event-store';
import { createPool } from '#postgres';
import { withBenchDatabase } from './bench-database.js';
import { openStore } from './event-log-cases.js';

const POINTS = 10;
const EVENTS_PER_ITEM = 50;
const ITEMS_PER_CALL = 20;
const CALLS_AT_A_TIME = 4;
const MB = 1024 * 1024;

const { values } = parseArgs({
  options: { events: { type: 'string', default: '5000000' }, replay: { type: 'string' } },
});
const wanted = Number(values.events);
const perCall = EVENTS_PER_ITEM * ITEMS_PER_CALL;
if (!(wanted >= POINTS * perCall) || wanted % perCall > 0) {
  throw new RangeError(`--events is a multiple of ${perCall}, at least ${POINTS * perCall}`);
}

if (values.replay !== undefined) await withStore(values.replay, replay);
else {
  await withBenchDatabase(async (url) => {
    await withStore(url, fill);
    const child = fork(fileURLToPath(import.meta.url), ['--events', String(wanted), '--replay', url]);
    const [exitCode] = (await once(child, 'exit')) as [number | null];
    if (exitCode !== 0) throw new Error(`the replay ended with ${exitCode}`);
  });
}

async function withStore(url: string, work: (store: EventStore) => Promise<void>): Promise<void> {
  const pool = createPool(url, { max: 4, applicationName: 'bench replay' });
  const appendPool = createPool(url, { max: 2, applicationName: 'bench append' });
  try {
    await work(openStore(pool, appendPool));
  } finally {
    await Promise.all([pool.end(), appendPool.end()]);
  }
}

async function fill(store: EventStore): Promise<void> {
  const started = performance.now();
  let left = wanted / perCall;
  const caller = async (): Promise<void> => {
    while (left-- > 0) {
      const results = await store.append(Array.from({ length: ITEMS_PER_CALL }, someItem));
      if (!results.every(({ status }) => status === 'committed')) throw new Error('not all were committed');
    }
  };
  await Promise.all(Array.from({ length: CALLS_AT_A_TIME }, caller));
  console.log(`${wanted.toLocaleString('en')} events written in ${seconds(started)} s`);
}

function someItem(): AppendItem {
  const id = randomUUID();
  const events = Array.from({ length: EVENTS_PER_ITEM }, (_, n) => smallEvent(n));
  return { id, digest: hash('sha256', id, 'buffer'), writes: [{ stream: `exchange-${id}`, expected: 'any', events }] };
}

function smallEvent(n: number): NewEvent {
  const data = { n, spn: 'HTTP/intranet.corp.example', etype: 18 };
  const metadata = { origin: 'decided' as const };
  return { type: 'ServiceTicketIssued', schemaVersion: 1, occurredAt: '2026-11-22T10:53:32.933392Z', data, metadata };
}

async function replay(store: EventStore): Promise<void> {
  const started = performance.now();
  const curve: number[] = [];
  let read = 0;
  for await (const page of store.replay({ after: 0, upTo: wanted })) {
    read += page.length;
    if (read < ((curve.length + 1) * wanted) / POINTS) continue;
    const { rss, heapUsed } = process.memoryUsage();
    curve.push(rss / MB);
    console.log(`${read.toLocaleString('en')} events: ${(rss / MB).toFixed(0)} MB resident, ${(heapUsed / MB).toFixed(0)} MB of heap used`); // prettier-ignore
  }
  if (read !== wanted) throw new Error(`${read} events were read, not ${wanted}`);
  console.log(`${read.toLocaleString('en')} events replayed in ${seconds(started)} s`);
  console.log(`resident memory at each tenth: ${curve.map((value) => value.toFixed(0)).join(' ')} MB; most of all ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MB`); // prettier-ignore
}

function seconds(since: number): string {
  return ((performance.now() - since) / 1000).toFixed(0);
}
