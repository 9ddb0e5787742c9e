/**
 * What a superuser does to the log, and who finds it: a verified replay names the first event that was changed, removed, inserted or
 * reordered; the keeper refuses to sign behind its witness.
 */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { randomBytes, randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { systemRandom } from '#event-store';
import { leafHash, newSigner, formatCheckpoint, signNote } from '#tlog';
import { establishSeed } from './checkpoint-keys.js';
import { openTestLog, ORIGIN, refused, signed, type TestLog } from './evidence.spec-support.js';
import { createReplayVerifier } from './replay-verifier.js';
import { createFileWitness } from './file-witness.js';
import { createPostgresWitness } from './postgres-witness.js';

let log: TestLog;
beforeEach(async () => {
  log = await openTestLog();
});
afterEach(() => log.close());

/** 700 events, covered by a checkpoint; the keeper has ended. */
async function signedLog(): Promise<void> {
  await log.append(700);
  const evidence = log.start();
  await signed(log, evidence);
  await evidence.stop();
}

async function replayed(upTo = 700) {
  const { pool } = log.database;
  const verifier = await createReplayVerifier({ pool, store: log.store, verifiers: await log.keys.verifiers(), upTo });
  // Around holes too, which the store itself refuses to replay.
  for (let after = 0; after < upTo; after += 100) {
    const positions = Array.from({ length: Math.min(100, upTo - after) }, (_, n) => after + n + 1);
    verifier.onRecords(await log.store.recordsAt(positions));
  }
  return verifier.finish();
}

async function leafOf(position: number): Promise<Buffer> {
  const [record] = await log.store.recordsAt([position]);
  return leafHash(record!.body);
}

const COLUMNS = 'stream, version, event_id, type, schema_version, recorded_at, body, leaf';
/** Out of the way first: PRIMARY KEY (position) and UNIQUE (stream, version) hold for every row at every moment. */
const shift = (from: number, by: number): string => `
  UPDATE log.event_log SET position = -position WHERE position >= ${from};
  UPDATE log.event_log SET position = -position + ${by} WHERE position < 0`;
const widen = `
  ALTER TABLE log.event_log DETACH PARTITION log.event_log_1;
  ALTER TABLE log.event_log ATTACH PARTITION log.event_log_1 FOR VALUES FROM (MINVALUE) TO (1048577)`;

describe('a verified replay', () => {
  it('of an untouched log gives the size and root that were signed', async () => {
    await signedLog();
    await log.append(50);
    const evidence = log.start();
    const { size, root } = await signed(log, evidence);
    expect(await replayed(750)).toMatchObject({ size, root });
    expect((await replayed(740)).size).toBe(700);
  });

  it('names an event that was changed, its leaf in the table too', async () => {
    await signedLog();
    const [record] = await log.store.recordsAt([432]);
    const body = record!.body.replace('Counted', 'Charged');
    await log.tamper('UPDATE log.event_log SET body = $1, leaf = $2 WHERE position = 432', [body, leafHash(body)]);
    await expect(replayed()).rejects.toMatchObject({ code: 'EVIDENCE_MISMATCH', position: 432, kind: 'changed' });
  });

  it('names an event that was removed, leaving a hole or closing it', async () => {
    await signedLog();
    await log.tamper('DELETE FROM log.event_log WHERE position = 301');
    await expect(replayed()).rejects.toMatchObject({ position: 301, kind: 'removed' });
    await log.tamper(`${widen}; ${shift(302, -1)}; UPDATE log.log_head SET size = 699`);
    await expect(replayed()).rejects.toMatchObject({ position: 301, kind: 'removed' });
  });

  it('passes over what retention gave up, as far as a tombstone in the log says so', async () => {
    await signedLog();
    const retired = { type: 'PartitionRetired', data: { first: 1, last: 512 } };
    const event = {
      ...retired,
      schemaVersion: 1,
      occurredAt: '2026-11-22T10:00:00Z',
      metadata: { origin: 'decided' as const },
    };
    const writes = [{ stream: 'operation-archive/1', expected: 0, events: [event] }];
    await log.store.append([{ id: randomUUID(), digest: randomBytes(32), writes }]);
    const evidence = log.start();
    const { size, root } = await signed(log, evidence);
    await log.tamper('DELETE FROM log.event_log WHERE position IN (7, 300, 301)');
    expect(await replayed(701)).toMatchObject({ size, root });
    await log.tamper('DELETE FROM log.event_log WHERE position = 600');
    await expect(replayed(701)).rejects.toMatchObject({ position: 600, kind: 'removed' });
  });

  it('names an event that was inserted', async () => {
    await signedLog();
    const body = JSON.stringify({ id: randomUUID(), stream: 'forged-1', type: 'Counted', version: 1 });
    await log.tamper(`${widen}; ${shift(256, 1)}; UPDATE log.log_head SET size = 701`);
    await log.tamper(
      `INSERT INTO log.event_log (position, ${COLUMNS}) VALUES (256, 'forged-1', 1, $1, 'Counted', 1, now(), $2, $3)`,
      [randomUUID(), body, leafHash(body)],
    );
    await expect(replayed()).rejects.toMatchObject({ position: 256, kind: 'inserted' });
  });

  it('names the first of two events that changed places', async () => {
    await signedLog();
    await log.tamper(`${widen};
      UPDATE log.event_log SET position = -1 WHERE position = 90;
      UPDATE log.event_log SET position = 90 WHERE position = 500;
      UPDATE log.event_log SET position = 500 WHERE position = -1`);
    await expect(replayed()).rejects.toMatchObject({ position: 90, kind: 'reordered' });
  });

  it('says so when the tiles were rewritten with the log, for the root is signed', async () => {
    await signedLog();
    const [record] = await log.store.recordsAt([10]);
    const body = record!.body.replace('Counted', 'Charged');
    await log.tamper('UPDATE log.event_log SET body = $1, leaf = $2 WHERE position = 10', [body, leafHash(body)]);
    await log.tamper(
      'UPDATE evidence.tile SET hashes = overlay(hashes PLACING $1 FROM 289) WHERE level = 0 AND index = 0',
      [await leafOf(10)],
    );
    await expect(replayed()).rejects.toMatchObject({ code: 'EVIDENCE_MISMATCH', position: undefined });
  });

  it('believes no checkpoint that another key signed', async () => {
    await signedLog();
    const stranger = newSigner(ORIGIN, randomBytes(32));
    const note = signNote(formatCheckpoint({ origin: ORIGIN, size: 700, root: randomBytes(32) }), [stranger]);
    await log.tamper('UPDATE evidence.checkpoint SET note = $1', [note]);
    await expect(replayed()).rejects.toMatchObject({ code: 'TLOG_NOTE_UNVERIFIED' });
  });
});

describe('the keeper behind its witness', () => {
  it('refuses a log that was truncated, at the next start and while it runs', async () => {
    await log.append(300);
    const running = log.start();
    await signed(log, running);
    await log.tamper('DELETE FROM log.event_log WHERE position > 290; UPDATE log.log_head SET size = 290');
    expect(await refused(running)).toBe('behind-witness');
    await running.stop();
    expect(await refused(log.start())).toBe('behind-witness');
  });

  it('refuses a log that was truncated and written on beyond what the witness saw', async () => {
    await log.append(300);
    const first = log.start();
    await signed(log, first);
    await first.stop();
    await log.tamper('DELETE FROM log.event_log WHERE position > 290; UPDATE log.log_head SET size = 290');
    await log.append(100);
    expect(await refused(log.start())).toBe('log-changed');
  });

  it('refuses a database restored from an older copy, all schemas of one instant', async () => {
    await log.append(300);
    const first = log.start();
    await signed(log, first);
    await first.stop();
    await copyAside();
    await log.append(50);
    const second = log.start();
    await signed(log, second);
    await second.stop();
    await restoreCopy();
    expect(await refused(log.start())).toBe('behind-witness');
    await log.append(200);
    expect(await refused(log.start())).toBe('forked');
  });

  const COPIED = [
    'log.event_log',
    'log.log_head',
    'log.stream_head',
    'evidence.tile',
    'evidence.checkpoint',
    'evidence.tree',
    'read.checkpoint',
  ];
  const aside = (table: string): string => `public.${table.replace('.', '_')}_copy`;

  async function copyAside(): Promise<void> {
    await log.tamper(COPIED.map((table) => `CREATE TABLE ${aside(table)} AS TABLE ${table}`).join(';'));
  }

  async function restoreCopy(): Promise<void> {
    await log.tamper(
      COPIED.map((table) => `DELETE FROM ${table}; INSERT INTO ${table} SELECT * FROM ${aside(table)}`).join(';'),
    );
  }

  it('refuses a tree that was edited', async () => {
    await signedLog();
    await log.tamper('UPDATE evidence.tree SET partial = overlay(partial PLACING $1 FROM 33)', [Buffer.alloc(32)]);
    expect(await refused(log.start())).toBe('forked');
  });

  it('refuses an event that was taken out before it was covered', async () => {
    await signedLog();
    await log.append(30);
    await log.tamper('DELETE FROM log.event_log WHERE position = 715');
    const evidence = log.start();
    expect(await refused(evidence)).toBe('log-changed');
    expect(evidence.status().refusal!.detail).toContain('event 715');
  });

  it('refuses what another log left in the witness, and a note that was edited', async () => {
    await signedLog();
    const note = (await log.witness.read())!;
    await rm(`${log.witnessFile}`);
    for (const forged of [note.replace(ORIGIN, 'kerbtrail/other'), note.replace('\n700\n', '\n70\n'), 'nonsense']) {
      await writeFile(log.witnessFile, forged);
      expect(await refused(log.start())).toBe('witness-foreign');
    }
  });

  it('begins a witness that holds nothing anew, and tells it', async () => {
    await signedLog();
    const told: number[] = [];
    const empty = createFileWitness(`${log.witnessFile}-elsewhere`);
    const evidence = log.start({ witness: empty, onWitnessEstablished: async ({ size }) => void told.push(size) });
    await log.append(10);
    await signed(log, evidence);
    expect(told).toEqual([700]);
    expect(await empty.read()).toContain('\n710\n');
  });

  it('signs nothing with a seed that somebody exchanged', async () => {
    await log.append(10);
    await establishSeed({ pool: log.database.pool, kek: log.kek, random: systemRandom }, ORIGIN, 2);
    await log.tamper(
      `UPDATE secret.log_key SET wrapped = (SELECT wrapped FROM secret.log_key WHERE name = 'checkpoint/2') WHERE name = 'checkpoint/1'`,
    );
    expect(await refused(log.start())).toBe('failed');
  });
});

describe('the program’s role', () => {
  it.each([
    'UPDATE evidence.tile SET hashes = hashes',
    'DELETE FROM evidence.tile',
    'UPDATE evidence.checkpoint SET note = note',
    'DELETE FROM evidence.checkpoint',
    'TRUNCATE evidence.tile, evidence.checkpoint',
    'DELETE FROM evidence.tree',
    'INSERT INTO evidence.tree (only_row, size, partial) VALUES (false, 0, $$$$)',
    "DELETE FROM secret.log_key WHERE name = 'checkpoint/1'",
    "UPDATE secret.log_key SET wrapped = ''",
  ])('may not: %s', async (sql) => {
    await expect(log.database.pool.query(sql)).rejects.toThrow('permission denied');
  });

  it.each(['evidence.tile', 'evidence.checkpoint'])('nor may the owner change %s', async (table) => {
    for (const change of [
      `DELETE FROM ${table}`,
      `TRUNCATE ${table}`,
      `UPDATE ${table} SET ${table === 'evidence.tile' ? 'index = 1' : "note = ''"}`,
    ])
      await expect(log.database.adminPool.query(change)).rejects.toThrow('append-only');
  });
});

describe('a witness', () => {
  const kinds = [
    ['in a file', () => createFileWitness(`${log.witnessFile}-of-its-own`)],
    ['in a table of a PostgreSQL', () => createPostgresWitness(log.database.url, ORIGIN)],
  ] as const;

  it.each(kinds)('%s lets one of many writers win, and no other', async (_, open) => {
    const witnesses = Array.from({ length: 6 }, open);
    expect(await witnesses[0]!.read()).toBeNull();
    let last: string | null = null;
    for (let n = 0; n < 12; n++) {
      const before: string | null = last;
      const notes = witnesses.map((_witness, w) => `note ${n} of ${w}\n`);
      const won: boolean[] = await Promise.all(witnesses.map((witness, w) => witness.swap(before, notes[w]!)));
      expect(won.filter(Boolean)).toEqual([true]);
      last = notes[won.indexOf(true)]!;
      expect(await witnesses.at(-1)!.read()).toBe(last);
    }
    expect(await witnesses[0]!.swap('note 3 of 1\n', 'from the past\n')).toBe(false);
    expect(await witnesses[0]!.swap(null, 'from before everything\n')).toBe(false);
    await Promise.all(witnesses.map((witness) => witness.close()));
  });

  it('in a file that was not replaced any more after a swap still gives the newest note', async () => {
    const file = `${log.witnessFile}-torn`;
    const witness = createFileWitness(file);
    await witness.swap(null, 'one\n');
    await witness.swap('one\n', 'two\n');
    await witness.swap('two\n', 'three\n');
    await writeFile(file, 'one\n');
    expect(await witness.read()).toBe('three\n');
    expect(await witness.swap('one\n', 'fork\n')).toBe(false);
    expect(await witness.swap('three\n', 'four\n')).toBe(true);
  });

  it('that cannot be reached says where it is, and no password', async () => {
    const gone = createPostgresWitness('postgresql://witness:pass-word@127.0.0.1:1/elsewhere', ORIGIN);
    const error = await gone.read().catch((thrown: Error) => thrown);
    expect(error).toMatchObject({ code: 'EVIDENCE_WITNESS_UNAVAILABLE', mayPass: true });
    expect(String((error as Error).message)).toContain('postgresql://127.0.0.1:1/elsewhere');
    expect(String((error as Error).message)).not.toContain('pass-word');
    await gone.close();
  });
});
