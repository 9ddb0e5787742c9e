/**
 * How long the directory's queries take over a million SPNs with a thousand duplicates: duplicates now and as of an instant,
 * who holds this SPN. The tables are filled through the projection itself, page by page, from synthetic events. Prints
 * a table, and the same as JSON. `npm run bench:queries`; DATABASE_URL names a server instead of an embedded one.
 */
import Table from 'cli-table3';
import type { Pool } from 'pg';
import { createPool, createPrisma, type PrismaClient } from '#postgres';
import {
  checkSpn,
  findDuplicates,
  findDuplicatesParameters,
  findSpns,
  findSpnsParameters,
  getSpnHolders,
} from '#projections';
import { projectPage } from '../libs/projections/project-page.js';
import { directoryProjection } from '../libs/projections/spn-directory/directory.projection.js';
import { withBenchDatabase } from './bench-database.js';
import { ACCOUNTS, accountOf, directoryEvents, DUPLICATES, SPNS, spnOf, THEN } from './directory-events.js';

const TARGET_P99_MS = 50;
const WARM_UP = 20;
const RUNS = 300;
const PAGE_SIZE = 1_000;
const PROGRESS_EVENTS = 50_000;

/** Answers how many rows it found, in the n-th run. */
type Query = (prisma: PrismaClient, run: number) => Promise<number>;
type Measured = { readonly query: string; readonly rows: number; readonly p50Ms: number; readonly p99Ms: number };

const duplicatesNow = findDuplicatesParameters.parse({});
const duplicatesThen = findDuplicatesParameters.parse({ asOf: THEN });

const queries: Readonly<Record<string, Query>> = {
  'duplicates now, first page': async (prisma) => (await findDuplicates(prisma, duplicatesNow)).rows.length,
  'duplicates as of T, first page': async (prisma) => (await findDuplicates(prisma, duplicatesThen)).rows.length,
  'who holds this SPN': async (prisma, run) => holders(prisma, some(run)),
  'who holds this SPN, as of T': async (prisma, run) => holders(prisma, some(run), THEN),
  'who holds this SPN, held twice': async (prisma, run) => holders(prisma, run % DUPLICATES),
  'SPNs of this account': async (prisma, run) =>
    (await findSpns(prisma, findSpnsParameters.parse({ account: accountOf(some(run)) }))).rows.length,
  'what would clash': async (prisma, run) => (await checkSpn(prisma, { spns: [spnOf(some(run), 0)] })).length,
};

await withBenchDatabase(async (url) => {
  const pool = createPool(url, { max: 4, applicationName: 'bench' });
  const prisma = createPrisma(pool);
  const loaded = await load(pool);
  const measured: Measured[] = [];
  for (const [name, query] of Object.entries(queries)) measured.push(await measure(prisma, name, query));
  print(loaded, measured);
  await prisma.$disconnect();
  await pool.end();
});

/** Accounts all over the forest, the same in every run of the benchmark. */
function some(run: number): number {
  return (run * 7_919) % ACCOUNTS;
}

async function holders(prisma: PrismaClient, account: number, asOf?: string): Promise<number> {
  return (await getSpnHolders(prisma, { spn: spnOf(account, 0), asOf })).holders.length;
}

/** Through the derivation, as a projector does it; then what autovacuum does in a server's first minutes. */
async function load(pool: Pool): Promise<{ events: number; eventsPerSecond: number }> {
  const client = await pool.connect();
  const started = performance.now();
  let events = 0;
  for (const page of directoryEvents(PAGE_SIZE)) {
    await client.query('BEGIN');
    await projectPage(client, directoryProjection, page, 'read');
    await client.query('COMMIT');
    events += page.length;
    if (events % PROGRESS_EVENTS === 0) process.stderr.write(`${events} events projected\n`);
  }
  const seconds = (performance.now() - started) / 1_000;
  for (const table of directoryProjection.tables) await client.query(`VACUUM (ANALYZE) read.${table}`);
  client.release();
  return { events, eventsPerSecond: Math.round(events / seconds) };
}

async function measure(prisma: PrismaClient, name: string, query: Query): Promise<Measured> {
  const latencies: number[] = [];
  let rows = 0;
  for (let run = 0; run < WARM_UP + RUNS; run++) {
    const started = performance.now();
    rows = await query(prisma, run);
    if (run >= WARM_UP) latencies.push(performance.now() - started);
  }
  latencies.sort((a, b) => a - b);
  const percentile = (share: number): number => Number(latencies[Math.floor(latencies.length * share)]!.toFixed(2));
  return { query: name, rows, p50Ms: percentile(0.5), p99Ms: percentile(0.99) };
}

function print(loaded: { events: number; eventsPerSecond: number }, measured: readonly Measured[]): void {
  const table = new Table({ head: ['query', 'rows', 'p50 ms', 'p99 ms', `p99 < ${TARGET_P99_MS} ms`] });
  for (const { query, rows, p50Ms, p99Ms } of measured) {
    table.push([query, rows, p50Ms.toFixed(2), p99Ms.toFixed(2), p99Ms < TARGET_P99_MS ? 'yes' : 'NO']);
  }
  console.log(
    `${SPNS} SPNs of ${ACCOUNTS} accounts, ${DUPLICATES} duplicates now and ${2 * DUPLICATES} at T; ` +
      `${loaded.events} events projected, ${loaded.eventsPerSecond} a second\n${table.toString()}`,
  );
  console.log(JSON.stringify({ spns: SPNS, accounts: ACCOUNTS, duplicates: DUPLICATES, ...loaded, measured }));
}
