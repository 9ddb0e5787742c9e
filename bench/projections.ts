/**
 * How fast read models are built, against the usual way: the same log through the same derivation, but one INSERT … ON CONFLICT
 * DO UPDATE per row, 1,000 to a transaction, into tables with the same indexes. Beside it the live projectors in pages, the time
 * from commit to visible under a paced load from another process, and the resident memory while rebuilding.
 * `npm run bench:projections -- --events 200000 --accounts 20000`; DATABASE_URL names a server instead of an embedded one.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import type { Pool } from 'pg';
import { exchangeEvents } from '#authentication';
import { directoryEvents as directoryCatalogue } from '#directory';
import { createEventStore, type EventStore, type NewEvent } from '#event-store';
import { operationEvents } from '#operations';
import { createPool } from '#postgres';
import { projections, rebuild, startProjectors, type Projection } from '#projections';
import { withBenchDatabase } from './bench-database.js';
import { directoryEvents } from './directory-events.js';
import { itemOf, ticketIssued } from './projection-events.js';
import { upsertRows } from './row-upserts.js';

const MB = 1024 * 1024;
const APPEND_EVENTS = 5_000;
const CURVE_POINTS = 10;
/** Of a log that is longer, the first are upserted: a row costs no less when there are more. */
const UPSERT_EVENTS = 30_000;
const WAIT_MS = 3_600_000;

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '200000' },
    accounts: { type: 'string', default: '20000' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '20' },
  },
});
const [ticketCount, accounts, rounds, seconds] = [values.events, values.accounts, values.rounds, values.seconds].map(
  Number,
) as [number, number, number, number];

const table = new Table({
  head: [
    'read model',
    'events',
    'rows',
    'rebuild rows/s',
    'upserts rows/s',
    'rebuild : upserts',
    'live rows/s',
    'live : upserts',
  ],
});
if (ticketCount > 0) await compare('events', tickets(ticketCount), ['events', 'attempts']);
if (accounts > 0) await compare('directory', directory(accounts), ['directory']);
console.log(table.toString());
if (seconds > 0) await withBenchDatabase(latency);

function* tickets(count: number): Generator<NewEvent> {
  for (let n = 0; n < count; n++) yield ticketIssued(n);
}

function* directory(count: number): Generator<NewEvent> {
  for (const page of directoryEvents(1_000, count)) yield* page;
}

async function compare(log: string, events: Iterable<NewEvent>, names: readonly string[]): Promise<void> {
  await withBenchDatabase(async (url) => {
    const pool = createPool(url, { max: 12, applicationName: 'bench' });
    const store = openStore(pool);
    const count = await fillLog(store, events);
    for (const name of names) {
      const projection = projections.find((candidate) => candidate.name === name)!;
      table.push(await measure(store, pool, projection, `${name} (${log} log)`, count));
    }
    await pool.end();
  });
}

async function measure(
  store: EventStore,
  pool: Pool,
  projection: Projection,
  name: string,
  events: number,
): Promise<string[]> {
  const liveSeconds = await runLive(store, pool, projection);
  const rows = await countRows(pool, projection);
  const rebuilt: number[] = [];
  const upserted: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    upserted.push(await upsertRows(store, pool, projection, Math.min(events, UPSERT_EVENTS)));
    rebuilt.push(rows / (await rebuildOnce(store, pool, projection)));
    process.stderr.write(`${name}: round ${round} of ${rounds}\n`);
  }
  const ratios = rebuilt.map((rate, round) => rate / upserted[round]!);
  const live = rows / liveSeconds;
  const rate = (value: number): string => Math.round(value).toLocaleString('en');
  return [
    name,
    rate(events),
    rate(rows),
    rate(median(rebuilt)),
    rate(median(upserted)),
    median(ratios).toFixed(1),
    rate(live),
    (live / median(upserted)).toFixed(1),
  ];
}

/** As the server's projector does it, from the first event to the last. */
async function runLive(store: EventStore, pool: Pool, projection: Projection): Promise<number> {
  const started = performance.now();
  const projectors = startProjectors({
    store,
    pool,
    projections: [projection],
    log: (message) => console.error(message),
  });
  const behind = await projectors.waitFor(await store.head(), WAIT_MS);
  if (behind.length > 0) throw new Error(`stopped: ${JSON.stringify(projectors.status())}`);
  const took = (performance.now() - started) / 1000;
  await projectors.stop();
  return took;
}

/** Prints the resident memory after each tenth of the log. */
async function rebuildOnce(store: EventStore, pool: Pool, projection: Projection): Promise<number> {
  const curve: number[] = [];
  const started = performance.now();
  await rebuild({
    store,
    pool,
    projection,
    onProgress({ position, head }) {
      if (position >= (head * (curve.length + 1)) / CURVE_POINTS)
        curve.push(Math.round(process.memoryUsage.rss() / MB));
    },
  });
  const took = (performance.now() - started) / 1000;
  curve.push(Math.round(process.memoryUsage.rss() / MB));
  process.stderr.write(
    `${projection.name}: ${took.toFixed(1)} s; resident after each tenth and at the end ${curve.join(' ')} MB\n`,
  );
  return took;
}

async function countRows(pool: Pool, { tables }: Projection): Promise<number> {
  const counts = tables.map((name) => `(SELECT count(*) FROM read.${name})`).join(' + ');
  const { rows } = await pool.query<{ count: number }>(`SELECT ${counts} AS count`);
  return rows[0]!.count;
}

async function fillLog(store: EventStore, events: Iterable<NewEvent>): Promise<number> {
  const started = performance.now();
  let count = 0;
  let items: ReturnType<typeof itemOf>[] = [];
  for (const event of events) {
    items.push(itemOf(event));
    if (items.length === APPEND_EVENTS) {
      await store.append(items);
      count += items.length;
      items = [];
    }
  }
  await store.append(items);
  count += items.length;
  process.stderr.write(`${count} events appended in ${((performance.now() - started) / 1000).toFixed(1)} s\n`);
  return count;
}

/** The load, and who watches the checkpoints, are another process; the projectors are this one's. */
async function latency(url: string): Promise<void> {
  const pool = createPool(url, { max: 12, applicationName: 'bench' });
  const projectors = startProjectors({
    store: openStore(pool),
    pool,
    projections,
    log: (message) => console.error(message),
  });
  const load = spawn(process.execPath, [new URL('./paced-load.js', import.meta.url).pathname, url, String(seconds)], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  await once(load, 'exit');
  await projectors.stop();
  await pool.end();
}

function openStore(pool: Pool): EventStore {
  return createEventStore({ pool, catalogues: [directoryCatalogue, exchangeEvents, operationEvents] });
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
}
