/** The command line against the real server, as a person or a script uses it: what it prints, where, and its exit code. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { COMMAND_LINE, runCommandLine, type Ran } from './support/command-line.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { startProcess } from './support/processes.js';
import { startServer, type TestServer } from './support/server.js';

const SAMPLES = resolve('samples/lab-samba-ad');
const DAY = '2026-11-22';

let database: TestDatabase;
let server: TestServer;
let files: string;

beforeAll(async () => {
  database = await createTestDatabase();
  server = await startServer({ databaseUrl: database.url });
  files = await mkdtemp(join(tmpdir(), 'kerbtrail-cli-'));
}, 60_000);
afterAll(async () => {
  await server.dispose();
  await database.drop();
  await rm(files, { recursive: true });
});

const environment = (): NodeJS.ProcessEnv => ({
  KERBTRAIL_FOLDER: server.folder,
  KERBTRAIL_URL: undefined,
  KERBTRAIL_TOKEN: undefined,
});

function kerbtrail(args: readonly string[], stdin?: string, env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  return runCommandLine(args, { env: { ...environment(), ...env }, ...(stdin === undefined ? {} : { stdin }) });
}

async function succeeds(...args: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await kerbtrail(args);
  if (exitCode !== 0) throw new Error(`kerbtrail ${args.join(' ')}: ${exitCode}\n${stdout}${stderr}`);
  return stdout;
}

async function rowsOf(...args: string[]): Promise<Record<string, unknown>[]> {
  const { stdout } = await kerbtrail([...args, '-o', 'jsonl']);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('import', () => {
  it('reads a folder of recordings and says what became of each file', async () => {
    const { exitCode, stdout, stderr } = await kerbtrail(['import', SAMPLES]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toMatch(/log\.samba\.gz +samba +observed:corp\.example +2,839 +247 +0 +2,593 +0/);
    expect(stdout).toMatch(/directory-t0\.ldif +ldif +observed:corp\.example +25 +23 +0/);
    expect(stdout).toMatch(/Left out\n[^]*capture\.pcap\.gz +it looks like a packet capture/);
  });

  it('adds nothing when it is run again', async () => {
    const reports = await rowsOf('import', SAMPLES);
    expect(reports.map(({ appended }) => appended)).toEqual(reports.map(() => 0));
    expect(reports.find(({ name }) => name === 'log.samba.gz')).toMatchObject({ duplicates: 247 });
  });

  it('quarantines what it cannot read, with line and reason, and says so by exit code 1', async () => {
    const log = join(files, 'broken.samba');
    const header = '[2026/11/22 10:52:49.497360,  3] ../../auth/auth_log.c:876(log_json)';
    await writeFile(log, `${header}\n  {"timestamp": broken\n`);
    const { exitCode, stdout } = await kerbtrail(['import', '--forest', 'broken.example', log]);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/Quarantined\nFILE +LINE +REASON +BEGINS\nbroken\.samba +\d+ +\S+/);
  });

  it('leaves out a dump whose instant nobody told, and names the option that tells it', async () => {
    const dump = join(files, 'alone.ldif');
    await writeFile(dump, await readFile(join(SAMPLES, 'directory-t0.ldif')));
    expect((await kerbtrail(['import', dump])).stdout).toMatch(/Left out\n[^]*--observed-at/);
    const told = await rowsOf('import', '--observed-at', `${DAY} 10:53:20.804`, dump);
    expect(told).toMatchObject([{ leftOut: null, duplicates: 23, appended: 0 }]);
  });

  it('lists what was imported', async () => {
    expect((await rowsOf('imports')).map(({ name }) => name)).toContain('log.samba.gz');
  });
});

describe('what was found', () => {
  it.each([
    ['10:53:20.804', 'no', 'no'],
    ['10:53:33', 'not-known', 'yes'],
    ['10:53:34', 'yes', 'yes'],
    ['10:53:37', 'not-known', 'yes'],
    ['10:53:38.377', 'no', 'no'],
  ])('as of %s: exact duplicate %s, alias clash %s', async (time, exact, alias) => {
    const args = ['spn', 'duplicates', '--forest', 'observed:corp.example', '--as-of', `${DAY} ${time}`];
    const rows = await rowsOf(...args);
    const answerOf = (kind: string) => rows.find((row) => row['kind'] === kind)?.['answer'] ?? 'no';
    expect([answerOf('exact'), answerOf('alias')]).toEqual([exact, alias]);
    expect((await kerbtrail(args)).exitCode).toBe(rows.length > 0 ? 1 : 0);
  });

  it('names the cause of each failure, and exits with 1', async () => {
    const { exitCode, stdout } = await kerbtrail(['failures', '--spn', 'cifs/files.corp.example']);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/alice@CORP\.EXAMPLE → cifs\/files\.corp\.example +spn on other account \(inferred\)/);
    expect(stdout).toContain('S7: NT_STATUS_LOGON_FAILURE');
  });

  it('shows a failure with evidence, steps and the commands that repair it', async () => {
    const [failure] = await rowsOf('failures', '--code', 'NT_STATUS_LOGON_FAILURE');
    const { id } = failure!['attempt'] as { id: string };
    const text = await succeeds('failures', 'show', id);
    expect(text).toContain('setspn -D cifs/files.corp.example svc-rep');
    expect(text).toMatch(/S7 +the service decrypts it: it knows the client +failed +observed/);
    expect(text).toMatch(/S9 +the proof matches: the service is authenticated +not seen/);
    expect((await kerbtrail(['attempts', 'show', id])).stdout).toContain(id);
  });

  it('has findings, attempts, tickets and a timeline', async () => {
    const findings = await kerbtrail(['findings', '--kind', 'unaudited-write']);
    expect(findings).toMatchObject({
      exitCode: 1,
      stdout: expect.stringContaining('HTTP/web1.corp.example on svc-old'),
    });
    expect((await rowsOf('attempts', '--spn', 'HTTP/web1.corp.example', '--outcome', 'failed')).length).toBe(1);
    expect((await rowsOf('tickets', '--kind', 'forwarded-tgt')).map(({ tickets }) => tickets)).toEqual([53]);
    expect(await succeeds('account', 'timeline', 'svc-old', '--limit', '5')).toMatch(/EVENT +ABOUT/);
  });

  it("is found by setspn's switches", async () => {
    const held = (rows: readonly Record<string, unknown>[]) => rows.map(({ spn }) => spn);
    expect(held(await rowsOf('spn', '-L', 'svc-old'))).toEqual(['HTTP/legacy.corp.example']);
    expect(held(await rowsOf('spn', '-Q', 'HTTP/web1*'))).toEqual(['HTTP/web1', 'HTTP/web1.corp.example']);
    expect((await kerbtrail(['spn', '-X', '-o', 'json'])).stdout).toContain('"rows"');
  });

  it('answers as of an instant with yes, no or not known', async () => {
    const at = async (time: string) =>
      JSON.parse(
        (await kerbtrail(['spn', 'query', 'cifs/files.corp.example', '--as-of', `${DAY} ${time}`, '-o', 'json']))
          .stdout,
      ) as { answer: string; holders: { samAccountName: string; answer: string }[] };
    expect((await at('10:53:35.5')).holders.filter(({ answer }) => answer === 'yes')).toMatchObject([
      { samAccountName: 'svc-rep' },
    ]);
    expect((await at('10:53:34.7')).answer).toBe('no');
    expect((await at('10:53:00')).answer).toBe('not-known');
  });
});

describe('a forest of our own', () => {
  it('is made, filled and asked in single commands, each seeing the one before', async () => {
    await succeeds('forest', 'create', 'cli.example');
    await kerbtrail(['account', 'create', 'svc-web', '--domain', 'cli.example', '--password-stdin'], 'first secret\n');
    await kerbtrail(['account', 'create', 'svc-old', '--domain', 'cli.example', '--without-password']);
    await succeeds('spn', 'add', 'svc-web', 'HTTP/web.cli.example', '--forest', 'cli.example');
    expect(await succeeds('spn', 'list', 'svc-web', '--forest', 'cli.example')).toContain('HTTP/web.cli.example');
    expect(await succeeds('account', 'show', 'svc-web', '--forest', 'cli.example')).toMatch(/key version +1\n/);
  });

  const duplicate = ['HTTP/web.cli.example', '--forest', 'cli.example'];

  it('says before registering what would clash', async () => {
    const { exitCode, stdout } = await kerbtrail(['spn', 'check', 'svc-old', ...duplicate]);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/HTTP\/web\.cli\.example +held by another account +svc-web +HTTP\/web\.cli\.example/);
    expect((await kerbtrail(['spn', 'check', 'svc-old', 'HTTP/free', '--forest', 'cli.example'])).exitCode).toBe(0);
  });

  it('-S adds nothing when another account holds it', async () => {
    const { exitCode, stderr } = await kerbtrail([
      'spn',
      '-S',
      'HTTP/web.cli.example',
      'svc-old',
      '--forest',
      'cli.example',
    ]);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('SPN_HELD');
    expect(await rowsOf('events', 'list', '--type', 'SpnRegistrationRefused', '--forest', 'cli.example')).toEqual([]);
  });

  it('-A lets the forest decide: refused with its code, and the holder by name', async () => {
    const { exitCode, stdout, stderr } = await kerbtrail([
      'spn',
      '-A',
      'HTTP/web.cli.example',
      'svc-old',
      '--forest',
      'cli.example',
    ]);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/held by another account +svc-web/);
    expect(stderr).toContain('✗ ERROR_DS_SPN_VALUE_NOT_UNIQUE_IN_FOREST');
  });

  it('tells an installer that may not read whom it clashes with all the same', async () => {
    const file = join(files, 'installer.token');
    const scope = ['--forest', 'cli.example', '--administers', 'svc-old'];
    await succeeds('token', 'create', '--role', 'installer', '--actor', 'setup', ...scope, '--out-file', file);
    const [{ account: old }, { account: web }] = (await Promise.all(
      ['svc-old', 'svc-web'].map(
        async (name) => (await rowsOf('account', 'list', '--name', name, '--forest', 'cli.example'))[0],
      ),
    )) as [{ account: string }, { account: string }];
    const refused = await kerbtrail(['--token-file', file, 'spn', 'add', old, 'HTTP/web.cli.example']);
    expect(refused).toMatchObject({ exitCode: 1, stdout: expect.stringContaining(web) });
    expect(refused.stderr).toContain('ERROR_DS_SPN_VALUE_NOT_UNIQUE_IN_FOREST');
  });

  it('that audits accepts the duplicate, says so and reports it', async () => {
    await succeeds('forest', 'policy', 'set', 'cli.example', '--enforcement', 'audit');
    expect(await succeeds('spn', 'add', 'svc-old', ...duplicate)).toContain('is now a duplicate');
    expect(await kerbtrail(['spn', 'duplicates', '--forest', 'cli.example'])).toMatchObject({ exitCode: 1 });
    await succeeds('spn', 'delete', 'svc-old', ...duplicate);
    expect(await kerbtrail(['spn', 'duplicates', '--forest', 'cli.example'])).toMatchObject({ exitCode: 0 });
  });

  it('renames, disables and deletes accounts', async () => {
    const inForest = ['--forest', 'cli.example'];
    await succeeds(
      'account',
      'create',
      'WEB1$',
      '--kind',
      'computer',
      '--domain',
      'cli.example',
      '--dns-host',
      'web1.cli.example',
      '--without-password',
    );
    await succeeds('spn', 'set', 'WEB1$', 'HOST/web1.cli.example', ...inForest);
    expect(await succeeds('account', 'rename', 'WEB1$', '--dns-host', 'web2.cli.example', ...inForest)).toMatch(
      /SPNs added +HOST\/web2\.cli\.example/,
    );
    await succeeds('account', 'disable', 'svc-old', ...inForest);
    await succeeds('account', 'delete', 'svc-old', ...inForest);
    const names = (await rowsOf('account', 'list', ...inForest)).map(({ samAccountName }) => samAccountName);
    expect(names.toSorted()).toEqual(['WEB1$', 'svc-web']);
  });
});

describe('passwords, tokens and keys', () => {
  it('never come by argument: there is no such option', async () => {
    const { exitCode, stderr } = await kerbtrail([
      'account',
      'create',
      'eve',
      '--domain',
      'cli.example',
      '--password',
      'x',
    ]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain("unknown option '--password'");
  });

  it('a token goes into a file that only its owner reads, does what its roles say, and nothing once revoked', async () => {
    const file = join(files, 'auditor.token');
    const made = JSON.parse(
      (await kerbtrail(['token', 'create', '--role', 'auditor', '--actor', 'ann', '--out-file', file, '-o', 'json']))
        .stdout,
    ) as { token: string };
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(JSON.stringify(made)).not.toContain((await readFile(file, 'utf8')).trim());
    expect((await kerbtrail(['--token-file', file, 'forest', 'list'])).exitCode).toBe(0);
    const refused = await kerbtrail(['--token-file', file, 'forest', 'create', 'other.example']);
    expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('ROLE_REQUIRED') });
    await succeeds('token', 'revoke', made.token);
    const revoked = await kerbtrail(['--token-file', file, 'forest', 'list']);
    expect(revoked).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('TOKEN_REQUIRED') });
  });

  it('the key is exported into a new file only; the doctor warns until then', async () => {
    const file = join(files, 'kerbtrail.kek');
    expect(await succeeds('doctor')).toMatch(/! +key-encryption key +never exported/);
    expect(await succeeds('key', 'export', '--out-file', file)).toMatch(/fingerprint +[0-9a-f]+/);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await succeeds('doctor')).toMatch(/✓ +key-encryption key/);
    expect(await kerbtrail(['key', 'export', '--out-file', file])).toMatchObject({ exitCode: 3 });
  });
});

describe('the log', () => {
  it('gives one event with its hash', async () => {
    expect(await succeeds('events', 'get', '1')).toMatch(/leaf +[0-9a-f]{64}/);
    expect(await kerbtrail(['events', 'get', '999999999'])).toMatchObject({ exitCode: 1 });
    expect(await kerbtrail(['events', 'get', 'zero'])).toMatchObject({ exitCode: 2 });
  });

  it('is followed until Ctrl-C', async () => {
    const args = [COMMAND_LINE, 'events', 'tail', '--follow', '--lines', '0', '--type', 'ForestCreated', '-o', 'jsonl'];
    const tail = await startProcess(args, { env: environment() });
    const names = ['tail0.example'];
    await succeeds('forest', 'create', 'tail0.example');
    // The first may come before the tail has begun to look; the next one cannot be missed once one was seen.
    while (!tail.output().includes('ForestCreated')) {
      const name = `tail${names.length}.example`;
      names.push(name);
      await succeeds('forest', 'create', name);
      if (names.length > 20) throw new Error(`nothing was told: ${tail.output()}`);
    }
    expect(await tail.stop('SIGINT')).toBe(130);
    const told = tail
      .output()
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { data: { forest: string } }).data.forest);
    expect(names.slice(-told.length)).toEqual(told);
  });

  it('makes the same read model again', async () => {
    const [first] = await rowsOf('rebuild', 'attempts');
    const [second] = await rowsOf('rebuild', 'attempts');
    expect(first?.['digest']).toMatch(/^[0-9a-f]{64}$/);
    expect(second?.['digest']).toBe(first?.['digest']);
    expect(await kerbtrail(['rebuild', 'nothing'])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('attempts'),
    });
  });
});

describe('a command line', () => {
  it('prints no colours into a pipe, and pages by cursor', async () => {
    const first = await kerbtrail(['attempts', '--limit', '1']);
    expect(first.stdout).not.toContain('\u001b');
    const cursor = /--cursor (\S+)/.exec(first.stderr)?.[1] ?? '';
    const pages = [
      await rowsOf('attempts', '--limit', '1'),
      await rowsOf('attempts', '--limit', '1', '--cursor', cursor),
    ];
    expect(new Set(pages.flat().map(({ id }) => id)).size).toBe(2);
  });

  it.each([
    [['spn', 'dups']],
    [['spn', 'add', 'HTTP/web1', 'svc-web']],
    [['spn', 'add', 'svc-web', 'nothing']],
    [['attempts', '--limit', '0']],
    [['spn', '-S', 'HTTP/a']],
    [['failures', '--since', 'noon']],
  ])('%j is a usage error: exit code 2', async (args) => {
    const { exitCode, stdout, stderr } = await kerbtrail(args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).not.toBe('');
  });

  it('without a server to talk to says what to look at: exit code 3', async () => {
    const nowhere = { KERBTRAIL_URL: 'http://127.0.0.1:9', KERBTRAIL_TOKEN: 'kt_none' };
    expect(await kerbtrail(['forest', 'list'], '', nowhere)).toMatchObject({
      exitCode: 3,
      stderr: expect.stringContaining('SERVER_UNREACHABLE'),
    });
    expect(await kerbtrail(['forest', 'list'], '', { KERBTRAIL_URL: server.url })).toMatchObject({
      exitCode: 3,
      stderr: expect.stringContaining('TOKEN_MISSING'),
    });
  });

  it('teaches: every command has a purpose in its help, and the first page an order to go by', async () => {
    const { stdout } = await kerbtrail(['--help']);
    expect(stdout).toMatch(/Begin with:\n +kerbtrail demo/);
    expect((await kerbtrail(['spn', 'add', '--help'])).stdout).toMatch(/Examples:\n +kerbtrail spn add/);
  });
});
