/**
 * The log changed by a superuser, in every way that SQL has, and found by `kerbtrail verify`, which names the first event that is
 * not as it was signed and how it was changed. And bundles of evidence, which need no server.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { leafHash } from '#tlog';
import { runCommandLine, type Ran } from './support/command-line.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { type LoggedEvent, readEvents, type Tampering, tampering } from './support/log-tampering.js';
import { newKeyEncryptionKey, startServer, type TestServer } from './support/server.js';

type Fault = { readonly kind: string; readonly position: number; readonly upTo?: number; readonly detail: string };
type Verified = {
  readonly verified: boolean;
  readonly size: number;
  readonly fault: Fault | null;
  readonly keys: string[];
  readonly learned: string[];
};

type Rebuilt = { readonly position: number; readonly digest: string; readonly verified: object };

const SAMPLES = resolve('samples/lab-samba-ad');
const keyEncryptionKey = newKeyEncryptionKey();

let database: TestDatabase;
let olderDatabase: TestDatabase;
let olderSize: number;
let server: TestServer;
let folder: string;
let events: LoggedEvent[];

const witnessFile = () => join(folder, 'witness', 'checkpoint');

function kerbtrail(...args: string[]): Promise<Ran> {
  return runCommandLine(args, {
    env: { KERBTRAIL_FOLDER: folder, KERBTRAIL_URL: undefined, KERBTRAIL_TOKEN: undefined },
  });
}

async function succeeds(...args: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await kerbtrail(...args);
  if (exitCode !== 0) throw new Error(`kerbtrail ${args.join(' ')}: ${exitCode}\n${stdout}${stderr}`);
  return stdout;
}

async function verify(...args: string[]): Promise<Verified> {
  const { exitCode, stdout, stderr } = await kerbtrail('verify', '-o', 'json', ...args);
  if (stdout === '') throw new Error(`kerbtrail verify: ${exitCode}\n${stderr}`);
  const answer = JSON.parse(stdout) as Verified;
  expect(exitCode).toBe(answer.verified ? 0 : 1);
  return answer;
}

/** Waits until all of the log is signed; gives its size. */
async function signed({ api } = server): Promise<number> {
  for (const deadline = Date.now() + 20_000; ; await delay(100)) {
    const { body } = await api.get<{ size: number; head: number }>('/v1/evidence/status');
    if (body.size === body.head) return body.size;
    if (Date.now() > deadline) throw new Error(`only ${body.size} of ${body.head} events were signed`);
  }
}

/** Waits until the server signs no further; gives what it says then. */
async function refusing(): Promise<Ran> {
  let status = await kerbtrail('evidence', 'status');
  for (const deadline = Date.now() + 20_000; status.exitCode === 0 && Date.now() < deadline; await delay(100)) {
    status = await kerbtrail('evidence', 'status');
  }
  expect(status.exitCode).toBe(1);
  return status;
}

beforeAll(async () => {
  database = await createTestDatabase();
  server = await startServer({ databaseUrl: database.url, keyEncryptionKey });
  folder = server.folder;
  await succeeds('import', join(SAMPLES, 'directory-t0.ldif'));
  olderSize = await signed();
  await server.stop();
  olderDatabase = await createTestDatabase({ copyOf: database });
  server = await startServer({ databaseUrl: database.url, keyEncryptionKey, folder });
  await succeeds('import', SAMPLES);
  await signed();
  events = await readEvents(database);
}, 120_000);
afterAll(async () => {
  await server.dispose();
  await database.drop();
  await olderDatabase.drop();
}, 60_000);

describe('kerbtrail verify', () => {
  it('finds the log whole, and remembers its key and checkpoint for the next time', async () => {
    const first = await kerbtrail('verify');
    expect(first).toMatchObject({ exitCode: 0, stderr: '' });
    expect(first.stdout).toContain(`The log is what was signed: events 1 to ${events.length}.`);
    expect(first.stdout).toMatch(/trusted +on first use/);
    const second = await kerbtrail('verify', '--witness', witnessFile());
    expect(second.stdout).toMatch(
      new RegExp(
        `trusted +since .*\n[^]*seen before +${events.length} events, seen .*: the same\nwitness +${events.length} events: the same`,
      ),
    );
    expect(await verify('--from', '100', '--to', '120')).toMatchObject({ verified: true });
  });

  it('says what cannot be verified yet, and what was asked for wrongly', async () => {
    expect(await kerbtrail('verify', '--to', '999999')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining(`covers ${events.length} events`),
    });
    expect(await kerbtrail('verify', '--key', 'nonsense')).toMatchObject({ exitCode: 2 });
    expect(await kerbtrail('verify', '--witness', join(folder, 'nothing'))).toMatchObject({ exitCode: 3 });
  });
});

describe('a superuser, with triggers off,', () => {
  const at = 150;
  const bodyAt = (position: number) => events[position - 1]!.body;
  const forged = () => bodyAt(at).replace('"schemaVersion":', '"schemaVersion":1');

  /** Tampers, verifies, undoes. */
  const after = (change: (log: Tampering) => Promise<void>, ...args: string[]): Promise<Verified> =>
    tampering(database.adminPool, change, () => verify(...args));

  it('changed the last event that was signed: the server sees it by itself, and signs no further', async () => {
    await tampering(
      database.adminPool,
      (log) => log.overwrite(events.length, forged(), { leaf: true }),
      async () => {
        const { stdout } = await refusing();
        expect(stdout).toMatch(/state +refused: /);
      },
    );
  });

  // From here on nothing is signed, so that no half-done change gets into the tree while it is put back.

  it('changed the bytes of an event', async () => {
    const { fault } = await after((log) => log.overwrite(at, forged(), { leaf: false }));
    expect(fault).toMatchObject({ kind: 'changed', position: at });
  });

  it('changed the bytes and the leaf column with them', async () => {
    const { fault } = await after((log) => log.overwrite(at, forged(), { leaf: true }));
    expect(fault).toMatchObject({ kind: 'changed', position: at });
    expect(fault?.detail).toContain(leafHash(forged()).toString('hex'));
  });

  it('removed an event', async () => {
    const { fault } = await after((log) => log.sql('DELETE FROM log.event_log WHERE position = $1', [at]));
    expect(fault).toMatchObject({ kind: 'removed', position: at });
  });

  it('removed an event and moved the later ones down', async () => {
    const { fault } = await after(async (log) => {
      await log.sql('DELETE FROM log.event_log WHERE position = $1', [at]);
      await log.shift(at + 1, -1);
      await log.sql('UPDATE log.log_head SET size = size - 1');
    });
    expect(fault).toMatchObject({ kind: 'removed', position: at });
  });

  it('inserted an event and moved the later ones up', async () => {
    const { fault } = await after(async (log) => {
      await log.shift(at, 1);
      await insertForged(log, at);
      await log.sql('UPDATE log.log_head SET size = size + 1');
    });
    expect(fault).toMatchObject({ kind: 'inserted', position: at });
  });

  it('let two events change places', async () => {
    const { fault } = await after(async (log) => {
      await log.overwrite(at, bodyAt(at + 90), { leaf: true });
      await log.overwrite(at + 90, bodyAt(at), { leaf: true });
    });
    expect(fault).toMatchObject({ kind: 'reordered', position: at });
  });

  it('put an event behind the head of the log', async () => {
    const { fault } = await after((log) => insertForged(log, events.length + 1));
    expect(fault).toMatchObject({ kind: 'inserted', position: events.length + 1 });
  });

  it('changed a leaf in the tiles, and no event', async () => {
    const { fault } = await after((log) =>
      log.sql(
        `UPDATE evidence.tile SET hashes = set_byte(hashes, $1, 1 + get_byte(hashes, $1) % 255) WHERE level = 0 AND index = 0`,
        [(at - 1) * 32],
      ),
    );
    expect(fault).toMatchObject({ kind: 'tile', position: at });
  });

  it('rewrote an event, its leaf and all tiles: the next event of its stream names it', async () => {
    const linked = events.find(
      ({ position, stream }) =>
        position > 100 && events.some((later) => later.position > position && later.stream === stream),
    )!;
    const { fault } = await after(async (log) => {
      await log.overwrite(linked.position, linked.body.replace('"schemaVersion":', '"schemaVersion":1'), {
        leaf: true,
      });
      await log.rewriteTree();
    });
    expect(fault).toMatchObject({ kind: 'changed', position: linked.position });
    expect(fault?.upTo).toBeUndefined();
    expect(fault?.detail).toContain('was written after an event with leaf');
  });

  it('rewrote the last event of a stream, its leaf and all tiles: earlier checkpoints tell where', async () => {
    const last = events.findLast(
      ({ position, stream }) =>
        position <= olderSize && !events.some((later) => later.position > position && later.stream === stream),
    )!;
    const { fault } = await after(async (log) => {
      await log.overwrite(last.position, last.body.replace('"schemaVersion":', '"schemaVersion":1'), { leaf: true });
      await log.rewriteTree();
    });
    expect(fault?.kind).toBe('changed');
    expect(fault?.position).toBeLessThanOrEqual(last.position);
    const upTo = fault?.upTo ?? fault?.position;
    expect(upTo).toBeGreaterThanOrEqual(last.position);
    expect(upTo).toBeLessThanOrEqual(olderSize);
    expect(fault?.detail).toContain('changed together with their leaves and tiles');
  });

  it('undid all of it: the log is whole again', async () => {
    expect(await verify()).toMatchObject({ verified: true, fault: null });
  });

  async function insertForged(log: Tampering, position: number): Promise<void> {
    await log.sql(
      `INSERT INTO log.event_log (position, stream, version, event_id, type, schema_version, recorded_at, body, leaf)
       SELECT $1, stream, version + 1000, gen_random_uuid(), type, schema_version, recorded_at, $2, $3
         FROM log.event_log WHERE position = $4`,
      [position, forged(), leafHash(forged()), at - 1],
    );
  }
});

describe('a database restored to an older state', () => {
  let restored: TestServer;
  beforeAll(async () => {
    await server.stop();
    restored = await startServer({ databaseUrl: olderDatabase.url, keyEncryptionKey, folder });
  }, 60_000);
  afterAll(() => restored.stop());

  it('is found by what was seen here before: the first event that is gone', async () => {
    const { fault } = await verify();
    expect(fault).toMatchObject({ kind: 'removed', position: olderSize + 1 });
    expect(fault?.detail).toContain('the checkpoint seen here at');
  });

  it('is found by the witness, by one who has never seen the log before', async () => {
    const { url, api } = restored;
    const elsewhere = join(folder, 'of-an-auditor');
    const env = { KERBTRAIL_FOLDER: elsewhere, KERBTRAIL_URL: url, KERBTRAIL_TOKEN: api.token };
    const { exitCode, stdout } = await runCommandLine(['verify', '--witness', witnessFile()], { env });
    expect(exitCode).toBe(1);
    expect(stdout).toContain(`The first event that is not as it was signed: ${olderSize + 1}. It was removed.`);
    expect(stdout).toMatch(/found +the witness has \d+ events/);
  });

  it('is signed no further by the server', async () => {
    const { stdout } = await refusing();
    expect(stdout).toMatch(/state +refused: .*restored from an older copy/);
  });
});

describe('a database restored to an older state and written on, with a witness that begins anew,', () => {
  it('parts from the witness of before where that one’s own checkpoints do', async () => {
    const branch = await createTestDatabase({ copyOf: olderDatabase });
    const restored = await startServer({ databaseUrl: branch.url, keyEncryptionKey });
    try {
      const elsewhere = join(folder, 'of-another-auditor');
      const env = { KERBTRAIL_FOLDER: elsewhere, KERBTRAIL_URL: restored.url, KERBTRAIL_TOKEN: restored.api.token };
      expect((await runCommandLine(['forest', 'create', 'written-on.example'], { env })).exitCode).toBe(0);
      const size = await signed(restored);
      expect(size).toBeGreaterThan(olderSize + 1);
      const args = ['verify', '-o', 'json', '--witness', witnessFile()];
      const { exitCode, stdout } = await runCommandLine(args, { env });
      const { fault } = JSON.parse(stdout) as Verified;
      expect({ exitCode, position: fault?.position }).toEqual({ exitCode: 1, position: olderSize + 1 });
    } finally {
      await restored.dispose();
      await branch.drop();
    }
  }, 60_000);
});

describe('kerbtrail rebuild --verify', () => {
  beforeAll(async () => {
    // A server that has seen its tree changed signs no further, and does not take it back.
    await server.stop();
    server = await startServer({ databaseUrl: database.url, keyEncryptionKey, folder });
  }, 60_000);

  /** The very table that queries read, and what is in it. */
  const inUse = async (): Promise<unknown> => {
    const { rows } = await database.adminPool.query(
      `SELECT 'read.event_index'::regclass::oid AS id, md5(string_agg(t::text, '' ORDER BY position)) AS digest
         FROM read.event_index AS t`,
    );
    return rows[0];
  };

  it.each([
    [
      'changed',
      `UPDATE log.event_log SET body = replace(body, '"schemaVersion":1', '"schemaVersion":9') WHERE position = 150`,
    ],
    ['removed', 'DELETE FROM log.event_log WHERE position = 150'],
  ])('names the event that was %s, and leaves the read model in use as it is', async (kind, sql) => {
    const before = await inUse();
    const rebuilt = await tampering(
      database.adminPool,
      (log) => log.sql(sql),
      () => kerbtrail('rebuild', 'events', '--verify'),
    );
    expect(rebuilt).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('EVIDENCE_MISMATCH') });
    expect(rebuilt.stderr).toContain(kind === 'removed' ? 'nothing stands at position 150' : 'position 150 is not');
    expect(await inUse()).toEqual(before);
  });

  it('publishes what verifies, and records what it was built from', async () => {
    const size = await signed();
    const [rebuilt] = JSON.parse(await succeeds('rebuild', 'events', '--verify', '-o', 'json')) as Rebuilt[];
    expect(rebuilt).toMatchObject({ projection: 'events', rebuiltTo: size, verified: { size } });
    await signed();
    const { event } = (await server.api.get<{ event: object }>(`/v1/events/${rebuilt!.position}`)).body;
    const { digest, verified } = rebuilt!;
    expect(event).toMatchObject({
      type: 'ProjectionAttested',
      data: {
        projection: 'events',
        position: size,
        digest,
        ...verified,
        upcasters: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
    });
  });
});

describe('a bundle of evidence', () => {
  const fileIn = (name: string) => join(files, name);
  let files: string;
  beforeAll(async () => {
    files = await mkdtemp(join(tmpdir(), 'kerbtrail-evidence-'));
  });
  afterAll(() => rm(files, { recursive: true }));

  it('is written once, small enough to send, with what it is and how to verify it', async () => {
    const stdout = await succeeds('evidence', 'bundle', '--range', '120..130', '--out-file', fileIn('range.json'));
    expect(stdout).toMatch(/events +11\nsize +\d+ KiB\n[^]*kerbtrail verify .*range\.json --key KEY/);
    const again = await kerbtrail('evidence', 'bundle', '--range', '1..2', '--out-file', fileIn('range.json'));
    expect(again).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('FILE_NOT_WRITTEN') });
    const { stream } = events[119]!;
    await succeeds('evidence', 'bundle', '--stream', stream, '--out-file', fileIn('stream.json'));
    await succeeds('evidence', 'bundle', '--position', '7', '3', '--out-file', fileIn('two.json'));
  });

  it('verifies after the key was rotated, and the log goes on to verify by the new key, learned from the old', async () => {
    const before = await verify();
    await succeeds('evidence', 'rotate-key', '--overlap-days', '1');
    await signed();
    await succeeds('forest', 'create', 'signed-by-both.example');
    await signed();
    const both = await verify();
    expect(both).toMatchObject({ verified: true, keys: before.keys, learned: [expect.any(String)] });
    expect((await verify()).keys.toSorted()).toEqual([...both.keys, ...both.learned].toSorted());
    expect((await kerbtrail('verify', fileIn('range.json'))).exitCode).toBe(0);
    await succeeds('evidence', 'rotate-key', '--overlap-days', '0');
    await signed();
    const changed = await kerbtrail('verify');
    expect(changed).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('LOG_KEY_CHANGED') });
    expect(changed.stderr).toContain('kerbtrail verify --key KEY');
    const newest = (JSON.parse(await succeeds('evidence', 'keys', '-o', 'json')) as { verifierKey: string }[]).at(-1)!;
    expect(await verify('--key', newest.verifierKey)).toMatchObject({ verified: true, keys: [newest.verifierKey] });
    expect(await verify()).toMatchObject({ verified: true, keys: [newest.verifierKey] });
    expect((await kerbtrail('verify', fileIn('range.json'))).exitCode).toBe(0);
  });

  it('is verified without a server, and says what it proves and what not', async () => {
    await server.stop();
    const range = await kerbtrail('verify', fileIn('range.json'));
    expect(range).toMatchObject({ exitCode: 0, stderr: '' });
    expect(range.stdout).toMatch(/range\.json proves its 11 events\.[^]*Proven\n[^]*120 to 130[^]*Not proven\n/);
    const stream = await kerbtrail('verify', fileIn('stream.json'));
    expect(stream.stdout).toMatch(/versions 1 to \d+ of stream [^]*none is missing between them/);
    expect((await kerbtrail('verify', fileIn('two.json'))).exitCode).toBe(0);
  });

  it('is refused when one of its events was altered, or left out', async () => {
    const bundle = await readFile(fileIn('range.json'), 'utf8');
    await writeFile(fileIn('altered.json'), bundle.replace(/("position":125,.*?schemaVersion\\":)/, '$11'));
    const altered = await kerbtrail('verify', fileIn('altered.json'));
    expect(altered.exitCode).toBe(1);
    expect(altered.stdout).toMatch(/altered\.json: event 125 is not what was signed \(changed\)/);
    await writeFile(fileIn('shorter.json'), bundle.replace(/\n.*"position":125,.*/, ''));
    expect((await kerbtrail('verify', fileIn('shorter.json'))).stdout).toMatch(/event 125 .*\(removed\)/);
    await writeFile(fileIn('cut.json'), bundle.slice(0, 500));
    expect(await kerbtrail('verify', fileIn('cut.json'))).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('TLOG_BUNDLE_INVALID'),
    });
  });

  it('of a log that is not known here proves nothing until its key is given', async () => {
    const elsewhere = { env: { KERBTRAIL_FOLDER: join(files, 'elsewhere'), KERBTRAIL_URL: undefined } };
    const unknown = await runCommandLine(['verify', fileIn('range.json')], elsewhere);
    expect(unknown.exitCode).toBe(1);
    expect(unknown.stdout).toMatch(/nobody that is trusted here has signed it[^]*--key KEY/);
    const { keys } = JSON.parse(await readFile(fileIn('range.json'), 'utf8')) as { keys: string[] };
    expect((await runCommandLine(['verify', fileIn('range.json'), '--key', keys[0]!], elsewhere)).exitCode).toBe(0);
  });
});

describe('a database restored to before its key was rotated', () => {
  let restored: TestServer;
  beforeAll(async () => {
    await server.stop();
    restored = await startServer({ databaseUrl: olderDatabase.url, keyEncryptionKey, folder });
  }, 60_000);
  afterAll(() => restored.stop());

  it('is a log that was cut off, not one with a key that nobody knows', async () => {
    expect((await verify()).fault).toMatchObject({ kind: 'removed', position: olderSize + 1 });
  });
});
