/** A log with its evidence for tests: real PostgreSQL, keys as the server makes them, a witness file in a folder of its own. */
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pool } from 'pg';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { type KeyEncryptionKey, readKeyEncryptionKey } from '#directory';
import { createEventStore, createSystemClock, type EventStore, systemRandom } from '#event-store';
import { leafHash, openNote, parseCheckpoint, parseVerifierKey } from '#tlog';
import { CheckpointKeys, establishSeed, type KeyPeriod } from './checkpoint-keys.js';
import { createFileWitness } from './file-witness.js';
import { type Evidence, type EvidenceOptions, startEvidence } from './keeper.js';
import type { Witness } from './witness.js';

export const ORIGIN = 'kerbtrail/test';
const WAIT_MS = 20_000;

export type TestLog = {
  readonly database: TestDatabase;
  readonly store: EventStore;
  readonly kek: KeyEncryptionKey;
  readonly witness: Witness;
  readonly witnessFile: string;
  readonly keys: CheckpointKeys;
  readonly periods: KeyPeriod[];
  /** Appends so many events to streams of ten and gives the head. */
  append(count: number): Promise<number>;
  start(options?: Partial<EvidenceOptions>): Evidence;
  /** Statements as the superuser that nothing holds back: triggers are off. */
  tamper(sql: string, values?: unknown[]): Promise<void>;
  close(): Promise<void>;
};

export async function openTestLog(): Promise<TestLog> {
  const database = await createTestDatabase();
  const folder = await mkdtemp(join(tmpdir(), 'kerbtrail-witness-'));
  const witnessFile = join(folder, 'checkpoint');
  const witness = createFileWitness(witnessFile);
  const { pool } = database;
  const store = createEventStore({ pool, catalogues: [] });
  const kek = readKeyEncryptionKey(randomBytes(32).toString('base64'), 'the test');
  const clock = createSystemClock();
  const verifierKey = await establishSeed({ pool, kek, random: systemRandom }, ORIGIN, 1);
  const periods: KeyPeriod[] = [{ number: 1, verifierKey, from: clock.now(), until: null }];
  const keys = new CheckpointKeys(ORIGIN, { pool, kek, clock, periods: async () => periods });
  const running: Evidence[] = [];
  return {
    database,
    store,
    kek,
    witness,
    witnessFile,
    keys,
    periods,
    append: (count) => append(store, count),
    start: (options = {}) => {
      const evidence = startEvidence({ store, pool, keys, witness, clock, paceMs: 10, log: () => {}, ...options });
      running.push(evidence);
      return evidence;
    },
    tamper: (sql, values) => tamper(database.adminPool, sql, values),
    close: async () => {
      await Promise.all(running.map((evidence) => evidence.stop()));
      await database.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function append(store: EventStore, count: number): Promise<number> {
  const event = () => ({
    type: 'Counted',
    schemaVersion: 1,
    occurredAt: '2026-11-22T10:00:00Z',
    data: {},
    metadata: { origin: 'decided' as const },
  });
  const items = Array.from({ length: Math.ceil(count / 10) }, (_, n) => ({
    id: randomUUID(),
    digest: randomBytes(32),
    writes: [
      {
        stream: `test-${randomUUID()}`,
        expected: 0,
        events: Array.from({ length: Math.min(10, count - n * 10) }, event),
      },
    ],
  }));
  const results = await store.append(items);
  if (results.some(({ status }) => status !== 'committed')) throw new Error(JSON.stringify(results));
  return store.head();
}

/** DDL in the same transaction turns off what says no, as whoever owns the tables can. */
async function tamper(admin: Pool, sql: string, values: unknown[] = []): Promise<void> {
  const client = await admin.connect();
  try {
    await client.query('BEGIN');
    const { rows } = await client.query<{ name: string }>(
      `SELECT t.tgrelid::regclass::text AS name FROM pg_trigger t WHERE t.tgname = 'append_only'`,
    );
    for (const { name } of rows) await client.query(`ALTER TABLE ${name} DISABLE TRIGGER append_only`);
    await client.query(sql, values);
    for (const { name } of rows) await client.query(`ALTER TABLE ${name} ENABLE ALWAYS TRIGGER append_only`);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    client.release();
  }
}

/** Waits for a checkpoint of exactly the log as it is, and gives it opened. */
export async function signed(log: TestLog, evidence: Evidence): Promise<{ size: number; root: Buffer; note: string }> {
  const head = await log.store.head();
  const checkpoint = await evidence.waitFor(head, WAIT_MS);
  if (checkpoint?.size !== head)
    throw new Error(`signed ${checkpoint?.size}, not ${head}: ${JSON.stringify(evidence.status())}`);
  const verifiers = log.periods.map(({ verifierKey }) => parseVerifierKey(verifierKey));
  const { size, root } = parseCheckpoint(openNote(checkpoint.note, verifiers).text);
  return { size, root, note: checkpoint.note };
}

export async function refused(evidence: Evidence): Promise<string> {
  const deadline = Date.now() + WAIT_MS;
  while (evidence.status().state !== 'refused') {
    if (Date.now() > deadline) throw new Error(`not refused: ${JSON.stringify(evidence.status())}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return evidence.status().refusal!.reason;
}

/** Leaves over the very bytes that the log has now. */
export async function leavesOf(pool: Pool): Promise<Buffer[]> {
  const { rows } = await pool.query<{ body: string }>('SELECT body FROM log.event_log ORDER BY position');
  return rows.map(({ body }) => leafHash(body));
}
