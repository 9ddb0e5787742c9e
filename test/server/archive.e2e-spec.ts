/**
 * Old partitions leave the database of a running server by command, and the server answers as before: also after a restart. Of what
 * retention gives up then, everything is still proven.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommandLine, type Ran } from '../support/command-line.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { newKeyEncryptionKey, startServer, type TestServer } from '../support/server.js';

const SAMPLE = 'samples/lab-samba-ad';
const WAIT_MS = 60_000;

let database: TestDatabase;
let server: TestServer;
let folder: string;
let streamOf7: string;
const keyEncryptionKey = newKeyEncryptionKey();

beforeAll(async () => {
  database = await createTestDatabase();
  await database.adminPool.query(`
    DROP TABLE log.event_log_1;
    DELETE FROM log.event_partition;
    CREATE OR REPLACE FUNCTION log.partition_size() RETURNS bigint LANGUAGE sql IMMUTABLE RETURN 256;
    CREATE OR REPLACE FUNCTION log.segment_size() RETURNS integer LANGUAGE sql IMMUTABLE RETURN 256;
    SELECT log.make_partitions_ahead()`);
  folder = await mkdtemp(join(tmpdir(), 'kerbtrail-archive-'));
  server = await startServer({ databaseUrl: database.url, folder, keyEncryptionKey });
}, 60_000);
afterAll(async () => {
  await server?.dispose();
  await database?.drop();
  await rm(folder, { recursive: true, force: true });
}, 60_000);

function kerbtrail(...args: string[]): Promise<Ran> {
  return runCommandLine([...args, '--output', 'json'], {
    env: { KERBTRAIL_URL: server.url, KERBTRAIL_TOKEN: server.api.token },
  });
}

type Row = { readonly state: string; readonly due: boolean; readonly first: number };

async function allEvents(): Promise<unknown[]> {
  const { body } = await server.api.get<{ rows: unknown[] }>('/v1/events/tail?limit=1000');
  return body.rows;
}

describe('an archived log', () => {
  it('is sealed behind its checkpoints, archived by command, and read as before', async () => {
    expect((await kerbtrail('import', SAMPLE)).exitCode).toBe(0);
    const before = await allEvents();
    expect(before.length).toBeGreaterThan(256);

    const deadline = Date.now() + WAIT_MS;
    let due: readonly Row[] = [];
    while (due.length === 0 && Date.now() < deadline) {
      const { rows } = (await server.api.get<{ rows: Row[] }>('/v1/archive')).body;
      due = rows.filter((row) => row.due);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(due[0]).toMatchObject({ first: 1, state: 'ready' });

    const archived = await kerbtrail('archive', '--before', '257');
    expect(archived).toMatchObject({ exitCode: 0, stderr: '' });
    expect(JSON.parse(archived.stdout)).toMatchObject([{ first: 1, last: 256 }]);
    const { rows } = await database.adminPool.query('SELECT min(position) AS first FROM log.event_log');
    expect(rows).toEqual([{ first: 257 }]);

    expect((await allEvents()).slice(0, before.length)).toEqual(before);
    const { event } = (await server.api.get<{ event: { position: number; stream: string } }>('/v1/events/7')).body;
    expect(event.position).toBe(7);
    streamOf7 = event.stream;
    expect((await kerbtrail('rebuild', 'events')).exitCode).toBe(0);
    expect((await allEvents()).slice(0, before.length)).toEqual(before);
    const verified = await kerbtrail('verify');
    expect(verified).toMatchObject({ exitCode: 0 });
  }, 120_000);

  it('gives up what retention does not keep, and still proves every event of it', async () => {
    const retired = await kerbtrail('retire', '--before', '257');
    expect(retired).toMatchObject({ exitCode: 0, stderr: '' });
    expect(JSON.parse(retired.stdout)).toMatchObject([{ first: 1, last: 256 }]);

    const file = join(folder, 'retired.json');
    expect((await kerbtrail('evidence', 'bundle', '--range', '1..300', '--out-file', file)).exitCode).toBe(0);
    const { entries } = JSON.parse(await readFile(file, 'utf8')) as {
      entries: { position: number; body: null | string }[];
    };
    const withheld = entries.filter(({ body }) => body === null).map(({ position }) => position);
    expect(withheld.length).toBeGreaterThan(100);
    expect(Math.max(...withheld)).toBeLessThanOrEqual(256);
    expect((await kerbtrail('verify', file)).exitCode).toBe(0);

    const streamFile = join(folder, 'retired-stream.json');
    expect(withheld).toContain(7);
    const gone = await server.api.get('/v1/events/7');
    expect([gone.status, gone.body['code']]).toEqual([410, 'ES_EVENTS_WITHHELD']);
    expect((await kerbtrail('evidence', 'bundle', '--stream', streamOf7, '--out-file', streamFile)).exitCode).toBe(0);
    expect((await kerbtrail('verify', streamFile)).exitCode).toBe(0);

    expect(await kerbtrail('verify')).toMatchObject({ exitCode: 0 });
    expect((await kerbtrail('rebuild', 'events', '--verify')).exitCode).toBe(0);
    const { rows } = await database.adminPool.query(
      'SELECT count(*)::int AS kept FROM read.event_index WHERE position <= 256',
    );
    expect(rows).toEqual([{ kept: 256 - withheld.length }]);
  }, 120_000);

  it('starts again, and says what it misses when a file is gone', async () => {
    await server.stop();
    server = await startServer({ databaseUrl: database.url, folder, keyEncryptionKey });
    expect((await server.api.get('/v1/events/1')).status).toBe(200);
    await rm(join(folder, 'segments', '000000000000001-2.segment'));
    const missing = await server.api.get('/v1/events/1');
    expect([missing.status, missing.body['code']]).toEqual([503, 'ES_SEGMENT_MISSING']);
    expect(missing.text).toContain('KERBTRAIL_SEGMENTS');
  }, 60_000);
});
