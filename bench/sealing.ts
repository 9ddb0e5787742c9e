/**
 * What sealing personal data costs: the events of the sample recording, many times over, appended in an import's batches and
 * replayed, to a store that seals and to one that does not, in turn. CPU time of this process per event, and rates; the
 * replay's ratio is with sealing over without. Erased: a replay when every key is gone. `npm run bench:sealing`
 */
import Table from 'cli-table3';
import { createReadStream, readFileSync } from 'node:fs';
import { randomBytes, randomUUID } from 'node:crypto';
import { exchangeEvents } from '#authentication';
import { createNameKey, createSubjectKeys, directoryEvents, readKeyEncryptionKey } from '#directory';
import { createEventStore, systemRandom, type AppendItem, type EventStore, type NewEvent } from '#event-store';
import { mapFile } from '#ingestion';
import { operationEvents } from '#operations';
import { createPool } from '#postgres';
import type { Pool } from 'pg';
import { withBenchDatabase } from './bench-database.js';

const ROUNDS = 5;
const EVENTS = 20_000;
const BATCH_ITEMS = 500;
/** Each copy of the recording is another forest: as many persons as a real import of this size would have. */
const FOLDER = 'samples/lab-samba-ad';
const catalogues = [directoryEvents, exchangeEvents, operationEvents];

type Sample = { readonly cpuMicros: number; readonly perSecond: number };
type Case = 'append' | 'replay' | 'replay, all keys erased';
const results = new Map<string, Sample[]>();

const recording = await readRecording();
for (let round = 1; round <= ROUNDS; round++) {
  process.stderr.write(`round ${round} of ${ROUNDS}\n`);
  for (const sealing of round % 2 ? [false, true] : [true, false])
    await withBenchDatabase((url) => measureOn(url, sealing));
}
print();

async function measureOn(url: string, sealing: boolean): Promise<void> {
  const pool = createPool(url, { max: 4, applicationName: 'bench' });
  const appendPool = createPool(url, { max: 2, applicationName: 'bench append', pipelined: true });
  const store = sealing
    ? createEventStore({ pool, appendPool, catalogues, subjectKeys: await subjectKeysOf(pool) })
    : createEventStore({ pool, appendPool, catalogues });
  const batches = Array.from({ length: EVENTS / BATCH_ITEMS }, (_, n) => batch(n * BATCH_ITEMS));
  const mode = sealing ? 'sealed' : 'clear';
  await record('append', mode, () => appendAll(store, batches));
  await record('replay', mode, () => replayAll(store));
  if (sealing) {
    await pool.query('DELETE FROM secret.subject_key');
    const erased = createEventStore({ pool, appendPool, catalogues, subjectKeys: await subjectKeysOf(pool) });
    await record('replay, all keys erased', mode, () => replayAll(erased));
  }
  await Promise.all([pool.end(), appendPool.end()]);
}

async function subjectKeysOf(pool: Pool) {
  const kek = readKeyEncryptionKey(Buffer.alloc(32, 7).toString('base64'), 'bench');
  return createSubjectKeys({ pool, kek, nameKey: await createNameKey(pool, kek, systemRandom), random: systemRandom });
}

async function readRecording(): Promise<readonly NewEvent[]> {
  const observedAt = JSON.parse(readFileSync(`${FOLDER}/observed-at.json`, 'utf8')) as Record<string, string>;
  const events: NewEvent[] = [];
  for (const name of ['log.samba.gz', ...Object.keys(observedAt)]) {
    const instant = observedAt[name];
    const file = createReadStream(`${FOLDER}/${name}`);
    for await (const item of mapFile(file, { name, ...(instant && { observedAt: instant }) }))
      if (item.kind === 'record') events.push(...item.events);
  }
  return events;
}

function batch(from: number): AppendItem[] {
  return Array.from({ length: BATCH_ITEMS }, (_, n) => {
    const { id: _id, ...event } = recording[(from + n) % recording.length]!;
    const copy = Math.floor((from + n) / recording.length);
    const data = { ...event.data, forest: `observed:copy-${copy}.example` };
    const writes = [{ stream: `source-copy-${copy}`, expected: 'any' as const, events: [{ ...event, data }] }];
    return { id: randomUUID(), digest: randomBytes(32), writes };
  });
}

async function appendAll(store: EventStore, batches: readonly (readonly AppendItem[])[]): Promise<void> {
  for (const items of batches) await store.append(items);
}

async function replayAll(store: EventStore): Promise<void> {
  let events = 0;
  for await (const page of store.replay({ after: 0 })) events += page.length;
  if (events !== EVENTS) throw new Error(`${events} events were replayed, not ${EVENTS}`);
}

async function record(what: Case, mode: 'sealed' | 'clear', work: () => Promise<void>): Promise<void> {
  const cpu = process.cpuUsage();
  const started = performance.now();
  await work();
  const seconds = (performance.now() - started) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  const key = `${what} ${mode}`;
  results.set(key, [...(results.get(key) ?? []), { cpuMicros: (user + system) / EVENTS, perSecond: EVENTS / seconds }]);
}

function print(): void {
  const table = new Table({ head: ['case', '', 'µs of CPU per event', 'events/s', 'ratio of CPU', 'ratio of rates'] });
  for (const [key, samples] of [...results].toSorted()) {
    const clear = results.get(`${key.split(/,| /)[0]} clear`)!;
    const [cpu, rate] = [median(samples, 'cpuMicros'), median(samples, 'perSecond')];
    const mode = key.endsWith(' sealed') ? 'sealed' : 'clear';
    table.push([
      key.slice(0, -mode.length - 1),
      mode,
      cpu.toFixed(1),
      Math.round(rate).toLocaleString('en'),
      (median(clear, 'cpuMicros') / cpu).toFixed(2),
      (rate / median(clear, 'perSecond')).toFixed(2),
    ]);
  }
  process.stdout.write(`${table.toString()}\n`);
}

function median(samples: readonly Sample[], figure: keyof Sample): number {
  return samples.map((sample) => sample[figure]).toSorted((a, b) => a - b)[Math.floor(samples.length / 2)]!;
}
