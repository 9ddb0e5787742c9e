/**
 * `node kerbtrail.js URL FOLDER [evidence | sealing]`: our own log. With `evidence`, tiles and signed checkpoints are kept up
 * behind it, one a second, and a replay can be verified and read from sealed segments; with `sealing`, two fields of every
 * event are personal data, of a thousand persons.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { createNameKey, createSubjectKeys, readKeyEncryptionKey } from '#directory';
import {
  createEventStore,
  createSystemClock,
  defineEvent,
  type EventStore,
  type LogRecord,
  PERSON,
  sealSegments,
  systemRandom,
} from '#event-store';
import {
  CheckpointKeys,
  createReplayVerifier,
  establishSeed,
  type Evidence,
  openWitness,
  startEvidence,
  tileReader,
} from '#evidence';
import { createPool } from '#postgres';
import { append, bulkAppend } from '../event-log-cases.js';
import { serve } from './contender.js';
import { type Measured, measureCallers, measureRun } from './measure.js';

const [url = '', folder = '', mode = 'plain'] = process.argv.slice(2);
const ORIGIN = 'kerbtrail.example/bench';
const SEALED_MS_MAX = 120_000;
const RSS_EVERY = 65_536;

const pool = createPool(url, { max: 8, applicationName: 'bench' });
const appendPool = createPool(url, { max: 2, applicationName: 'bench append' });
const kek = readKeyEncryptionKey(randomBytes(32).toString('base64'), 'bench');
const clock = createSystemClock();
const segments = join(folder, 'segments');
const store = await openStore();
const fromSegments = createEventStore({ pool, catalogues: [], segmentsFolder: segments });
const evidence = mode === 'evidence' ? await keepEvidence() : undefined;

async function openStore(): Promise<EventStore> {
  if (mode !== 'sealing') return createEventStore({ pool, appendPool, catalogues: [] });
  const nameKey = await createNameKey(pool, kek, systemRandom);
  const subjectKeys = createSubjectKeys({ pool, kek, nameKey, random: systemRandom });
  const personal = { spn: PERSON, 'client.account': PERSON };
  const catalogue = { ServiceTicketIssued: defineEvent('ServiceTicketIssued', z.looseObject({}), { personal }) };
  return createEventStore({ pool, appendPool, catalogues: [catalogue], subjectKeys });
}

async function keepEvidence(): Promise<Evidence> {
  const verifierKey = await establishSeed({ pool, kek, random: systemRandom }, ORIGIN, 1);
  const period = { number: 1, verifierKey, from: clock.now(), until: null };
  const keys = new CheckpointKeys(ORIGIN, { pool, kek, clock, periods: async () => [period] });
  const witness = openWitness(join(folder, 'witness'), ORIGIN);
  const log = (message: string): void => console.error(message);
  return startEvidence({ store, pool, keys, witness, clock, log });
}

/** The log has so many events afterwards; with evidence, all signed for and as many as fill segments sealed. */
async function fill(count: number): Promise<number> {
  const missing = count - (await store.head());
  if (missing > 0) await bulkAppend(store).append(missing);
  if (!evidence) return count;
  const signed = await evidence.waitFor(await store.head(), SEALED_MS_MAX);
  if (!signed) throw new Error(`no checkpoint covers ${await store.head()}`);
  await sealSegments({ pool, folder: segments, coveredTo: signed.size, readTile: tileReader(pool) });
  return count;
}

async function replay(
  from: EventStore,
  count: number,
  onRecords?: (records: readonly LogRecord[]) => void,
): Promise<number> {
  let read = 0;
  for await (const page of from.replay({ after: 0, upTo: count, ...(onRecords && { onRecords }) })) read += page.length;
  if (read !== count) throw new Error(`${read} events were read, not ${count}`);
  return read;
}

/** Every leaf and the root recomputed, and compared with a signed checkpoint. */
async function verifiedReplay(count: number): Promise<number> {
  const head = await store.head();
  const verifiers = await evidence!.keys.verifiers();
  const verifier = await createReplayVerifier({ pool, store, verifiers, upTo: head });
  await replay(store, head, (records) => verifier.onRecords(records));
  const { size } = await verifier.finish();
  if (size < count) throw new Error(`the checkpoint covers ${size} events, not ${count}`);
  return head;
}

/** Most memory of the process in the first fifth of a replay, and afterwards. */
async function memory(
  count: number,
): Promise<Measured & { readonly rssBytes: number; readonly rssBytesEarly: number }> {
  let early = 0;
  let late = 0;
  let seen = 0;
  let next = 0;
  const measured = await measureRun(() =>
    replay(store, count, (records) => {
      seen += records.length;
      if (seen < next) return;
      next = seen + RSS_EVERY;
      const { rss } = process.memoryUsage();
      if (seen < count / 5) early = Math.max(early, rss);
      else late = Math.max(late, rss);
    }),
  );
  return { ...measured, rssBytes: late, rssBytesEarly: early };
}

async function settled(): Promise<number> {
  if (evidence) await evidence.waitFor(await store.head(), SEALED_MS_MAX);
  return 0;
}

serve({
  append: ({ callers, forMs }) => measureCallers(append(store).caller, callers, forMs),
  bulk: ({ count }) =>
    measureRun(async () => {
      await bulkAppend(store).append(count);
      return count;
    }),
  fill: ({ count }) => measureRun(() => fill(count)),
  settled: () => measureRun(settled),
  replay: ({ count }) => measureRun(() => replay(store, count)),
  'verified replay': ({ count }) => measureRun(() => verifiedReplay(count)),
  'sealed replay': ({ count }) => measureRun(() => replay(fromSegments, count)),
  memory: ({ count }) => memory(count),
});
