/**
 * Read your own writes (architecture §9): every command answers with its position in the log, and a query that is told
 * `after=<position>` answers from read models that have seen it, or says within five seconds how far behind they are.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { type Api, type Json, type Method, query, startServer, type TestServer } from '../support/server.js';

const FOREST = 'corp.example';
const SPN = 'HTTP/web1.corp.example';

let database: TestDatabase;
let server: TestServer;
let api: Api;
let web: string;

beforeAll(async () => {
  database = await createTestDatabase();
  server = await startServer({ databaseUrl: database.url });
  api = server.api;
  await api.done('POST', '/v1/forests', { name: FOREST });
  web = await account('svc-web');
});

afterAll(async () => {
  await server?.dispose();
  await database?.drop();
});

async function account(samAccountName: string): Promise<string> {
  const details = { forest: FOREST, domain: FOREST, kind: 'user', samAccountName, password: 'a password' };
  return (await api.done<{ account: string }>('POST', '/v1/accounts', details)).account;
}

/** The command's position, which is the log's last. */
async function positionOf(method: Method, path: string, body?: unknown): Promise<number> {
  const { position } = await api.done(method, path, body);
  expect(position).toBe((await api.done('GET', '/v1/projections'))['head']);
  return Number(position);
}

describe('what a command did is seen by a query that is told its position', () => {
  type Case = [Method, string, unknown, string, Json];
  const accountPath = (rest = '') => `/v1/accounts/:web${rest}`;
  const held = (answer: string): [string, Json] => [query('/v1/spns/holders', { spn: SPN }), { answer }];
  const cases: Case[] = [
    ['POST', '/v1/forests', { name: 'new.example' }, '/v1/forests/new.example', { origin: 'own' }],
    [
      'POST',
      '/v1/forests/new.example/domains',
      { domain: 'sub.new.example' },
      '/v1/forests/new.example',
      { domains: [{ domain: 'new.example' }, { domain: 'sub.new.example' }] },
    ],
    [
      'PUT',
      '/v1/forests/new.example/policy',
      { enforcement: 'audit' },
      '/v1/forests/new.example',
      { policy: { enforcement: 'audit' } },
    ],
    [
      'PATCH',
      accountPath(),
      { userPrincipalName: 'web@corp.example' },
      accountPath(),
      { userPrincipalName: 'web@corp.example' },
    ],
    ['PUT', accountPath('/password'), { password: 'another' }, accountPath(), { kvno: 2 }],
    ['POST', accountPath('/disable'), undefined, accountPath(), { enabled: false }],
    ['POST', accountPath('/enable'), undefined, accountPath(), { enabled: true }],
    ['POST', accountPath('/spns'), { spns: [SPN] }, ...held('yes')],
    ['PUT', accountPath('/spns'), { spns: [] }, ...held('no')],
    ['PUT', accountPath('/spns'), { spns: [SPN] }, ...held('yes')],
    ['POST', accountPath('/spns/remove'), { spns: [SPN] }, ...held('no')],
    ['POST', '/v1/tokens', { actor: 'new', roles: ['auditor'] }, '/v1/tokens', { rows: [{ actor: 'new' }, {}] }],
    [
      'POST',
      '/v1/keys/export',
      undefined,
      '/v1/events?type=KeyEncryptionKeyExported',
      { rows: [{ type: 'KeyEncryptionKeyExported' }] },
    ],
    ['DELETE', accountPath(), undefined, accountPath(), { deletedAt: expect.any(String) }],
  ];

  it.each(cases)('%s %s', async (method, path, body, asked, seen) => {
    const position = await positionOf(method, path.replace(':web', web), body);
    const answer = await api.done(
      'GET',
      `${asked.replace(':web', web)}${asked.includes('?') ? '&' : '?'}after=${position}`,
    );
    expect(answer).toMatchObject(seen);
  });

  it('an import', async () => {
    const dump =
      'dn: CN=svc,DC=lab,DC=example\nobjectClass: user\nsAMAccountName: svc\nservicePrincipalName: HTTP/lab\n\n';
    const { body } = await api.call<Json[]>('POST', '/v1/imports?name=lab.ldif&observedAt=2026-11-22T10:00:00Z', {
      raw: dump,
      headers: { 'content-type': 'application/octet-stream' },
    });
    const { position } = body.at(-1)!['finished'] as { position: number };
    const holders = await api.done('GET', query('/v1/spns/holders', { spn: 'HTTP/lab', after: position }));
    expect(holders).toMatchObject({ answer: 'yes', holders: [{ forest: 'observed:lab.example' }] });
    const { rows } = await api.done<{ rows: Json[] }>('GET', query('/v1/imports', { after: position }));
    expect(rows).toMatchObject([{ name: 'lab.ldif', finishedAt: expect.any(String) }]);
  });

  it('a rebuild', async () => {
    const { body } = await api.call<Json[]>('POST', '/v1/projections/operations/rebuild');
    const { position } = body.at(-1)!['finished'] as { position: number };
    const { rows } = await api.done<{ rows: Json[] }>('GET', `/v1/events?type=ProjectionRebuilt&after=${position}`);
    expect(rows).toMatchObject([{ data: { projection: 'operations' } }]);
  });

  it('forty times in a row, and many at once', async () => {
    const id = await account('busy');
    const seen = async (spn: string): Promise<unknown> => {
      const { position } = await api.done('POST', `/v1/accounts/${id}/spns`, { spns: [spn] });
      return (await api.done('GET', query('/v1/spns/holders', { spn, after: Number(position) })))['answer'];
    };
    for (let n = 0; n < 40; n++) expect(await seen(`HTTP/one-${n}.corp.example`)).toBe('yes');
    const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => seen(`HTTP/many-${n}.corp.example`)));
    expect(answers).toEqual(Array(20).fill('yes'));
  });
});

describe('a position that is not reached', () => {
  it('is waited for five seconds, and then told with what is behind and when to ask again', async () => {
    const { head } = await api.done<{ head: number }>('GET', '/v1/projections');
    const began = performance.now();
    const { status, headers, body } = await api.get(`/v1/accounts?after=${head + 1000}`);
    const seconds = (performance.now() - began) / 1000;
    expect({ status, code: body['code'] }).toEqual({ status: 503, code: 'PROJECTION_BEHIND' });
    expect(headers.get('retry-after')).toBe('1');
    expect(seconds).toBeGreaterThan(4.5);
    expect(seconds).toBeLessThan(8);
    const names = ((await api.done('GET', '/v1/projections'))['rows'] as Json[]).map(({ name }) => ({
      name,
      position: head,
    }));
    expect(body['behind']).toEqual(names);
  });

  it('is answered as soon as it is reached', async () => {
    const { head } = await api.done<{ head: number }>('GET', '/v1/projections');
    const waiting = api.get(`/v1/forests?after=${head + 2}`);
    await account('just-in-time');
    expect((await waiting).status).toBe(200);
  });

  it('is where the tail of the log reads on from, and nothing that it waits for', async () => {
    const { head } = await api.done<{ head: number }>('GET', '/v1/projections');
    const began = performance.now();
    const beyond = await api.get(`/v1/events/tail?after=${head + 1000}`);
    expect([beyond.status, beyond.body]).toEqual([200, { rows: [], next: head + 1000 }]);
    expect(performance.now() - began).toBeLessThan(4_000);
    const following = api.done<{ rows: Json[] }>('GET', `/v1/events/tail?after=${head}&waitSeconds=20`);
    await account('followed');
    expect((await following).rows[0]).toMatchObject({ position: head + 1 });
  });
});
