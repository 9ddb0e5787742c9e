/**
 * Appends events at a steady rate through the real store, each in a call of its own, and watches the places of the read models
 * beside it: prints how long after its commit each event was visible. Started by bench/projections.ts and bench/cluster.ts with
 * the database, the seconds to go on, the events a second and how many forests they are of.
 */
import { setTimeout as delay } from 'node:timers/promises';
import Table from 'cli-table3';
import type { Pool } from 'pg';
import { createEventStore } from '#event-store';
import { createPool } from '#postgres';
import { itemOf, ticketIssued } from './projection-events.js';

const TICK_MS = 2;
const WATCH_MS = 4;
const WARM_UP = 0.25;
const LAST_WAIT_MS = 10_000;

const [url = '', seconds = '20', perSecond = '5000', forests = '1'] = process.argv.slice(2);
const RATE = Number(perSecond);
const pool = createPool(url, { max: 4, applicationName: 'bench load' });
const appendPool = createPool(url, { max: 2, applicationName: 'bench append' });
const store = createEventStore({ pool, appendPool, catalogues: [] });

/** By position: when its commit was known. */
const committed: number[] = [];
/** By projection: each position first seen at its checkpoint, and when. */
const seen = new Map<string, { position: number; at: number }[]>();

const ended = new AbortController();
const watched = watch(pool, ended.signal);
const started = performance.now();
const total = Number(seconds) * RATE;
const calls: Promise<void>[] = [];
for (let sent = 0; sent < total;) {
  const due = Math.min(total, Math.floor(((performance.now() - started) / 1000) * RATE));
  for (; sent < due; sent++) calls.push(append(sent));
  await delay(TICK_MS);
}
await Promise.all(calls);
const rate = total / ((performance.now() - started) / 1000);
await allSeen();
ended.abort();
await watched;
print();
await Promise.all([pool.end(), appendPool.end()]);

async function append(n: number): Promise<void> {
  const [result] = await store.append([itemOf(ticketIssued(n, Number(forests)))]);
  if (result?.status !== 'committed') throw new Error(`not committed: ${JSON.stringify(result)}`);
  committed[result.position] = performance.now();
}

async function watch(from: Pool, signal: AbortSignal): Promise<void> {
  const client = await from.connect();
  while (!signal.aborted) {
    const { rows } = await client.query<{ projection: string; position: number }>({
      name: 'watch',
      text: `SELECT projection, read.projection_position(projection, version) AS position FROM read.checkpoint
              WHERE projection <> 'relay'`,
    });
    const at = performance.now();
    for (const { projection, position } of rows) {
      const points = seen.get(projection) ?? [];
      seen.set(projection, points);
      if (position > (points.at(-1)?.position ?? 0)) points.push({ position, at });
    }
    await delay(WATCH_MS);
  }
  client.release();
}

async function allSeen(): Promise<void> {
  const deadline = performance.now() + LAST_WAIT_MS;
  const isBehind = (): boolean =>
    [...seen.values()].some((points) => (points.at(-1)?.position ?? 0) < committed.length - 1);
  while (isBehind() && performance.now() < deadline) await delay(10);
}

function print(): void {
  const table = new Table({
    style: { head: [], border: [], compact: true },
    head: ['projection', 'visible after: p50 ms', 'p99 ms', 'max ms'],
  });
  for (const [projection, points] of seen) {
    const latencies: number[] = [];
    let next = 0;
    for (let position = Math.floor(committed.length * WARM_UP); position < committed.length; position++) {
      const at = committed[position];
      if (at === undefined) continue;
      while (next < points.length && points[next]!.position < position) next++;
      latencies.push(Math.max(0, (points[next]?.at ?? Infinity) - at));
    }
    latencies.sort((a, b) => a - b);
    const percentile = (share: number): string =>
      latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))]!.toFixed(1);
    table.push([projection, percentile(0.5), percentile(0.99), percentile(1)]);
  }
  console.log(`from commit to visible, ${Math.round(rate)} events a second, each its own append\n${table.toString()}`);
}
