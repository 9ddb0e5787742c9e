import { mkdir, chmod, mkdtemp, readFile, rm, stat, writeFile, readlink } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import { startProcess } from '../../test/support/processes.js';
import { restoreLinks } from './embedded-server.js';
import { startEmbeddedPostgres, type EmbeddedPostgres } from './embedded.js';

/** A program that owns the folder until it is killed. */
const OWNER = `
  import { startEmbeddedPostgres } from '#postgres';
  const { url } = await startEmbeddedPostgres({ folder: process.argv[1] });
  console.log('running at', url);
  setInterval(() => {}, 1000);`;
const startOwner = (folder: string) =>
  startProcess(['--input-type=module', '-e', OWNER, folder], { readyWhen: /running at (\S+)/ });

let temporary: string;
beforeAll(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'kerbtrail-embedded-'));
  await chmod(temporary, 0o755);
});
afterAll(() => rm(temporary, { recursive: true, force: true }));

const postmasterFile = (folder: string) => join(folder, 'data', 'postmaster.pid');
const postmasterPid = async (folder: string) => Number.parseInt(await readFile(postmasterFile(folder), 'utf8'), 10);

async function query<Row>(url: string, text: string): Promise<Row[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows as Row[];
  } finally {
    await client.end();
  }
}

describe('the embedded PostgreSQL', () => {
  let folder: string;
  let server: EmbeddedPostgres | undefined;
  const start = async () => (server = await startEmbeddedPostgres({ folder }));
  beforeAll(() => {
    folder = join(temporary, 'postgres');
  });
  afterEach(async () => {
    await server?.stop();
    server = undefined;
  });

  it('is durable, orders text by code point, speaks UTC and listens on the loopback address alone', async () => {
    const server = await start();
    expect(server.adopted).toBe(false);
    expect(server.notice).toBeUndefined();
    const [settings] = await query<Record<string, string>>(
      server.url,
      `SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit,
              current_setting('server_encoding') AS encoding, datlocprovider::text || ' ' || datlocale AS locale,
              current_setting('TimeZone') AS zone, current_setting('listen_addresses') AS addresses,
              current_setting('unix_socket_directories') AS sockets, current_database() AS database
         FROM pg_database WHERE datname = current_database()`,
    );
    expect(settings).toEqual({
      fsync: 'on',
      commit: 'on',
      encoding: 'UTF8',
      locale: 'b C.UTF-8',
      zone: 'UTC',
      addresses: '127.0.0.1',
      sockets: '',
      database: 'kerbtrail',
    });
    await server.stop();
    expect(existsSync(postmasterFile(folder))).toBe(false);
  });

  it('lets nobody in without the password, which only its account may read', async () => {
    const server = await start();
    const wrong = new URL(server.url);
    wrong.password = 'guess';
    await expect(query(wrong.toString(), 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    expect((await stat(join(folder, 'password'))).mode & 0o777).toBe(0o600);
  });

  it('keeps statements, whose text may name people, out of its log', async () => {
    const server = await start();
    await expect(query(server.url, `SELECT 1/0 AS "adm-kim"`)).rejects.toMatchObject({ code: '22012' });
    await server.stop();
    expect(await readFile(join(folder, 'server.log'), 'utf8')).not.toMatch(/adm-kim|division/);
  });

  it('belongs to one living process at a time', async () => {
    const server = await start();
    await expect(startEmbeddedPostgres({ folder })).rejects.toMatchObject({ code: 'PG_EMBEDDED_IN_USE' });
    expect(await query(server.url, 'SELECT 1 AS alive')).toEqual([{ alive: 1 }]);
  });

  it('outlives a killed owner, is adopted by the next one with its data, and then stops', async () => {
    const owner = await startOwner(folder);
    const [, url = ''] = await owner.waitFor(/running at (\S+)/);
    await query(url, 'CREATE TABLE kept AS SELECT 42 AS value');
    const pid = await postmasterPid(folder);
    await owner.stop('SIGKILL');

    const server = await start();
    expect(server.adopted).toBe(true);
    expect(server.notice).toContain(`process ${pid}) was adopted`);
    expect(server.url).toBe(url);
    expect(await query(server.url, 'SELECT value FROM kept')).toEqual([{ value: 42 }]);
    await server.stop();
    expect(existsSync(postmasterFile(folder))).toBe(false);
    await expect(query(url, 'SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('recovers after it was itself killed, and says so', async () => {
    const owner = await startOwner(folder);
    process.kill(await postmasterPid(folder), 'SIGKILL');
    await owner.stop('SIGKILL');

    const server = await start();
    expect(server.adopted).toBe(false);
    expect(server.notice).toContain('was not shut down by its last run; it recovers now');
  });

  it('starts although another program has the process id of its last run by now', async () => {
    await writeFile(postmasterFile(folder), `${process.pid}\n${join(folder, 'data')}\n1\n1\n\n127.0.0.1\n`);
    const server = await start();
    expect(server.notice).toContain('it recovers now');
  });

  it('is stopped and started again when it runs but does not answer', async () => {
    const owner = await startOwner(folder);
    const pid = await postmasterPid(folder);
    const lines = (await readFile(postmasterFile(folder), 'utf8')).split('\n');
    await writeFile(postmasterFile(folder), lines.with(3, '1').join('\n'));
    await owner.stop('SIGKILL');

    const server = await start();
    expect(server.adopted).toBe(false);
    expect(server.notice).toContain(`process ${pid}) did not answer; it was stopped and started again`);
    expect(await postmasterPid(folder)).not.toBe(pid);
  });

  it('does not touch the server of the folder that it is a copy of', async () => {
    await start();
    const copy = join(temporary, 'copy');
    await mkdir(join(copy, 'data'), { recursive: true });
    await writeFile(join(copy, 'password'), 'x');
    await writeFile(postmasterFile(copy), await readFile(postmasterFile(folder)));
    await expect(startEmbeddedPostgres({ folder: copy })).rejects.toMatchObject({
      code: 'PG_EMBEDDED_FAILED',
      message: expect.stringContaining(`serves ${folder}`),
    });
  });

  it('refuses a folder that holds something else', async () => {
    const occupied = join(temporary, 'occupied');
    await mkdir(occupied);
    await writeFile(join(occupied, 'letter.txt'), 'dear');
    await expect(startEmbeddedPostgres({ folder: occupied })).rejects.toMatchObject({
      code: 'PG_EMBEDDED_FAILED',
      message: expect.stringContaining('must be empty or absent'),
    });
    expect(await readFile(join(occupied, 'letter.txt'), 'utf8')).toBe('dear');
  });
});

if (process.getuid?.() === 0) {
  it('started by root in a closed folder, it names the folder that its user cannot enter', async () => {
    const home = join(temporary, 'home');
    await mkdir(home, { mode: 0o700 });
    await expect(startEmbeddedPostgres({ folder: join(home, 'project', 'postgres') })).rejects.toMatchObject({
      code: 'PG_EMBEDDED_FAILED',
      message: expect.stringContaining(`cannot enter ${home};`),
    });
  });
}

it('library links that an install without scripts left out are made again', async () => {
  const packageFolder = join(temporary, 'package');
  await mkdir(join(packageFolder, 'native', 'lib'), { recursive: true });
  await writeFile(join(packageFolder, 'native', 'lib', 'libpq.so.5.18'), 'library');
  const list = [{ source: 'native/lib/libpq.so.5.18', target: 'native/lib/libpq.so.5' }];
  await writeFile(join(packageFolder, 'native', 'pg-symlinks.json'), JSON.stringify(list));
  await restoreLinks(packageFolder);
  await restoreLinks(packageFolder);
  const link = join(packageFolder, 'native', 'lib', 'libpq.so.5');
  expect(await readlink(link)).toBe('libpq.so.5.18');
  expect(await readFile(link, 'utf8')).toBe('library');
});
