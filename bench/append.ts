/**
 * Appends per second at 1 and at 32 callers, each case beside a bare INSERT on the same server in the same run. Cases are
 * interleaved and repeated, and medians are printed: a shared machine's noise then falls on all of them. Ratios count,
 * absolute rates are the machine's. `npm run bench:append`; DATABASE_URL names a server instead of an embedded one (a
 * role that may create databases; the bench makes one and drops it).
 */
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Table from 'cli-table3';
import { Client } from 'pg';
import { createPool, migrate, startEmbeddedPostgres } from '#postgres';
import { registerSpn } from './command-case.js';
import { append, type AppendCase, bareInsert, openStore, transactOneStream } from './event-log-cases.js';

const ROUNDS = 5;
const WARM_UP_MS = 500;
const MEASURE_MS = 1_500;
const CALLERS = [1, 32];

type Measured = { readonly perSecond: number; readonly p50Ms: number; readonly p99Ms: number };

const given = process.env['DATABASE_URL'];
const folder = await mkdtemp(join(tmpdir(), 'kerbtrail-bench-'));
await chmod(folder, 0o755); // run by root, the server works as another user
const server = given
  ? { url: given, stop: async () => {} }
  : await startEmbeddedPostgres({ folder: join(folder, 'postgres') });
try {
  await withDatabase(server.url, compare);
} finally {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
}

async function compare(url: string): Promise<void> {
  await migrate(url);
  const pool = createPool(url, { max: Math.max(...CALLERS), applicationName: 'bench', asRole: 'none' });
  const appendPool = createPool(url, { max: 2, applicationName: 'bench append' });
  const store = openStore(pool, appendPool);
  const command = await registerSpn(store, pool);
  const cases = [await bareInsert(pool), append(store), transactOneStream(store), command];
  const rounds = new Map(
    cases.flatMap(({ name }) => CALLERS.map((callers) => [`${name} ${callers}`, [] as Measured[]])),
  );
  for (let round = 1; round <= ROUNDS; round++) {
    process.stderr.write(`round ${round} of ${ROUNDS}\n`);
    for (const callers of CALLERS) {
      for (const appendCase of cases) {
        await run(appendCase, callers, WARM_UP_MS);
        rounds.get(`${appendCase.name} ${callers}`)!.push(await run(appendCase, callers, MEASURE_MS));
      }
    }
  }
  print(cases, rounds);
  await command.close();
  await Promise.all([pool.end(), appendPool.end()]);
}

async function run({ caller }: AppendCase, callers: number, durationMs: number): Promise<Measured> {
  const started = performance.now();
  const deadline = started + durationMs;
  const latencies: number[] = [];
  const work = async (): Promise<void> => {
    const call = caller();
    for (let now = performance.now(); now < deadline;) {
      await call();
      const after = performance.now();
      latencies.push(after - now);
      now = after;
    }
  };
  await Promise.all(Array.from({ length: callers }, work));
  const seconds = (performance.now() - started) / 1000;
  latencies.sort((a, b) => a - b);
  const percentile = (share: number): number => latencies[Math.floor(latencies.length * share)]!;
  return { perSecond: latencies.length / seconds, p50Ms: percentile(0.5), p99Ms: percentile(0.99) };
}

function print(cases: readonly AppendCase[], rounds: ReadonlyMap<string, readonly Measured[]>): void {
  const table = new Table({ head: ['case', 'callers', 'calls/s', 'to bare INSERT', 'p50 ms', 'p99 ms'] });
  for (const callers of CALLERS) {
    const medianOf = (name: string, value: (measured: Measured) => number): number =>
      median(rounds.get(`${name} ${callers}`)!.map(value));
    for (const { name } of cases) {
      const ratios = rounds
        .get(`${name} ${callers}`)!
        .map(({ perSecond }, round) => perSecond / rounds.get(`${cases[0]!.name} ${callers}`)![round]!.perSecond);
      table.push([
        name,
        callers,
        Math.round(medianOf(name, ({ perSecond }) => perSecond)),
        median(ratios).toFixed(2),
        medianOf(name, ({ p50Ms }) => p50Ms).toFixed(2),
        medianOf(name, ({ p99Ms }) => p99Ms).toFixed(2),
      ]);
    }
  }
  console.log(
    `Medians of ${ROUNDS} rounds, one event of about 650 bytes per call, ten to a stream; a command: two events in two streams\n${table.toString()}`,
  );
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

async function withDatabase(url: string, work: (url: string) => Promise<void>): Promise<void> {
  const name = `kerbtrail_bench_${randomBytes(4).toString('hex')}`;
  const admin = new Client({ connectionString: url });
  await admin.connect();
  try {
    await admin.query(`CREATE DATABASE ${name}`);
    const own = new URL(url);
    own.pathname = `/${name}`;
    await work(own.toString());
  } finally {
    await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    await admin.end();
  }
}
