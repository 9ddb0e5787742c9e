/**
 * `npm run bench:log [-- --quick] [--only append|replay] [--memory MILLIONS]`: our log beside plain INSERT, unnest and COPY into
 * the usual table, Prisma, emmett-postgresql and message-db, in one run on one PostgreSQL. Every contender is a process of its
 * own with a database of its own; the cases of a round follow each other, so that a shared machine's noise falls on all of
 * them, and a ratio is taken within its round. Ratios count; rates are the machine's.
 */
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Client } from 'pg';
import { migrate, startEmbeddedPostgres } from '#postgres';
import { appendCases, type Case, type ContenderName, replayCases } from './log/cases.js';
import { Contender, type Load } from './log/contender.js';
import { installPeers, peer } from './log/peers.js';
import { postgresCpuSeconds } from './log/postgres-cpu.js';
import { printCases, printRatios, type Round } from './log/report.js';

const { values: options } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, only: { type: 'string' }, memory: { type: 'string' } },
});
const rounds = options.quick ? 3 : 5;
const load: Load = options.quick
  ? { callers: 1, forMs: 700, count: 40_000 }
  : { callers: 1, forMs: 2_000, count: 200_000 };
const memoryEvents = Number(options.memory ?? (options.quick ? '0' : '1')) * 1_000_000;
const MEGABYTE = 1024 * 1024;

const ours = (mode: string) => ({ script: fileURLToPath(new URL('log/kerbtrail.js', import.meta.url)), mode });
const contenders: Record<ContenderName, { readonly script: string; readonly mode?: string }> = {
  plain: { script: fileURLToPath(new URL('log/plain.js', import.meta.url)) },
  prisma: { script: peer('prisma') },
  emmett: { script: peer('emmett') },
  'message-db': { script: peer('message-db') },
  kerbtrail: ours('plain'),
  'kerbtrail-evidence': ours('evidence'),
  'kerbtrail-sealing': ours('sealing'),
};

installPeers();
const folder = await mkdtemp(join(tmpdir(), 'kerbtrail-bench-'));
await chmod(folder, 0o755); // run by root, the server works as another user
const given = process.env['DATABASE_URL'];
const server = given
  ? { url: given, stop: async () => {} }
  : await startEmbeddedPostgres({ folder: join(folder, 'postgres') });
try {
  if (options.only !== 'replay') await compare('append', appendCases);
  if (options.only !== 'append') await compare('replay', replayCases);
  if (memoryEvents > 0) await measureMemory();
} finally {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
}

async function compare(part: 'append' | 'replay', cases: readonly Case[]): Promise<void> {
  const names = [...new Set(cases.map(({ contender }) => contender))];
  const running = new Map<ContenderName, Contender>();
  const measured = new Map<string, Round[]>(cases.map(({ id }) => [id, []]));
  try {
    for (const name of names) running.set(name, await start(name, part));
    if (part === 'replay') for (const contender of running.values()) await contender.run('fill', load);
    // Once unmeasured, so that no contender is judged by code that was not compiled yet.
    if (part === 'replay') for (const one of cases) await run(running.get(one.contender)!, one);
    for (let round = 1; round <= rounds; round++) {
      process.stderr.write(`${part}, round ${round} of ${rounds}\n`);
      for (const one of cases) measured.get(one.id)!.push(await run(running.get(one.contender)!, one));
    }
  } finally {
    for (const contender of running.values()) await contender.stop();
    for (const name of names) await onServer(`DROP DATABASE IF EXISTS ${databaseOf(name, part)} WITH (FORCE)`);
  }
  console.log(`\n${part}: medians of ${rounds} rounds, events of about 650 bytes`);
  printCases(cases, measured);
  printRatios(measured);
}

async function run(contender: Contender, { run: name, load: own, contender: who }: Case): Promise<Round> {
  const before = postgresCpuSeconds(join(folder, 'postgres'));
  const measured = await contender.run(name, { ...load, ...own });
  const after = postgresCpuSeconds(join(folder, 'postgres'));
  // What it still does behind its answers is its own cost, and must not fall on the next case.
  if (who === 'kerbtrail-evidence') await contender.run('settled', load);
  return before === undefined || after === undefined ? measured : { ...measured, postgresCpuSeconds: after - before };
}

async function measureMemory(): Promise<void> {
  const contender = await start('kerbtrail', 'memory');
  const sized = { ...load, count: memoryEvents };
  await contender.run('fill', sized);
  const { events, seconds, rssBytes = 0, rssBytesEarly = 0 } = await contender.run('memory', sized);
  await contender.stop();
  const [most, early] = [rssBytes, rssBytesEarly].map((bytes) => Math.round(bytes / MEGABYTE));
  console.log(
    `\nmemory while replaying ${events.toLocaleString('en')} events (${Math.round(events / seconds).toLocaleString('en')}/s): ` +
      `${early} MB at most in the first fifth, ${most} MB at most after it`,
  );
}

/** On a database of its own, with a folder of its own. */
async function start(name: ContenderName, part: string): Promise<Contender> {
  const database = databaseOf(name, part);
  await onServer(`CREATE DATABASE ${database} TEMPLATE template0 ENCODING 'UTF8'`);
  const url = new URL(server.url);
  url.pathname = `/${database}`;
  const { script, mode } = contenders[name];
  if (!mode) return Contender.start(name, script, [url.toString()]);
  await migrate(url.toString());
  const own = join(folder, database);
  await mkdir(own);
  return Contender.start(name, script, [url.toString(), own, mode]);
}

function databaseOf(name: ContenderName, part: string): string {
  return `bench_${part}_${name.replaceAll('-', '_')}_${process.pid}`;
}

async function onServer(statement: string): Promise<void> {
  const admin = new Client({ connectionString: server.url });
  await admin.connect();
  try {
    await admin.query(statement);
  } finally {
    await admin.end();
  }
}
