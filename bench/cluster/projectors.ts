/**
 * From Kafka to the read models, beside the same from the log: each projection by itself, all of them in one process, and all of
 * them in two processes that share the partitions. The log is of 48 forests with a KDC each, which nothing but Kafka's
 * partitions brings together, and of one directory.
 */
import type { Pool } from 'pg';
import { createEventStore, type EventStore } from '#event-store';
import { createPool } from '#postgres';
import { projections } from '#projections';
import { withBenchDatabase } from '../bench-database.js';
import { measureCpu } from '../cpu-time.js';
import { directoryEvents } from '../directory-events.js';
import type { Load } from '../log/contender.js';
import type { Measured } from '../log/measure.js';
import { itemOf, ticketIssued } from '../projection-events.js';
import { printRuns } from './report.js';
import { type Run, type Site, startProcess, topicOf, withBrokerCpu } from './site.js';

const PARTITIONS = 12;
const FORESTS = 48;
const ACCOUNTS = 4_000;
const APPEND_EVENTS = 5_000;
const NAMES = projections.map(({ name }) => name);
const RUN_TIMEOUT_MS = 300_000;

type Feed = { readonly names: readonly string[]; readonly from: 'kafka' | 'log'; readonly processes: 1 | 2 };

export async function measureProjectors(site: Site): Promise<void> {
  const rounds = site.isQuick ? 1 : 3;
  const load: Load = { callers: 1, forMs: RUN_TIMEOUT_MS, count: site.isQuick ? 20_000 : 60_000 };
  await withBenchDatabase(async (url) => {
    const pool = createPool(url, { max: 4, applicationName: 'bench', asRole: 'none' });
    await fillLog(createEventStore({ pool, catalogues: [] }), load.count);
    const relay = await startProcess('relay', 'relay-process', [
      url,
      site.brokers.join(','),
      topicOf('read'),
      `${PARTITIONS}`,
    ]);
    await relay.run('publish', load);
    await relay.stop();
    const cases = new Map<string, Run[]>();
    for (let round = 1; round <= rounds; round++) {
      for (const feed of feeds()) {
        const name = `${feed.names.length > 1 ? 'all four' : feed.names[0]} from ${feed.from}, ${feed.processes} process`;
        process.stderr.write(`${name}: round ${round} of ${rounds}\n`);
        await empty(pool);
        const run = await withBrokerCpu(site, () => project(site, url, pool, feed, load));
        cases.set(name, [...(cases.get(name) ?? []), run]);
      }
    }
    await pool.end();
    printRuns(`consumed and projected, ${PARTITIONS} partitions, medians of ${rounds} rounds`, cases);
  });
}

function* feeds(): Generator<Feed> {
  for (const names of [...NAMES.map((name) => [name]), NAMES]) {
    yield { names, from: 'log', processes: 1 };
    yield { names, from: 'kafka', processes: 1 };
  }
  yield { names: NAMES, from: 'kafka', processes: 2 };
}

async function project(site: Site, url: string, pool: Pool, feed: Feed, load: Load): Promise<Measured> {
  const { names, from, processes } = feed;
  const topic = from === 'kafka' ? `${topicOf('read')}-1` : '-';
  const args = [url, site.brokers.join(','), topic, String(PARTITIONS / processes), ...names];
  const started = await Promise.all(
    Array.from({ length: processes }, (_, n) => startProcess(`projectors ${n}`, 'projector-process', args)),
  );
  await Promise.all(started.map((one) => one.run('join', load)));
  const cpu = await measureCpu(pool);
  const [first, ...others] = await Promise.all(started.map((one) => one.run('project', load)));
  const { postgresMicros } = await cpu();
  for (const one of started) await one.run('leave', load);
  for (const one of started) await one.stop();
  const cpuSeconds = others.reduce((sum, other) => sum + other.cpuSeconds, first!.cpuSeconds);
  return { ...first!, cpuSeconds, ...(postgresMicros !== null && { postgresCpuSeconds: postgresMicros / 1e6 }) };
}

async function empty(pool: Pool): Promise<void> {
  const tables = projections.flatMap((projection) => projection.tables).map((table) => `read.${table}`);
  await pool.query(`TRUNCATE ${tables.join(', ')}`);
  await pool.query('DELETE FROM read.partition_checkpoint');
  await pool.query(`DELETE FROM read.checkpoint WHERE projection <> 'relay'`);
}

async function fillLog(store: EventStore, tickets: number): Promise<void> {
  for (let from = 0; from < tickets; from += APPEND_EVENTS) {
    const size = Math.min(APPEND_EVENTS, tickets - from);
    await store.append(Array.from({ length: size }, (_, n) => itemOf(ticketIssued(from + n, FORESTS))));
  }
  for (const page of directoryEvents(APPEND_EVENTS, ACCOUNTS)) await store.append(page.map(itemOf));
}
