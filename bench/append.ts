/**
 * Appends per second at 1, 32 and 1000 callers, each case beside a bare INSERT on the same server in the same run, and in
 * bulk beside a COPY. Cases are interleaved and repeated, and medians are printed: a shared machine's noise then falls on
 * all of them. Ratios count, absolute rates are the machine's. `npm run bench:append`; DATABASE_URL names a server instead
 * of an embedded one (a role that may create databases; the bench makes one and drops it).
 */
import Table from 'cli-table3';
import { createPool } from '#postgres';
import { withBenchDatabase } from './bench-database.js';
import { registerSpn } from './command-case.js';
import { measureCpu } from './cpu-time.js';
import {
  append,
  type AppendCase,
  bareInsert,
  bulkAppend,
  type BulkCase,
  copyUsual,
  openStore,
  transactOneStream,
} from './event-log-cases.js';
import type { Pool } from 'pg';

const ROUNDS = 5;
const WARM_UP_MS = 300;
const MEASURE_MS = 1_200;
const FEW_CALLERS = [1, 32];
const MANY_CALLERS = 1_000;
const BULK_EVENTS = 200_000;

type Measured = {
  readonly perSecond: number;
  readonly nodeMicros: number;
  readonly postgresMicros: number | null;
  readonly p50Ms?: number;
  readonly p99Ms?: number;
};
type Row = { readonly name: string; readonly callers: string; readonly yardstick: string; readonly rounds: Measured[] };

await withBenchDatabase(compare);

async function compare(url: string): Promise<void> {
  const pool = createPool(url, { max: Math.max(...FEW_CALLERS), applicationName: 'bench', asRole: 'none' });
  const appendPool = createPool(url, { max: 2, applicationName: 'bench append', pipelined: true });
  const store = openStore(pool, appendPool);
  const command = await registerSpn(store, pool);
  const ours = append(store);
  const cases = [await bareInsert(pool), ours, transactOneStream(store), command];
  const bulkCases = [await copyUsual(pool), bulkAppend(store)];
  const rows = new Map<string, Row>();
  const record = (name: string, callers: string, yardstick: string, measured: Measured): void => {
    const key = `${name} ${callers}`;
    if (!rows.has(key)) rows.set(key, { name, callers, yardstick, rounds: [] });
    rows.get(key)!.rounds.push(measured);
  };
  for (let round = 1; round <= ROUNDS; round++) {
    process.stderr.write(`round ${round} of ${ROUNDS}\n`);
    for (const callers of FEW_CALLERS) {
      for (const one of cases) record(one.name, `${callers}`, `bare INSERT ${callers}`, await run(pool, one, callers));
    }
    for (const bulk of bulkCases) record(bulk.name, 'bulk', 'COPY bulk', await runBulk(pool, bulk));
    record(ours.name, `${MANY_CALLERS}`, 'COPY bulk', await run(pool, ours, MANY_CALLERS));
  }
  print(rows);
  await command.close();
  await Promise.all([pool.end(), appendPool.end()]);
}

async function run(pool: Pool, appendCase: AppendCase, callers: number): Promise<Measured> {
  await callFor(appendCase, callers, WARM_UP_MS);
  const endCpu = await measureCpu(pool);
  const started = performance.now();
  const latencies = await callFor(appendCase, callers, MEASURE_MS);
  const seconds = (performance.now() - started) / 1000;
  const { nodeMicros, postgresMicros } = await endCpu();
  latencies.sort((a, b) => a - b);
  const percentile = (share: number): number => latencies[Math.floor(latencies.length * share)]!;
  return {
    perSecond: latencies.length / seconds,
    nodeMicros: nodeMicros / latencies.length,
    postgresMicros: postgresMicros && postgresMicros / latencies.length,
    p50Ms: percentile(0.5),
    p99Ms: percentile(0.99),
  };
}

/** Milliseconds that each call took. */
async function callFor({ caller }: AppendCase, callers: number, durationMs: number): Promise<number[]> {
  const deadline = performance.now() + durationMs;
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
  return latencies;
}

async function runBulk(pool: Pool, bulk: BulkCase): Promise<Measured> {
  const endCpu = await measureCpu(pool);
  const started = performance.now();
  await bulk.append(BULK_EVENTS);
  const seconds = (performance.now() - started) / 1000;
  const { nodeMicros, postgresMicros } = await endCpu();
  return {
    perSecond: BULK_EVENTS / seconds,
    nodeMicros: nodeMicros / BULK_EVENTS,
    postgresMicros: postgresMicros && postgresMicros / BULK_EVENTS,
  };
}

function print(rows: ReadonlyMap<string, Row>): void {
  const head = ['case', 'callers', 'events/s', 'ratio', 'to', 'p50 ms', 'p99 ms', 'CPU µs: Node', 'PostgreSQL'];
  const table = new Table({ head, style: { head: [], border: [] } });
  for (const { name, callers, yardstick, rounds } of rows.values()) {
    const of = (value: (measured: Measured) => number | null | undefined, digits: number): string => {
      const known = rounds.map(value).filter((each) => each !== null && each !== undefined);
      return known.length > 0 ? median(known).toFixed(digits) : '';
    };
    const yard = rows.get(yardstick)!.rounds;
    const ratio = median(rounds.map(({ perSecond }, round) => perSecond / yard[round]!.perSecond));
    table.push([
      name,
      callers,
      of(({ perSecond }) => perSecond, 0),
      ratio.toFixed(2),
      yardstick,
      of(({ p50Ms }) => p50Ms, 2),
      of(({ p99Ms }) => p99Ms, 2),
      of(({ nodeMicros }) => nodeMicros, 1),
      of(({ postgresMicros }) => postgresMicros, 1),
    ]);
  }
  console.log(
    `Medians of ${ROUNDS} rounds, events of about 650 bytes, one per call, ten to a stream; a command: two events in two
streams; bulk: ${BULK_EVENTS} events, 500 items in a call, four calls at a time. CPU is per call; in bulk per event.
${table.toString()}`,
  );
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
