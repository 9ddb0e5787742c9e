/**
 * Imports a generated Samba log of `--mb` megabytes (1024 by default) into the real log, and shows that memory stays flat:
 * the sample's lines over and over with rising times, made as they are read, through the whole path from bytes to durable
 * events. Beside it, reading alone, without a log. `npm run bench:import -- --mb 1024`; DATABASE_URL names a server instead
 * of an embedded one (a role that may create databases; the bench makes one and drops it).
 */
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import Table from 'cli-table3';
import { Client } from 'pg';
import { exchangeEvents } from '#authentication';
import { createNameKey, directoryEvents, readKeyEncryptionKey, type LogPorts } from '#directory';
import { createEventStore, createSystemClock, systemRandom } from '#event-store';
import { importFile, mapFile } from '#ingestion';
import { operationEvents } from '#operations';
import { createPool, migrate, startEmbeddedPostgres } from '#postgres';

const MB = 1024 * 1024;
const CHUNK_BYTES = 64 * 1024; // as a file stream gives them
const CURVE_POINTS = 10;
const COPY_MINUTES = 2; // the sample lies within 10:52 and 10:53

const { mb } = parseArgs({ options: { mb: { type: 'string', default: '1024' } } }).values;
const bytesWanted = Number(mb) * MB;
if (!(bytesWanted >= MB)) throw new RangeError('--mb is a number of megabytes, at least 1');

const sample = gunzipSync(await readFile('samples/lab-samba-ad/log.samba.gz')).toString();
const given = process.env['DATABASE_URL'];
const folder = await mkdtemp(join(tmpdir(), 'kerbtrail-bench-'));
await chmod(folder, 0o755); // run by root, the server has an account of its own
const server = given
  ? { url: given, stop: async () => {} }
  : await startEmbeddedPostgres({ folder: join(folder, 'postgres') });
try {
  await withDatabase(server.url, measure);
} finally {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
}

async function measure(url: string): Promise<void> {
  await migrate(url);
  const pool = createPool(url, { max: 4, applicationName: 'bench' });
  const appendPool = createPool(url, { max: 2, applicationName: 'bench append' });
  try {
    const table = new Table({
      head: ['', 'MB/s', 'records/s', 'events/s', 'seconds'],
      colAligns: ['left', 'right', 'right', 'right', 'right'],
    });
    table.push(await reading(Math.min(bytesWanted, 128 * MB)));
    const store = createEventStore({
      pool,
      appendPool,
      catalogues: [directoryEvents, exchangeEvents, operationEvents],
    });
    const kek = readKeyEncryptionKey(randomBytes(32).toString('base64'), 'bench');
    const curve: number[] = [];
    table.push(
      await importing(
        { store, clock: createSystemClock(), nameKey: await createNameKey(pool, kek, systemRandom) },
        curve,
      ),
    );
    console.log(table.toString());
    printCurve(curve);
  } finally {
    await Promise.all([pool.end(), appendPool.end()]);
  }
}

async function reading(bytes: number): Promise<string[]> {
  const started = performance.now();
  const counts = { bytes: 0, records: 0, events: 0 };
  for await (const item of mapFile(generatedLog(bytes), { name: 'generated' })) {
    if (item.kind === 'record') counts.events += item.events.length;
    if (item.kind === 'finished') Object.assign(counts, { bytes: item.bytes, records: item.records });
  }
  return row('reading alone', counts, performance.now() - started);
}

/** `curve` gets the resident memory (MB) after each tenth of the file. */
async function importing(ports: LogPorts, curve: number[]): Promise<string[]> {
  const started = performance.now();
  const report = await importFile(
    {
      name: 'generated',
      ports,
      actor: 'bench',
      onProgress: ({ bytes }) => {
        if (bytes < ((curve.length + 1) * bytesWanted) / CURVE_POINTS) return;
        curve.push(process.memoryUsage.rss() / MB);
        process.stderr.write(`${Math.round(bytes / MB)} of ${mb} MB, ${Math.round(curve.at(-1) ?? 0)} MB resident\n`);
      },
    },
    generatedLog(bytesWanted),
  );
  if (report.quarantined > 0 || report.duplicates > 0)
    throw new Error(`not what was generated: ${JSON.stringify(report)}`);
  return row('importing', { ...report, events: report.appended }, performance.now() - started);
}

function row(
  name: string,
  { bytes, records, events }: { bytes: number; records: number; events: number },
  ms: number,
): string[] {
  const perSecond = (count: number): string => Math.round(count / (ms / 1000)).toLocaleString('en');
  return [name, (bytes / MB / (ms / 1000)).toFixed(1), perSecond(records), perSecond(events), (ms / 1000).toFixed(1)];
}

function printCurve(curve: readonly number[]): void {
  const half = Math.floor(curve.length / 2);
  const [early, late] = [Math.max(...curve.slice(0, half)), Math.max(...curve.slice(half))];
  console.log(`resident memory after each tenth: ${curve.map((value) => Math.round(value)).join(' ')} MB`);
  console.log(
    `peak in the first half ${Math.round(early)} MB, in the second ${Math.round(late)} MB; peak of the process ${Math.round(process.resourceUsage().maxRSS / 1024)} MB`,
  );
}

/** At least `bytes` of log, in whole copies of the sample, each two minutes later than the one before. */
async function* generatedLog(bytes: number): AsyncGenerator<Buffer> {
  let made = 0;
  for (let copy = 0; made < bytes; copy++) {
    const content = Buffer.from(shifted(copy * COPY_MINUTES));
    for (let start = 0; start < content.length; start += CHUNK_BYTES)
      yield content.subarray(start, start + CHUNK_BYTES);
    made += content.length;
  }
}

function shifted(minutes: number): string {
  let text = sample;
  for (const minute of ['10:53', '10:52']) {
    const later = new Date(Date.parse(`2026-11-22T${minute}:00Z`) + minutes * 60_000).toISOString().slice(0, 16);
    text = text
      .replaceAll(`2026/11/22 ${minute}:`, `${later.replaceAll('-', '/').replace('T', ' ')}:`)
      .replaceAll(`2026-11-22T${minute}:`, `${later}:`);
  }
  return text;
}

async function withDatabase(serverUrl: string, work: (url: string) => Promise<void>): Promise<void> {
  const name = `kerbtrail_bench_${randomBytes(4).toString('hex')}`;
  const admin = new Client({ connectionString: serverUrl });
  await admin.connect();
  try {
    await admin.query(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8'`);
    const url = new URL(serverUrl);
    url.pathname = `/${name}`;
    try {
      await work(url.toString());
    } finally {
      await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
    }
  } finally {
    await admin.end();
  }
}
