/**
 * How a server begins and ends, on an embedded PostgreSQL and on one that it shares: real processes, real signals.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { createTestDatabase } from '../support/database.js';
import { startProcess } from '../support/processes.js';
import { newFolder, newKeyEncryptionKey, PROGRAM, serverEnv, startServer, type TestServer } from '../support/server.js';

/** Process id of the folder's PostgreSQL while it runs. */
async function postgresOf(folder: string): Promise<number | undefined> {
  const text = await readFile(join(folder, 'postgres/data/postmaster.pid'), 'utf8').catch(() => '');
  const pid = Number(text.split('\n')[0]);
  return pid > 0 && isAlive(pid) ? pid : undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** A start that is expected to fail: what it said, and its exit code. */
async function failedStart(folder: string, env: NodeJS.ProcessEnv): Promise<{ code: unknown; said: string }> {
  const started = await startProcess([PROGRAM], { env: { ...serverEnv(folder, {}), ...env } });
  return { code: await started.ended, said: started.output() };
}

describe('a server on its embedded PostgreSQL', () => {
  let folder: string;
  let server: TestServer | undefined;

  // One after the other on one folder: each begins with what the one before left.
  beforeAll(async () => {
    folder = await newFolder();
  });
  afterEach(async () => {
    await server?.stop();
    server = undefined;
  });
  afterAll(async () => {
    const postgres = await postgresOf(folder);
    if (postgres !== undefined) process.kill(postgres, 'SIGQUIT');
    await rm(folder, { recursive: true, force: true });
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('ends cleanly on %s and takes its PostgreSQL with it', async (signal) => {
    server = await startServer({ folder });
    expect(await postgresOf(folder)).toBeDefined();
    expect(await server.stop(signal)).toBe(0);
    expect(await postgresOf(folder)).toBeUndefined();
  });

  it('ends in time though a tail is open and an upload never ends', async () => {
    server = await startServer({ folder });
    const { head } = await server.api.done<{ head: number }>('GET', '/v1/projections');
    const tail = server.api.get(`/v1/events/tail?type=NothingEver&after=${head}&waitSeconds=30`).catch(() => 'cut off');
    const endless = request(new URL('/v1/imports?name=endless.log', server.url), {
      method: 'POST',
      headers: { authorization: `Bearer ${server.api.token}`, 'content-type': 'application/octet-stream' },
    });
    const cut = once(
      endless.on('error', () => {}),
      'close',
    );
    endless.write(gunzipSync(await readFile('samples/lab-samba-ad/log.samba.gz')));
    while (Number((await server.api.done('GET', '/v1/projections'))['head']) <= head) await delay(50);
    const began = performance.now();
    expect(await server.stop()).toBe(0);
    expect(performance.now() - began).toBeLessThan(12_000);
    await Promise.all([tail, cut]);
    expect(await postgresOf(folder)).toBeUndefined();
  });

  it('adopts the PostgreSQL that a killed run left behind, says so, and has every event', async () => {
    server = await startServer({ folder });
    const { position } = await server.api.done<{ position: number }>('POST', '/v1/forests', { name: 'kept.example' });
    const token = server.api.token;
    await server.stop('SIGKILL');
    const orphan = await postgresOf(folder);
    expect(orphan).toBeDefined();

    server = await startServer({ folder });
    expect(server.process.output()).toMatch(/left running by an earlier run \(process \d+\) was adopted/);
    expect(await postgresOf(folder)).toBe(orphan);
    expect(server.api.token).toBe(token);
    const { body } = await server.api.get<{ rows: { forest: string }[] }>(`/v1/forests?after=${position}`);
    expect(body.rows).toMatchObject([{ forest: 'kept.example' }]);
  });

  it('refuses a second server on the folder and says what to do', async () => {
    server = await startServer({ folder });
    const { code, said } = await failedStart(folder, {});
    expect(code).toBe(3);
    expect(said).toMatch(/A server \(process \d+\) already works in .*: use it, stop it, or set KERBTRAIL_FOLDER/);
    expect((await server.api.get('/ready')).status).toBe(200);
  });

  it('refuses another key-encryption key than the one its keys were wrapped under', async () => {
    server = await startServer({ folder });
    await server.stop();
    const { code, said } = await failedStart(folder, { KERBTRAIL_KEK: newKeyEncryptionKey() });
    expect(code).toBe(3);
    expect(said).toContain('the key-encryption key does not open');
    expect(await postgresOf(folder)).toBeUndefined();
  });
});

describe('a server that cannot be configured', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await newFolder();
  });

  it.each([
    ['KERBTRAIL_PORT', { KERBTRAIL_PORT: '99999' }],
    ['DATABASE_URL', { DATABASE_URL: 'mysql://nowhere' }],
    ['DATABASE_URL', { KERBTRAIL_MIGRATION_URL: 'postgresql://x@127.0.0.1/x' }],
    ['KERBTRAIL_LOG_LEVEL', { KERBTRAIL_LOG_LEVEL: 'loud' }],
  ])('exits with 2 and names %s', async (variable, env) => {
    const { code, said } = await failedStart(folder, env);
    expect(code).toBe(2);
    expect(said).toContain(variable);
  });
});

describe('two servers on one PostgreSQL', () => {
  it('both serve, and when the one that projects is killed the other takes over', async () => {
    const database = await createTestDatabase();
    const keyEncryptionKey = newKeyEncryptionKey();
    const first = await startServer({ databaseUrl: database.url, keyEncryptionKey });
    const second = await startServer({ databaseUrl: database.url, keyEncryptionKey });
    try {
      await first.api.done('POST', '/v1/forests', { name: 'one.example' });
      const made = await second.api.done<{ position: number }>('POST', '/v1/forests', { name: 'two.example' });
      const seen = await first.api.get<{ rows: { forest: string }[] }>(`/v1/forests?after=${made.position}`);
      expect(seen.body.rows.map(({ forest }) => forest)).toEqual(['one.example', 'two.example']);

      await first.stop('SIGKILL');
      const last = await second.api.done<{ position: number }>('POST', '/v1/forests', { name: 'three.example' });
      const deadline = Date.now() + 20_000;
      let answer = await second.api.get<{ rows: { forest: string }[] }>(`/v1/forests?after=${last.position}`);
      while (answer.status === 503 && Date.now() < deadline) {
        answer = await second.api.get<{ rows: { forest: string }[] }>(`/v1/forests?after=${last.position}`);
      }
      expect(answer.body.rows.map(({ forest }) => forest)).toEqual(['one.example', 'three.example', 'two.example']);
      expect((await second.api.get('/ready')).status).toBe(200);
    } finally {
      await first.dispose();
      await second.dispose();
      await database.drop();
    }
  }, 60_000);
});
