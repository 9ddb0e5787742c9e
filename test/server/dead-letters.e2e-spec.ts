/** Dead letters of a running server, as an operator meets them: by the command line and by /v1, on the same letters. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { deadLetterStatus, openDeadLetter, type NewDeadLetter } from '#operations';
import { runCommandLine, type Ran } from '../support/command-line.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { type Json, makeToken, startServer, type TestServer } from '../support/server.js';

const PATH = '/v1/dead-letters';

/** Of no projection that runs, so that nothing but this test touches them. */
const stuck = (position: number): NewDeadLetter => ({
  kind: 'event',
  projection: 'elsewhere',
  projectionVersion: 2,
  position,
  code: 'PROJ_EVENT_POISONED',
  reason: 'the row has no place',
});
const unread = (offset: number): NewDeadLetter => ({
  kind: 'raw',
  topic: 'kerbtrail.raw.v1',
  partition: 4,
  offset,
  code: 'ING_UNKNOWN',
  reason: 'no parser takes it',
});

let database: TestDatabase;
let server: TestServer;

beforeAll(async () => {
  database = await createTestDatabase();
  server = await startServer({ databaseUrl: database.url });
}, 60_000);
afterAll(async () => {
  await server?.dispose();
  await database?.drop();
}, 60_000);

function kerbtrail(...args: string[]): Promise<Ran> {
  return runCommandLine(args, { env: { KERBTRAIL_URL: server.url, KERBTRAIL_TOKEN: server.api.token } });
}

async function idsOf(search: string): Promise<string[]> {
  const { rows } = await server.api.done<{ rows: { id: string }[] }>('GET', `${PATH}?${search}`);
  return rows.map(({ id }) => id);
}

async function eventsOf(type: string): Promise<Json[]> {
  const head = (await server.api.done<{ head: number }>('GET', '/ready')).head;
  const { rows } = await server.api.done<{ rows: Json[] }>('GET', `/v1/events?type=${type}&after=${head}`);
  return rows;
}

describe('the command line', () => {
  it('lists what waits for an operator, and says so by its exit code', async () => {
    expect(await kerbtrail('dlq', 'list')).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching('no dead letter'),
    });
    const id = await openDeadLetter(database.pool, stuck(11));
    const listed = await kerbtrail('dlq', 'list');
    expect(listed).toMatchObject({ exitCode: 1, stderr: '' });
    expect(listed.stdout).toMatch(
      new RegExp(`${id} +elsewhere at 11 +open +1 .* PROJ_EVENT_POISONED: the row has no place`),
    );
    const { stdout } = await kerbtrail('dlq', 'list', '--kind', 'event', '-o', 'jsonl');
    expect(JSON.parse(stdout)).toMatchObject({ id, status: 'open', tries: 1, ...stuck(11) });
    expect(await kerbtrail('dlq', 'list', '--kind', 'raw')).toMatchObject({ exitCode: 0 });
  });

  it('has one tried again, which /v1 then tells', async () => {
    const id = await openDeadLetter(database.pool, stuck(12));
    expect(await kerbtrail('dlq', 'retry', id)).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await idsOf('status=retry')).toEqual([id]);
    expect(await idsOf('status=waiting')).toContain(id);
    expect(await idsOf('status=open')).not.toContain(id);
    await openDeadLetter(database.pool, stuck(12));
    expect(await idsOf('status=open')).toContain(id);
  });

  it('has all of one kind tried again, each once, over as many pages as there are', async () => {
    const ids: string[] = [];
    for (let offset = 0; offset < 103; offset += 1) ids.push(await openDeadLetter(database.pool, unread(offset)));
    const retried = await kerbtrail('dlq', 'retry', '--all', '--kind', 'raw', '-o', 'json');
    expect(retried).toMatchObject({ exitCode: 0, stderr: '' });
    expect((JSON.parse(retried.stdout) as { letter: string }[]).map(({ letter }) => letter)).toEqual(ids);
    expect(await idsOf('status=retry&kind=raw&limit=1000')).toEqual(ids);
    expect(await idsOf('status=open&kind=event')).not.toEqual([]);
  }, 30_000);

  it('skips an event for a reason, which is recorded with who gave it', async () => {
    const id = await openDeadLetter(database.pool, stuck(13));
    expect(await kerbtrail('dlq', 'skip', id)).toMatchObject({ exitCode: 2 });
    expect(await deadLetterStatus(database.pool, id)).toBe('open');
    expect(await kerbtrail('dlq', 'skip', id, '--reason', 'issue 12')).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await deadLetterStatus(database.pool, id)).toBe('skipped');
    const data = { projection: 'elsewhere', position: 13, reason: 'issue 12' };
    expect(await eventsOf('EventSkipped')).toMatchObject([{ stream: 'operation-skips-elsewhere', data }]);
    const refused = await kerbtrail('dlq', 'retry', id);
    expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('OPS_DEAD_LETTER_SETTLED') });
  });

  it.each([[[]], [['some', '--all']], [['some', '--kind', 'raw']]])(
    'does not guess what to retry: %j',
    async (args) => {
      expect(await kerbtrail('dlq', 'retry', ...args)).toMatchObject({ exitCode: 2 });
    },
  );
});

describe('/v1/dead-letters', () => {
  it('gives the oldest first, a page at a time', async () => {
    const all = await idsOf('limit=1000');
    const paged: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const search: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const page = await server.api.done<{ rows: { id: string }[]; next: string | null }>(
        'GET',
        `${PATH}?limit=40${search}`,
      );
      paged.push(...page.rows.map(({ id }) => id));
      cursor = page.next;
    }
    expect(paged.length).toBeGreaterThan(80);
    expect(paged).toEqual(all);
    const wrong = await server.api.get(`${PATH}?cursor=abc`);
    expect([wrong.status, wrong.body['code']]).toEqual([400, 'PROJ_INVALID_CURSOR']);
  });

  it('does a command once under its Idempotency-Key, and answers the same', async () => {
    const [skipping, retrying] = [randomUUID(), randomUUID()];
    const skipId = await openDeadLetter(database.pool, stuck(21));
    const retryId = await openDeadLetter(database.pool, stuck(22));
    const skip = () =>
      server.api.call('POST', `${PATH}/${skipId}/skip`, { key: skipping, body: { reason: 'issue 13' } });
    const retry = () => server.api.call('POST', `${PATH}/${retryId}/retry`, { key: retrying });
    for (const ask of [skip, retry]) {
      const first = await ask();
      expect(first.status).toBe(200);
      expect((await ask()).body).toEqual(first.body);
    }
    expect((await eventsOf('EventSkipped')).filter(({ data }) => (data as Json)['position'] === 21)).toHaveLength(1);
    const other = { key: skipping, body: { reason: 'another' } };
    const reused = await server.api.call('POST', `${PATH}/${skipId}/skip`, other);
    expect([reused.status, reused.body['code']]).toEqual([422, 'ES_REQUEST_ID_REUSED']);
  });

  it.each([
    ['a raw record', () => openDeadLetter(database.pool, unread(1_000)), { reason: 'x' }, 400, 'OPS_SKIP_INVALID'],
    ['no reason', () => openDeadLetter(database.pool, stuck(31)), {}, 400, 'REQUEST_INVALID'],
    ['two lines', () => openDeadLetter(database.pool, stuck(31)), { reason: 'a\nb' }, 400, 'OPS_SKIP_INVALID'],
    ['no letter', async () => randomUUID(), { reason: 'x' }, 404, 'OPS_DEAD_LETTER_UNKNOWN'],
    ['no id', async () => 'x', { reason: 'x' }, 400, 'REQUEST_INVALID'],
  ])('refuses a skip: %s', async (_, make, body, status, code) => {
    const refused = await server.api.call('POST', `${PATH}/${await make()}/skip`, { body });
    expect([refused.status, refused.body['code']]).toEqual([status, code]);
  });

  it('is closed to an operator of one forest, who could keep an event of another out of sight', async () => {
    const id = await openDeadLetter(database.pool, stuck(41));
    const narrow = await makeToken(server.api, { roles: ['operator'], scope: { forest: 'corp.example' } });
    const asked = [
      await narrow.get(PATH),
      await narrow.call('POST', `${PATH}/${id}/retry`),
      await narrow.call('POST', `${PATH}/${id}/skip`, { body: { reason: 'x' } }),
    ];
    expect(asked.map(({ body }) => body['code'])).toEqual(['OUT_OF_SCOPE', 'OUT_OF_SCOPE', 'OUT_OF_SCOPE']);
    expect(await deadLetterStatus(database.pool, id)).toBe('open');
  });
});
