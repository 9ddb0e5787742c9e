/**
 * `kerbtrail demo` and the embedded server that the command line starts by itself: everything real, in a folder of its own,
 * from nothing to the last line, twice, and cleanly ended.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { COMMAND_LINE, runCommandLine, type Ran } from './support/command-line.js';
import { startProcess, type TestProcess } from './support/processes.js';
import { newFolder } from './support/server.js';

const DEMO_MS_MAX = 60_000;
const LIFECYCLE_MS_MAX = 90_000;

let folder: string;
const running: TestProcess[] = [];

beforeAll(async () => void (folder = await newFolder()));
afterEach(async () => void (await Promise.all(running.splice(0).map((process) => process.stop()))));
afterAll(() => rm(folder, { recursive: true, force: true }));

const environment = (): NodeJS.ProcessEnv => ({
  KERBTRAIL_FOLDER: folder,
  KERBTRAIL_PORT: '0',
  KERBTRAIL_URL: undefined,
  KERBTRAIL_TOKEN: undefined,
  DATABASE_URL: undefined,
});

const kerbtrail = (args: readonly string[], stdin?: string): Promise<Ran> =>
  runCommandLine(args, { env: environment(), ...(stdin === undefined ? {} : { stdin }) });

async function lastPosition(): Promise<number> {
  const { stdout } = await kerbtrail(['events', 'list', '--limit', '1000', '-o', 'jsonl']);
  const positions = stdout
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { position: number }).position);
  return Math.max(...positions);
}

async function serve(): Promise<TestProcess> {
  const demo = await startProcess([COMMAND_LINE, 'demo'], { env: environment() });
  running.push(demo);
  await demo.waitFor(/Serving until Ctrl-C/, DEMO_MS_MAX);
  return demo;
}

async function serverPid(): Promise<number> {
  return (JSON.parse(await readFile(join(folder, 'local.json'), 'utf8')) as { pid: number }).pid;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** PostgreSQL removes this file when it has shut down. */
const isDatabaseRunning = (): boolean => existsSync(join(folder, 'postgres', 'data', 'postmaster.pid'));

describe('the demo', () => {
  let first: Ran;

  it(
    'goes from an empty folder to everything there is to see, in less than a minute',
    async () => {
      first = await kerbtrail(['demo', '--exit']);
      expect(first).toMatchObject({ exitCode: 0, stderr: '' });
    },
    DEMO_MS_MAX,
  );

  it('imports the recording and says what it left out', () => {
    expect(first.stdout).toMatch(/log\.samba\.gz +samba +observed:corp\.example +2,839 +247/);
    expect(first.stdout).toMatch(/Left out\n.*\ncapture\.pcap\.gz/);
  });

  it('plays success, duplicate SPN and wrong service key between separate processes', () => {
    expect(first.stdout).toMatch(/✓ HTTP\/web\.demo\.example +alice and the service know each other/);
    expect(first.stdout).toMatch(/✗ HTTP\/shop\.demo\.example +fails in S4: KDC_ERR_PRINCIPAL_NOT_UNIQUE/);
    expect(first.stdout).toContain('accepted it once its enforcement was "audit"');
    expect(first.stdout).toMatch(/✗ cifs\/files\.demo\.example +fails in S7: KRB_AP_ERR_BAD_INTEGRITY/);
  });

  it('shows what was found: duplicates with their bounds, failures with their cause, steps, findings', () => {
    expect(first.stdout).toContain('HTTP/web1.corp.example on svc-old');
    expect(first.stdout).toContain('after 10:53:32.933392,');
    expect(first.stdout).toContain('HTTP/shop.demo.example on svc-shop-old');
    expect(first.stdout).toMatch(/alice@DEMO\.EXAMPLE → cifs\/files\.demo\.example +spn on other account \(inferred\)/);
    expect(first.stdout).toMatch(/S4 +the SPN has one holder only +passed +failed +passed/);
    expect(first.stdout).toMatch(/S9 +the proof matches: the service is authenticated +passed +– +–/);
    expect(first.stdout).toContain('unaudited-write');
  });

  it('says last where the API is and how to authenticate', () => {
    const lines = first.stdout.trimEnd().split('\n').slice(-2);
    expect(lines[0]).toMatch(/API +http:\/\/127\.0\.0\.1:\d+\/v1, described at http:\S+\/docs/);
    expect(lines[1]).toMatch(/token +"token" in \S*local\.json, sent as +Authorization: Bearer kt_…/);
  });

  it(
    'adds no event when it is run again, and says what it did not play again',
    async () => {
      const before = await lastPosition();
      const second = await kerbtrail(['demo', '--exit']);
      expect(second).toMatchObject({ exitCode: 0, stderr: '' });
      expect(second.stdout.match(/played by an earlier run, not again/g)).toHaveLength(3);
      expect(await lastPosition()).toBe(before);
    },
    DEMO_MS_MAX,
  );

  it(
    'goes on serving, so that the duplicate can be repaired and the authentication tried again',
    async () => {
      const demo = await serve();
      const url = /HTTP\/shop\.demo\.example --url (\S+)/.exec(demo.output())?.[1] ?? '';
      const attempt = ['--token-file', join(folder, 'demo-client.token'), 'auth', 'try', '--forest', 'demo.example'];
      const service = ['--client', 'alice', '--spn', 'HTTP/shop.demo.example', '--url', url];
      const password = await readFile(join(folder, 'demo-client.password'), 'utf8');

      const refused = await kerbtrail([...attempt, ...service, '--password-stdin'], password);
      expect(refused).toMatchObject({ exitCode: 1, stdout: expect.stringContaining('KDC_ERR_PRINCIPAL_NOT_UNIQUE') });
      await kerbtrail(['spn', 'delete', 'svc-shop-old', 'HTTP/shop.demo.example']);
      const allowed = await kerbtrail([...attempt, ...service]);
      expect(allowed).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('existing logon of alice') });
      expect(allowed.stdout).toMatch(/S9 +the proof matches: the service is authenticated +passed/);
      expect(allowed.stdout).toContain('mutually authenticated');
    },
    LIFECYCLE_MS_MAX,
  );

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'ends cleanly on %s: the server, its PostgreSQL and the services with it',
    async (signal) => {
      const demo = await serve();
      const service = /--url (http:\S+)/.exec(demo.output())?.[1] ?? '';
      const pid = await serverPid();
      expect(isAlive(pid)).toBe(true);
      expect(await demo.stop(signal)).toBe(0);
      expect(isAlive(pid)).toBe(false);
      expect(isDatabaseRunning()).toBe(false);
      await expect(fetch(service)).rejects.toThrow('fetch failed');
    },
    LIFECYCLE_MS_MAX,
  );

  it(
    'whose server was killed says so; the next command adopts the orphaned PostgreSQL and says so too',
    async () => {
      const demo = await serve();
      process.kill(await serverPid(), 'SIGKILL');
      expect(await demo.ended).toBe(3);
      expect(demo.output()).toContain('SERVER_GONE');
      expect(isDatabaseRunning()).toBe(true);
      const doctor = await kerbtrail(['doctor']);
      expect(doctor).toMatchObject({
        exitCode: 0,
        stderr: expect.stringMatching(/left running by an earlier run .* was adopted/),
      });
      expect(isDatabaseRunning()).toBe(false);
    },
    LIFECYCLE_MS_MAX,
  );
});

describe('a command without a server', () => {
  it(
    'starts one for its time; two at once share it, and neither takes it from the other',
    async () => {
      const ran = await Promise.all([
        kerbtrail(['forest', 'list']),
        kerbtrail(['spn', 'query', 'HTTP/web1.corp.example']),
      ]);
      expect(ran.map(({ exitCode, stderr }) => ({ exitCode, stderr }))).toEqual(
        ran.map(() => ({ exitCode: 0, stderr: '' })),
      );
      expect(isAlive(await serverPid())).toBe(false);
      expect(isDatabaseRunning()).toBe(false);
    },
    LIFECYCLE_MS_MAX,
  );

  it(
    'that is interrupted takes it down as well',
    async () => {
      const tail = await startProcess([COMMAND_LINE, 'events', 'tail', '-f'], { env: environment() });
      running.push(tail);
      await tail.waitFor(/Import|Ticket|Service/);
      expect(await tail.stop('SIGINT')).toBe(130);
      expect(isAlive(await serverPid())).toBe(false);
      expect(isDatabaseRunning()).toBe(false);
    },
    LIFECYCLE_MS_MAX,
  );
});
