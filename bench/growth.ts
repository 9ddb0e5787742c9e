/**
 * `npm run bench:growth [-- --events 10000000]`: what an append costs as the log grows. At 10^5, 10^6, … events it measures 1, 32
 * and 1000 callers and the bytes of every relation; between them it appends in bulk. CPU time per event is what to compare: the
 * wall rate is the machine's. Needs about 2 KB of disk per event.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import type { Pool } from 'pg';
import type { EventStore } from '#event-store';
import { createPool, migrate, startEmbeddedPostgres } from '#postgres';
import { append, bulkAppend, openStore } from './event-log-cases.js';
import { type Measured, measureCallers, measureRun } from './log/measure.js';
import { postgresCpuSeconds } from './log/postgres-cpu.js';
import { median } from './log/report.js';

const { values } = parseArgs({ options: { events: { type: 'string', default: '1000000' } } });
const most = Number(values.events);
const CALLERS = [1, 32, 1_000];
const ROUNDS = 5;
const MEASURE_MS = 1_500;
const FIRST_SIZE = 100_000;
const BULK_EVENTS = 100_000;
const MEASURED_BULKS = 3;

type Row = {
  readonly size: number;
  readonly label: string;
  readonly rate: number;
  readonly node: number;
  readonly postgres: number;
  /** Bytes of write-ahead log per event. */
  readonly wal: number;
};

const folder = await mkdtemp(join(tmpdir(), 'kerbtrail-growth-'));
await chmod(folder, 0o755); // run by root, the server works as another user
const postgres = join(folder, 'postgres');
const server = await startEmbeddedPostgres({ folder: postgres });
try {
  await migrate(server.url);
  const pool = createPool(server.url, { max: 4, applicationName: 'bench growth', asRole: 'none' });
  const appendPool = createPool(server.url, { max: 2, applicationName: 'bench append' });
  const rows: Row[] = [];
  const store = openStore(pool, appendPool);
  for (let size = FIRST_SIZE; size <= most; size *= 10) {
    await growTo(store, size);
    await pool.query('CHECKPOINT');
    rows.push(...(await measureAt(pool, store, size)));
    print(rows);
    await printRelations(pool, await store.head());
  }
  await Promise.all([pool.end(), appendPool.end()]);
} finally {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
}

async function growTo(store: EventStore, size: number): Promise<void> {
  for (let head = await store.head(); head < size; head = await store.head()) {
    process.stderr.write(`${head.toLocaleString('en')} events\n`);
    await bulkAppend(store).append(Math.min(BULK_EVENTS, size - head));
  }
}

async function measureAt(pool: Pool, store: EventStore, size: number): Promise<Row[]> {
  const rows: Row[] = [];
  for (const callers of CALLERS) {
    const measure = () => measureCallers(append(store).caller, callers, MEASURE_MS);
    rows.push({ size, label: `${callers} callers`, ...(await repeat(pool, ROUNDS, measure)) });
  }
  const bulk = () =>
    measureRun(async () => {
      await bulkAppend(store).append(BULK_EVENTS);
      return BULK_EVENTS;
    });
  rows.push({ size, label: 'bulk', ...(await repeat(pool, MEASURED_BULKS, bulk)) });
  return rows;
}

/** Medians: events per second, and microseconds of CPU per event in Node and in PostgreSQL. */
async function repeat(
  pool: Pool,
  rounds: number,
  measure: () => Promise<Measured>,
): Promise<Pick<Row, 'rate' | 'node' | 'postgres' | 'wal'>> {
  const rates: number[] = [];
  const node: number[] = [];
  const server: number[] = [];
  const wal: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const before = postgresCpuSeconds(postgres) ?? 0;
    const walBefore = await walBytes(pool);
    const { events, handled, seconds, cpuSeconds } = await measure();
    wal.push(((await walBytes(pool)) - walBefore) / handled);
    rates.push(events / seconds);
    node.push((cpuSeconds * 1e6) / events);
    server.push((((postgresCpuSeconds(postgres) ?? 0) - before) * 1e6) / handled);
  }
  return { rate: median(rates), node: median(node), postgres: median(server), wal: median(wal) };
}

async function walBytes(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ bytes: string }>(`SELECT pg_current_wal_lsn() - '0/0'::pg_lsn AS bytes`);
  return Number(rows[0]!.bytes);
}

function print(rows: readonly Row[]): void {
  const table = new Table({
    style: { head: [], border: [], compact: true },
    head: ['events in the log', 'case', 'events/s', 'Node µs/event', 'PostgreSQL µs/event', 'WAL B/event'],
  });
  for (const { size, label, rate, node, postgres, wal } of rows) {
    table.push([
      size.toLocaleString('en'),
      label,
      Math.round(rate).toLocaleString('en'),
      node.toFixed(1),
      postgres.toFixed(1),
      wal.toFixed(0),
    ]);
  }
  console.log(table.toString());
}

/** Partitions together; heap, indexes and TOAST apart. */
async function printRelations(pool: Pool, events: number): Promise<void> {
  const { rows } = await pool.query<{ name: string; heap: number; indexes: number; toast: number }>(
    `SELECT regexp_replace(relname, '_[0-9]+$', '') AS name, sum(pg_relation_size(oid))::bigint AS heap,
            sum(pg_indexes_size(oid))::bigint AS indexes,
            sum(pg_table_size(oid) - pg_relation_size(oid))::bigint AS toast
       FROM pg_class WHERE relnamespace = 'log'::regnamespace AND relkind = 'r'
      GROUP BY 1 HAVING sum(pg_total_relation_size(oid)) > 1000000 ORDER BY 1`,
  );
  const table = new Table({
    style: { head: [], border: [], compact: true },
    head: [
      `relation, ${events.toLocaleString('en')} events`,
      'heap B/event',
      'indexes B/event',
      'maps and TOAST B/event',
    ],
  });
  for (const { name, heap, indexes, toast } of rows) {
    table.push([name, ...[heap, indexes, toast].map((bytes) => (bytes / events).toFixed(1))]);
  }
  console.log(table.toString());
}
