/**
 * A person erased from a server that holds the sample recording: their names are then in no table of any schema, in no answer
 * and in no file, their events are there under a pseudonym, and the log is, byte for byte, what it was.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { newKeyEncryptionKey, query, startServer, type Json, type TestServer } from '../support/server.js';
import { runCommandLine } from '../support/command-line.js';
import { setTimeout as delay } from 'node:timers/promises';

const FOLDER = 'samples/lab-samba-ad';
/** Whatever holds one of these tells of her. */
const NAMES = /alice/i;
const FOREST = 'observed:corp.example';
const OWN = 'own.example';

let database: TestDatabase;
let server: TestServer;
let sid: string;
let before: Record<string, string>;
const options = { keyEncryptionKey: newKeyEncryptionKey() };

beforeAll(async () => {
  database = await createTestDatabase();
  server = await startServer({ databaseUrl: database.url, ...options });
  await importSample();
  await importFile('log.alice', 'a line\n[2026/11/22 10:53:20.000000,  3] x:1(y)\n  Kerberos: AS-REQ SUCCESS alice\n');
  const [account] = (await rows('/v1/accounts', { name: 'alice', forest: FOREST })) as { sid: string }[];
  sid = account!.sid;
  before = await logDigests();
}, 120_000);
afterAll(async () => {
  await server.dispose();
  await database.drop();
});

async function importSample(): Promise<void> {
  const observedAt = JSON.parse(await readFile(`${FOLDER}/observed-at.json`, 'utf8')) as Record<string, string>;
  for (const name of [...Object.keys(observedAt), 'log.samba.gz'])
    await importFile(name, new Uint8Array(await readFile(`${FOLDER}/${name}`)), observedAt[name]);
}

async function importFile(name: string, raw: Uint8Array<ArrayBuffer> | string, observedAt?: string): Promise<void> {
  const headers = { 'content-type': 'application/octet-stream' };
  const path = query('/v1/imports', { name, observedAt, forest: observedAt === undefined ? undefined : FOREST });
  const { body } = await server.api.call<readonly Json[]>('POST', path, { raw, headers });
  const { finished } = body.at(-1) as { finished?: { position: number } };
  if (!finished) throw new Error(`${name}: ${JSON.stringify(body.at(-1))}`);
  position = Math.max(position, finished.position);
}

let position = 0;

async function rows(path: string, parameters: Record<string, string | number> = {}): Promise<Json[]> {
  const answer = await server.api.get<{ rows: Json[] }>(query(path, { limit: 1000, after: position, ...parameters }));
  if (answer.status !== 200) throw new Error(`${path}: ${answer.text}`);
  return answer.body.rows;
}

/** Sealed fields and wrapped keys: in megabytes of such text any short name stands somewhere by chance. */
const RANDOM_TEXT = /[A-Za-z0-9+/]{40,}/g;

/** Every table of every schema of ours, as text, by name. */
async function tables(): Promise<Map<string, string>> {
  const { rows: found } = await database.adminPool.query<{ name: string }>(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
      WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
  );
  const texts = new Map<string, string>();
  for (const { name } of found) {
    const {
      rows: [row],
    } = await database.adminPool.query<{ text: string | null }>(
      `SELECT string_agg(t::text, E'\\n') AS text FROM ${name} AS t`,
    );
    texts.set(name, (row?.text ?? '').replaceAll(RANDOM_TEXT, ''));
  }
  return texts;
}

async function tablesWith(pattern: RegExp): Promise<string[]> {
  return [...(await tables())].filter(([, text]) => pattern.test(text)).map(([name]) => name);
}

/** Of the server's folder: its witness, its segments. */
async function filesWith(pattern: RegExp): Promise<string[]> {
  const entries = await readdir(server.folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const told = await Promise.all(files.map(async (file) => pattern.test(await readFile(file, 'latin1'))));
  return files.filter((_, n) => told[n]);
}

async function logDigests(): Promise<Record<string, string>> {
  const { rows: leaves } = await database.adminPool.query<{ position: string; leaf: string }>(
    `SELECT position, encode(sha256(convert_to(body, 'UTF8')) || leaf, 'hex') AS leaf FROM log.event_log`,
  );
  return Object.fromEntries(leaves.map((row) => [row.position, row.leaf]));
}

const answers = async (): Promise<string[]> => {
  const paths = [
    '/v1/accounts',
    '/v1/attempts',
    '/v1/failures',
    '/v1/findings',
    '/v1/spns',
    '/v1/imports',
    '/v1/events',
  ];
  const lists = await Promise.all(paths.map(async (path) => [path, JSON.stringify(await rows(path))]));
  return lists.filter(([, text]) => NAMES.test(text!) || text!.includes(sid)).map(([path]) => path!);
};

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error('waited 30 s in vain');
    await delay(20);
  }
}

describe('before a person is erased', () => {
  it('the log holds no name that was sealed, and every reader has it', async () => {
    expect((await tablesWith(NAMES)).filter((name) => name.startsWith('log.'))).toEqual([]);
    expect(await answers()).toEqual(
      expect.arrayContaining(['/v1/accounts', '/v1/attempts', '/v1/events', '/v1/imports']),
    );
  });

  it('a dry run tells what would be erased, and erases nothing', async () => {
    const { names, events, keys } = await server.api.done<{ names: string[]; events: number; keys: number }>(
      'GET',
      query('/v1/persons', { name: 'alice', after: position }),
    );
    expect(names).toEqual(expect.arrayContaining(['alice', 'alice@corp.example', sid]));
    expect(events).toBeGreaterThan(10);
    expect(keys).toBeGreaterThan(2);
    const ran = await runCommandLine(['person', 'erase', 'alice', '--dry-run'], {
      env: { KERBTRAIL_URL: server.url, KERBTRAIL_TOKEN: server.api.token },
    });
    expect([ran.exitCode, ran.stdout]).toEqual([0, expect.stringContaining(sid)]);
  });

  it('nobody is erased in passing: not without --yes, not for a name that nobody has, not by a reason that tells', async () => {
    const env = { KERBTRAIL_URL: server.url, KERBTRAIL_TOKEN: server.api.token };
    expect(await runCommandLine(['person', 'erase', 'alice'], { env })).toMatchObject({ exitCode: 2 });
    const refused = (body: object) => server.api.call<{ code: string }>('POST', '/v1/persons/erase', { body });
    expect((await refused({ names: ['nobody-at-all'], reason: 'r' })).body.code).toBe('OPS_PERSON_UNKNOWN');
    expect((await refused({ names: ['alice'], reason: 'Alice wished it' })).body.code).toBe('OPS_ERASURE_INVALID');
  });

  it('an account of ours that is in use is not erased', async () => {
    await server.api.done('POST', '/v1/forests', { name: OWN });
    const zoe = { forest: OWN, domain: OWN, kind: 'user', samAccountName: 'zoe', password: 'p' };
    const { account } = await server.api.done<{ account: string }>('POST', '/v1/accounts', zoe);
    for (const name of [account, 'zoe', 'ZOE@own.example']) {
      const erase = await server.api.call<{ code: string }>('POST', '/v1/persons/erase', {
        body: { names: [name], reason: 'r' },
      });
      expect(erase.body.code).toBe('OPS_PERSON_ACTIVE');
    }
    before = await logDigests();
  });
});

describe('a person who was erased', () => {
  const key = '6a1f2f5e-6b0a-4f6e-9a55-0d3f0c1b7e55';
  const erase = () =>
    server.api.call<{ erasure: string; keys: number; position: number }>('POST', '/v1/persons/erase', {
      key,
      body: { names: ['alice'], reason: 'request 4711' },
    });

  it('is in no table and in no answer', async () => {
    const answer = await erase();
    expect([answer.status, answer.text]).toEqual([200, expect.stringContaining('erasure')]);
    position = answer.body.position;
    expect(await tablesWith(NAMES)).toEqual([]);
    expect(await tablesWith(new RegExp(sid))).toEqual([]);
    expect(await answers()).toEqual([]);
    expect(await filesWith(NAMES)).toEqual([]);
    expect(NAMES.test(server.process.output())).toBe(false);
  }, 60_000);

  it('is a pseudonym where they were: the attempts are all there, under one client', async () => {
    const attempts = await rows('/v1/attempts', { spn: 'HTTP/nosuch.corp.example' });
    expect(attempts).toHaveLength(1);
    expect(attempts[0]!['clientName']).toMatch(/^erased:[\w-]{22}$/);
    const sameClient = await rows('/v1/attempts', { client: attempts[0]!['clientName'] as string });
    expect(sameClient.length).toBeGreaterThan(3);
  });

  it('took nobody else with them', async () => {
    expect(await tablesWith(/carol@CORP/)).toEqual(expect.arrayContaining(['read.attempt']));
    expect(JSON.stringify(await rows('/v1/accounts', { name: 'carol' }))).toContain('carol');
  });

  it('left no byte of the log changed, so that every leaf and proof holds', async () => {
    const after = await logDigests();
    expect(Object.keys(after).length).toBeGreaterThan(Object.keys(before).length);
    expect(after).toMatchObject(before);
  });

  it('is erased once: the same request gets its answer again, another one finds nobody', async () => {
    const head = (await server.api.done<{ head: number }>('GET', '/v1/projections')).head;
    expect((await erase()).status).toBe(200);
    const again = await server.api.call<{ code: string }>('POST', '/v1/persons/erase', {
      body: { names: ['alice@CORP.EXAMPLE'], reason: 'again' },
    });
    expect(again.body.code).toBe('OPS_PERSON_UNKNOWN');
    expect((await server.api.done<{ head: number }>('GET', '/v1/projections')).head).toBe(head);
  });

  it('does not come back when the same files are imported again, and rebuilds are equal at equal keys', async () => {
    await importSample();
    expect(await tablesWith(NAMES)).toEqual([]);
    const digestOf = async (): Promise<unknown> => {
      const { text } = await server.api.call('POST', '/v1/projections/attempts/rebuild');
      const last = JSON.parse(text.trim().split('\n').at(-1)!) as { finished: { digest: string } };
      return last.finished.digest;
    };
    expect(await digestOf()).toBe(await digestOf());
  }, 60_000);
});

describe('an erasure that was cut short', () => {
  const finished = async (): Promise<number> => {
    const { rows: found } = await database.adminPool.query<{ count: string }>(
      "SELECT count(*) FROM log.event_log WHERE type = 'PersonErasureFinished'",
    );
    return Number(found[0]!.count);
  };

  it('is finished by the next start; keys that a restore brought back are deleted again', async () => {
    const { rows: keys } = await database.adminPool.query<{ lookup: Buffer; id: string; wrapped: Buffer }>(
      'SELECT lookup, id, wrapped FROM secret.subject_key',
    );
    const cut = server.api
      .call('POST', '/v1/persons/erase', { body: { names: ['carol'], reason: 'r' } })
      .catch(() => {});
    await until(async () => {
      const { rows: found } = await database.adminPool.query("SELECT FROM log.event_log WHERE type = 'PersonErased'");
      return found.length === 2;
    });
    await server.stop('SIGKILL');
    await cut;
    expect(await finished()).toBe(1);
    const restored = keys.map(({ lookup, id, wrapped }) => [lookup, id, wrapped] as const);
    await database.adminPool.query(
      `INSERT INTO secret.subject_key SELECT * FROM unnest($1::bytea[], $2::text[], $3::bytea[]) ON CONFLICT DO NOTHING`,
      [restored.map(([lookup]) => lookup), restored.map(([, id]) => id), restored.map(([, , wrapped]) => wrapped)],
    );
    server = await startServer({ databaseUrl: database.url, folder: server.folder, ...options });
    await until(async () => (await finished()) === 2);
    expect(await tablesWith(/carol/i)).toEqual([]);
    expect(await tablesWith(NAMES)).toEqual([]);
  }, 60_000);
});
