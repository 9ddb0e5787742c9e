/**
 * What the evidence log costs appends: the same callers with the keeper on and off, in turns and in one run, at 32 and at 1000 callers.
 * Wall time is the machine's; CPU time per event (of this process and of PostgreSQL) is what the keeper adds.
 * `npm run bench:evidence`; DATABASE_URL names a server instead of an embedded one.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Table from 'cli-table3';
import type { Pool } from 'pg';
import { readKeyEncryptionKey } from '#directory';
import { createEventStore, createSystemClock, type EventStore, systemRandom } from '#event-store';
import { CheckpointKeys, establishSeed, openWitness, startEvidence } from '#evidence';
import { createPool } from '#postgres';
import { withBenchDatabase } from './bench-database.js';
import { append } from './event-log-cases.js';

const ROUNDS = 5;
const MEASURE_MS = 3_000;
const CALLERS = [32, 1_000];
const CATCH_UP_MS = 60_000;
const ORIGIN = 'kerbtrail/bench';
const TICKS_PER_SECOND = 100;

type Measured = { readonly perSecond: number; readonly cpuMicros: number };
type Keeping = 'off' | 'on';

await withBenchDatabase(async (url) => {
  const folder = await mkdtemp(join(tmpdir(), 'kerbtrail-bench-witness-'));
  const pool = createPool(url, { max: 8, applicationName: 'bench' });
  const appendPool = createPool(url, { max: 2, applicationName: 'bench append' });
  const store = createEventStore({ pool, appendPool, catalogues: [] });
  const clock = createSystemClock();
  const kek = readKeyEncryptionKey(randomBytes(32).toString('base64'), 'the bench');
  const verifierKey = await establishSeed({ pool, kek, random: systemRandom }, ORIGIN, 1);
  const period = { number: 1, verifierKey, from: clock.now(), until: null };
  const keys = new CheckpointKeys(ORIGIN, { pool, kek, clock, periods: async () => [period] });
  const start = () => {
    const witness = openWitness(join(folder, 'checkpoint'), ORIGIN);
    return startEvidence({ store, pool, keys, witness, clock, log: (message) => process.stderr.write(`${message}\n`) });
  };

  const results = new Map<string, Measured[]>();
  await run(pool, store, 32, 1_000);
  for (let round = 1; round <= ROUNDS; round++) {
    process.stderr.write(`round ${round} of ${ROUNDS}\n`);
    for (const callers of CALLERS) {
      for (const keeping of order(round)) {
        // What the round without it appended is not to be paid for by the round with it.
        const evidence = start();
        const signed = await evidence.waitFor(await store.head(), CATCH_UP_MS);
        if (!signed || signed.size < (await store.head())) throw new Error(JSON.stringify(evidence.status()));
        if (keeping === 'off') await evidence.stop();
        const measured = await run(pool, store, callers, MEASURE_MS);
        await evidence.stop();
        const name = `${callers} ${keeping}`;
        results.set(name, [...(results.get(name) ?? []), measured]);
      }
    }
  }
  print(results);
  await Promise.all([pool.end(), appendPool.end()]);
  await rm(folder, { recursive: true, force: true });
});

function order(round: number): Keeping[] {
  return round % 2 === 0 ? ['on', 'off'] : ['off', 'on'];
}

async function run(pool: Pool, store: EventStore, callers: number, durationMs: number): Promise<Measured> {
  const { caller } = append(store);
  const cpuBefore = await cpuSeconds(pool);
  const started = performance.now();
  let events = 0;
  const work = async (): Promise<void> => {
    const call = caller();
    while (performance.now() - started < durationMs) {
      await call();
      events += 1;
    }
  };
  await Promise.all(Array.from({ length: callers }, work));
  const seconds = (performance.now() - started) / 1000;
  return { perSecond: events / seconds, cpuMicros: (((await cpuSeconds(pool)) - cpuBefore) * 1e6) / events };
}

/** Of this process and, where the server is on this machine, of its postmaster and all backends, ended ones too (proc(5)). */
async function cpuSeconds(pool: Pool): Promise<number> {
  const { user, system } = process.cpuUsage();
  const { rows } = await pool.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const postmaster = (await readStat(String(rows[0]!.pid)))?.parent;
  const own = postmaster === undefined ? [] : [await readStat(postmaster), ...(await childrenOf(postmaster))];
  const ticks = own.reduce((sum, stat) => sum + (stat?.ticks ?? 0), 0);
  return (user + system) / 1e6 + ticks / TICKS_PER_SECOND;
}

type Stat = { readonly parent: string; readonly ticks: number };

/** Ticks of the process itself and of children that it has waited for. */
async function readStat(pid: string): Promise<Stat | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields && { parent: fields[1]!, ticks: fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0) };
}

async function childrenOf(parent: string): Promise<Stat[]> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(pids.map(readStat));
  return stats.filter((stat): stat is Stat => stat?.parent === parent);
}

function print(results: ReadonlyMap<string, readonly Measured[]>): void {
  const table = new Table({ head: ['callers', 'keeper', 'events/s', 'to off', 'CPU µs/event', 'to off'] });
  for (const callers of CALLERS) {
    const off = results.get(`${callers} off`)!;
    for (const keeping of ['off', 'on'] as const) {
      const measured = results.get(`${callers} ${keeping}`)!;
      const ratio = (value: (one: Measured) => number): string =>
        median(measured.map((one, n) => value(one) / value(off[n]!))).toFixed(2);
      table.push([
        callers,
        keeping,
        Math.round(median(measured.map(({ perSecond }) => perSecond))),
        ratio(({ perSecond }) => perSecond),
        median(measured.map(({ cpuMicros }) => cpuMicros)).toFixed(1),
        ratio(({ cpuMicros }) => cpuMicros),
      ]);
    }
  }
  console.log(`Medians of ${ROUNDS} rounds, one event of about 650 bytes per call\n${table.toString()}`);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
