/** A verified rebuild over a log with signed checkpoints: attested when the log is what was signed, else nothing is published. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readKeyEncryptionKey } from '#directory';
import { createEventStore, createSystemClock, systemRandom, type EventStore } from '#event-store';
import {
  CheckpointKeys,
  createReplayVerifier,
  establishSeed,
  openWitness,
  startEvidence,
  type Evidence,
} from '#evidence';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { eventsProjection } from './events/events.projection.js';
import { rebuild, type Rebuilt } from './rebuild.js';
import { tableDigest } from './table-digest.js';

const EVENTS = 600;
const CHANGED = 301;
const WAIT_MS = 20_000;
const ORIGIN = 'kerbtrail/test';

let database: TestDatabase;
let store: EventStore;
let keys: CheckpointKeys;
let evidence: Evidence;
let folder: string;

beforeEach(async () => {
  database = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'kerbtrail-witness-'));
  const { pool } = database;
  const clock = createSystemClock();
  const kek = readKeyEncryptionKey(randomBytes(32).toString('base64'), 'the test');
  store = createEventStore({ pool, catalogues: [] });
  const verifierKey = await establishSeed({ pool, kek, random: systemRandom }, ORIGIN, 1);
  const periods = [{ number: 1, verifierKey, from: clock.now(), until: null }];
  keys = new CheckpointKeys(ORIGIN, { pool, kek, clock, periods: async () => periods });
  const witness = openWitness(join(folder, 'checkpoint'), ORIGIN);
  evidence = startEvidence({ store, pool, keys, witness, clock, paceMs: 10, log: () => {} });
  await append();
  await evidence.waitFor(EVENTS, WAIT_MS);
  await evidence.stop();
});
afterEach(async () => {
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

async function append(): Promise<void> {
  const event = {
    type: 'Counted',
    schemaVersion: 1,
    occurredAt: '2026-11-22T10:00:00Z',
    data: { spn: 'HTTP/web.corp.example' },
    metadata: { origin: 'decided' as const },
  };
  const item = () => ({
    id: randomUUID(),
    digest: randomBytes(32),
    writes: [{ stream: `test-${randomUUID()}`, expected: 0, events: [event] }],
  });
  await store.append(Array.from({ length: EVENTS }, item));
}

async function verifiedRebuild(): Promise<Rebuilt> {
  const { pool } = database;
  const { size: upTo } = (await evidence.checkpoint())!;
  const verifier = await createReplayVerifier({ pool, store, verifiers: await keys.verifiers(), upTo });
  return rebuild({ store, pool, projection: eventsProjection, verify: { upTo, verifier } });
}

/** As whoever owns the tables can. */
async function tamper(sql: string): Promise<void> {
  const { rows } = await database.adminPool.query<{ name: string }>(
    `SELECT tgrelid::regclass::text AS name FROM pg_trigger WHERE tgname = 'append_only'`,
  );
  const off = rows.map(({ name }) => `ALTER TABLE ${name} DISABLE TRIGGER append_only`);
  await database.adminPool.query([...off, sql].join('; '));
}

describe('a verified rebuild', () => {
  it('is published, and says against which tree', async () => {
    const checkpoint = (await evidence.checkpoint())!;
    const { position, digest, verified } = await verifiedRebuild();
    expect({ position, verified }).toEqual({
      position: EVENTS,
      verified: { size: EVENTS, root: checkpoint.root.toString('base64') },
    });
    expect(digest).toMatch(/^[0-9a-f]{64}$/);
    const { rows } = await database.pool.query<{ events: number }>('SELECT count(*) AS events FROM read.event_index');
    expect(rows[0]!.events).toBe(EVENTS);
  });

  it.each([
    ['changed', `UPDATE log.event_log SET body = replace(body, 'web', 'wob') WHERE position = ${CHANGED}`, 'changed'],
    [
      'changed with its leaf',
      `UPDATE log.event_log SET body = body || ' ', leaf = sha256('x') WHERE position = ${CHANGED}`,
      'changed',
    ],
    ['removed', `DELETE FROM log.event_log WHERE position = ${CHANGED}`, 'removed'],
  ])('of a log of which a row was %s publishes nothing and names the event', async (_, sql, kind) => {
    await database.pool.query(
      `INSERT INTO read.event_index VALUES (gen_random_uuid(), 1, 's', 't', 1, 'o', NULL, NULL, NULL, '{}', '{}')`,
    );
    const before = await tableDigest(database.pool, 'event_index');
    await tamper(sql);
    await expect(verifiedRebuild()).rejects.toMatchObject({ code: 'EVIDENCE_MISMATCH', position: CHANGED, kind });
    expect(await tableDigest(database.pool, 'event_index')).toBe(before);
  });
});
