/**
 * Backup and restore of the embedded database by the command line: taken under load, checked file by file, recovered into a
 * new folder, and everything that was acknowledged up to the backup is there.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { appendFile, cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createPool } from '#postgres';
import { checkHistory } from '../../bench/torture/history.js';
import type { Told } from '../../bench/torture/journal.js';
import { readHistory } from '../../bench/torture/read-history.js';
import { runCommandLine } from '../support/command-line.js';
import { newFolder, startServer, type TestServer } from '../support/server.js';

const FOREST = 'backup.example';
const CALLERS = 6;

type Answer = { readonly account: string; readonly position: number };

let folder: string;
let server: TestServer;
let backup: string;
let restored: string;
/** Of the backup, as the command line told it. */
let taken: { readonly logSize: number; readonly manifest: string; readonly files: number };
const told: Told[] = [];

beforeAll(async () => {
  folder = await newFolder();
  backup = join(folder, 'backup');
  restored = join(folder, 'restored');
  server = await startServer({ folder: join(folder, 'kept') });
  await server.api.done('POST', '/v1/forests', { name: FOREST });
  const load = new AbortController();
  const callers = Array.from({ length: CALLERS }, (_, n) => registerUntil(load.signal, n));
  try {
    await acknowledged(40);
    const { exitCode, stdout, stderr } = await commandLine('backup', backup);
    if (exitCode !== 0) throw new Error(stderr);
    taken = JSON.parse(stdout);
    await acknowledged(told.length + 10);
    await witnessed(taken.logSize + 1);
  } finally {
    load.abort();
    await Promise.all(callers);
  }
}, 120_000);
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Commands until told to stop, every acknowledged one noted. */
async function registerUntil(stopped: AbortSignal, caller: number): Promise<void> {
  const send = async (n: number, path: string, body: object): Promise<Answer> => {
    const id = randomUUID();
    const { status, body: reply, text } = await server.api.call<Answer>('POST', path, { key: id, body });
    if (status >= 300) throw new Error(text);
    told.push({ lane: `caller/${caller}`, n, id, status: 'committed', position: reply.position, reply });
    return reply;
  };
  const details = { forest: FOREST, domain: FOREST, kind: 'user', samAccountName: `svc-${caller}` };
  const { account } = await send(0, '/v1/accounts', details);
  for (let n = 1; !stopped.aborted; n++) {
    await send(n, `/v1/accounts/${account}/spns`, { spns: [`HTTP/h${caller}-${n}.${FOREST}`] });
  }
}

async function acknowledged(count: number): Promise<void> {
  while (told.length < count) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** Waits until the witness of the evidence has seen a checkpoint of so many events. */
async function witnessed(size: number): Promise<void> {
  while ((await evidence(server)).size < size) await new Promise((resolve) => setTimeout(resolve, 50));
}

async function evidence(of: TestServer): Promise<{ size: number; state: string; refusal?: { reason: string } }> {
  return (await of.api.get<{ size: number; state: string }>('/v1/evidence/status')).body;
}

function commandLine(...args: string[]) {
  const env = { KERBTRAIL_FOLDER: server.folder, DATABASE_URL: undefined, KERBTRAIL_URL: undefined };
  return runCommandLine(['-o', 'json', ...args], { env });
}

describe('a backup', () => {
  it('is taken while commands go on, and is an event', async () => {
    expect(told.filter(({ position }) => position! > taken.logSize)).not.toEqual([]);
    expect(told.filter(({ position }) => position! <= taken.logSize).length).toBeGreaterThanOrEqual(40);
    const { body } = await server.api.get<{ rows: { data: object }[] }>('/v1/events?stream=operation-backups');
    expect(JSON.stringify(body)).toContain(taken.manifest);
  });

  it('lists every file, and holds neither the key-encryption key nor a token', async () => {
    const kek = (await readFile(join(server.folder, 'kek'), 'utf8')).trim();
    const secrets = [Buffer.from(kek), Buffer.from(kek, 'base64'), Buffer.from(server.api.token)];
    const manifest = JSON.parse(await readFile(join(backup, 'manifest.json'), 'utf8')) as { files: { path: string }[] };
    expect(manifest.files.length).toBe(taken.files);
    for (const { path } of manifest.files) {
      const bytes = await readFile(join(backup, path));
      for (const secret of secrets) expect(bytes.includes(secret)).toBe(false);
    }
    expect(await readdir(backup)).not.toContain('kek');
  });

  it('is never written over anything', async () => {
    const again = await commandLine('backup', backup);
    expect(again).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('not empty') });
  });
});

describe('a restore', () => {
  it('makes a data folder whose log has all that was acknowledged up to the backup, whole', async () => {
    expect(await commandLine('restore', backup, '--into', restored)).toMatchObject({ exitCode: 0, stderr: '' });
    await cp(join(server.folder, 'kek'), join(restored, 'kek'));
    const started = await startServer({ folder: restored });
    try {
      const password = await readFile(join(restored, 'postgres', 'password'), 'utf8');
      const port = (await readFile(join(restored, 'postgres', 'data', 'postmaster.pid'), 'utf8'))
        .split('\n')[3]!
        .trim();
      const url = `postgresql://kerbtrail_migration:${password}@127.0.0.1:${port}/kerbtrail`;
      const pool = createPool(url, { max: 2, applicationName: 'test', asRole: 'none' });
      const history = await readHistory(pool);
      const faults = await checkHistory({
        ...history,
        told: told.filter(({ position }) => position! <= taken.logSize),
      });
      await pool.end();
      expect(history.size).toBeGreaterThanOrEqual(taken.logSize);
      expect(faults).toEqual([]);
      // What came after the backup is not there, and the log goes on.
      const next = await started.api.call<Answer>('POST', '/v1/forests', { body: { name: 'after.example' } });
      expect(next.status).toBe(201);
    } finally {
      await started.stop();
    }
  }, 120_000);

  it('is found by the witness that saw what came after the backup: no checkpoint is signed over the loss', async () => {
    const older = join(folder, 'older');
    expect(await commandLine('restore', backup, '--into', older)).toMatchObject({ exitCode: 0 });
    for (const kept of ['kek', 'witness']) {
      await cp(join(server.folder, kept), join(older, kept), { recursive: true });
    }
    const started = await startServer({ folder: older });
    try {
      // The first answer says so: whoever asks right after a start is not told that all is well.
      const doctor = await started.api.get<{ checks: { check: string; status: string }[] }>('/v1/doctor');
      expect(doctor.body.checks).toContainEqual(expect.objectContaining({ check: 'evidence', status: 'failed' }));
      expect(await evidence(started)).toMatchObject({
        state: 'refused',
        refusal: { reason: expect.stringMatching(/behind-witness|forked/) },
      });
    } finally {
      await started.stop();
    }
  }, 120_000);

  it('refuses a folder that holds something', async () => {
    const occupied = join(folder, 'occupied');
    await mkdir(occupied);
    await writeFile(join(occupied, 'letter.txt'), 'dear');
    const refused = await commandLine('restore', backup, '--into', occupied);
    expect(refused).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('never overwrites') });
    expect(await readdir(occupied)).toEqual(['letter.txt']);
  });

  it.each([
    [
      'a changed file',
      (copy: string) => appendFile(join(copy, 'postgres/data/PG_VERSION'), ' '),
      'PG_VERSION is not as it',
    ],
    [
      'a missing file',
      (copy: string) => rm(join(copy, 'postgres/data/global/pg_control')),
      'pg_control cannot be read',
    ],
    ['an added file', (copy: string) => writeFile(join(copy, 'postgres/data/more'), ''), 'more is not in its manifest'],
    ['a backup that was broken off', (copy: string) => rm(join(copy, 'manifest.json')), 'has no manifest.json'],
  ])('refuses %s, and leaves nothing', async (_, spoil, reason) => {
    const copy = join(folder, 'spoilt');
    await cp(backup, copy, { recursive: true });
    await spoil(copy);
    const refused = await commandLine('restore', copy, '--into', join(folder, 'nothing'));
    expect(refused).toMatchObject({ exitCode: 3, stderr: expect.stringContaining(reason) });
    expect(await readdir(folder)).not.toContain('nothing');
    await rm(copy, { recursive: true });
  });
});
