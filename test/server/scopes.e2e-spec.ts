/**
 * What a token may touch (architecture §9): a forest, domains or accounts. A scope narrows what a role allows and never widens
 * it; where a scope cannot be applied, the request is refused rather than let through whole.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { type Api, type Json, makeToken, query, startServer, type TestServer } from '../support/server.js';

let database: TestDatabase;
let server: TestServer;
let operator: Api;
let web: string;
let branch: string;
let other: string;
let position: number;

beforeAll(async () => {
  database = await createTestDatabase();
  server = await startServer({ databaseUrl: database.url });
  operator = server.api;
  for (const name of ['corp.example', 'other.example']) await operator.done('POST', '/v1/forests', { name });
  await operator.done('POST', '/v1/forests/corp.example/domains', { domain: 'branch.corp.example' });
  web = await account(operator, 'corp.example', 'corp.example', 'svc-web');
  branch = await account(operator, 'corp.example', 'branch.corp.example', 'svc-branch');
  other = await account(operator, 'other.example', 'other.example', 'svc-other');
  const reply = await operator.done('POST', `/v1/accounts/${other}/spns`, { spns: ['HTTP/other.example'] });
  position = Number(reply['position']);
});

afterAll(async () => {
  await server?.dispose();
  await database?.drop();
});

async function account(api: Api, forest: string, domain: string, samAccountName: string): Promise<string> {
  const made = await api.done('POST', '/v1/accounts', { forest, domain, kind: 'user', samAccountName });
  return String(made['account']);
}

async function code(answer: Promise<{ status: number; body: Json }>): Promise<string> {
  const { status, body } = await answer;
  return status < 300 ? 'done' : `${status} ${String(body['code'])}`;
}

const register = (api: Api, id: string, spn: string) =>
  code(api.call('POST', `/v1/accounts/${id}/spns`, { body: { spns: [spn] } }));
const disable = (api: Api, id: string) => code(api.call('POST', `/v1/accounts/${id}/disable`));
const create = (api: Api, forest: string, domain: string, samAccountName: string) =>
  code(api.call('POST', '/v1/accounts', { body: { forest, domain, kind: 'user', samAccountName } }));

describe('an installer', () => {
  it('of a forest works in all its domains and in no other forest', async () => {
    const api = await makeToken(operator, { roles: ['installer'], scope: { forest: 'corp.example' } });
    expect(await register(api, web, 'HTTP/a1.corp.example')).toBe('done');
    expect(await register(api, branch, 'HTTP/b1.corp.example')).toBe('done');
    expect(await create(api, 'corp.example', 'branch.corp.example', 'made-by-forest')).toBe('done');
    expect(await register(api, other, 'HTTP/o1.other.example')).toMatch(/^40[39] /);
    expect(await create(api, 'other.example', 'other.example', 'intruder')).toBe('403 DIR_FORBIDDEN');
    expect(await disable(api, other)).toBe('403 DIR_FORBIDDEN');
  });

  it('of a domain works in that domain alone', async () => {
    const api = await makeToken(operator, {
      roles: ['installer'],
      scope: { forest: 'corp.example', domains: ['branch.corp.example'] },
    });
    expect(await register(api, branch, 'HTTP/b2.corp.example')).toBe('done');
    expect(await register(api, web, 'HTTP/a2.corp.example')).not.toBe('done');
    expect(await create(api, 'corp.example', 'corp.example', 'intruder')).toBe('403 DIR_FORBIDDEN');
    expect(await disable(api, web)).toBe('403 DIR_FORBIDDEN');
  });

  it('of accounts writes their SPNs, and makes no account', async () => {
    const api = await makeToken(operator, { roles: ['installer'], scope: { accounts: [web] } });
    expect(await register(api, web, 'HTTP/a3.corp.example')).toBe('done');
    expect(await register(api, branch, 'HTTP/b3.corp.example')).not.toBe('done');
    expect(await create(api, 'corp.example', 'corp.example', 'intruder')).toBe('403 DIR_FORBIDDEN');
    expect(await disable(api, branch)).toBe('403 DIR_FORBIDDEN');
  });
});

describe('an auditor of a forest', () => {
  let api: Api;
  let both: Api;
  let routes: string[];

  beforeAll(async () => {
    const scope = { forest: 'corp.example' };
    api = await makeToken(operator, { roles: ['auditor'], scope });
    both = await makeToken(operator, { roles: ['auditor', 'operator'], scope });
    type Parameter = { name: string; in: string; required?: boolean };
    type Paths = Record<string, { get?: { parameters?: Parameter[] } }>;
    const { paths } = await operator.done<{ paths: Paths }>('GET', '/docs/openapi.json');
    routes = Object.entries(paths).flatMap(([path, { get }]) => {
      const asked = (get?.parameters ?? []).filter((parameter) => parameter.in === 'query');
      if (!asked.some(({ name }) => name === 'forest')) return [];
      const needed = asked.filter(({ required }) => required).map(({ name }) => [name, 'HTTP/web1.corp.example']);
      return [query(path.replaceAll(/\{\w+\}/g, '0'), { ...Object.fromEntries(needed), forest: 'other.example' })];
    });
  });

  it('may ask no query for another forest, nor may an operator of it', async () => {
    expect(routes.length).toBeGreaterThanOrEqual(4);
    for (const route of routes) {
      expect([route, await code(both.get(route))]).toEqual([route, '403 OUT_OF_SCOPE']);
      expect([route, await code(api.get(route))]).toEqual([
        route,
        expect.stringMatching(/^403 (OUT_OF_SCOPE|ROLE_REQUIRED)$/),
      ]);
    }
  });

  it('sees its own forest when it names none, and nothing of the operation', async () => {
    const { rows } = await api.done<{ rows: { data: { forest?: string } }[] }>(
      'GET',
      query('/v1/events', { after: position, limit: 1000 }),
    );
    expect(rows.length).toBeGreaterThan(0);
    expect(new Set(rows.map(({ data }) => data.forest))).toEqual(new Set(['corp.example']));
  });

  it('does not get another forest’s event, nor one of no forest, by its position', async () => {
    expect(await code(api.get(`/v1/events/${position}`))).toMatch(/^40[34] /);
    expect(await code(api.get('/v1/events/1'))).toMatch(/^40[34] /);
    expect(await code(operator.get('/v1/events/1'))).toBe('done');
  });
});

describe('a scope that a role cannot keep', () => {
  it('refuses: who reads by domain or account would read more than that', async () => {
    for (const scope of [{ domains: ['corp.example'] }, { accounts: [web] }]) {
      const api = await makeToken(operator, { roles: ['auditor', 'ingest'], scope });
      expect(await code(api.get('/v1/events'))).toBe('403 OUT_OF_SCOPE');
      expect(await code(api.get('/v1/attempts'))).toBe('403 OUT_OF_SCOPE');
      expect(await code(api.get('/v1/events/1'))).toBe('403 OUT_OF_SCOPE');
      expect(await code(upload(api, 'a.ldif'))).toBe('403 OUT_OF_SCOPE');
    }
  });

  it('refuses: a narrowed operator would make itself a token without limits, or take the key of all', async () => {
    const api = await makeToken(operator, { roles: ['operator'], scope: { forest: 'corp.example' } });
    const body = { actor: 'me', roles: ['operator'] };
    expect(await code(api.call('POST', '/v1/tokens', { body }))).toBe('403 OUT_OF_SCOPE');
    expect(await code(api.call('DELETE', '/v1/tokens/0123456789abcdef'))).toBe('403 OUT_OF_SCOPE');
    expect(await code(api.call('POST', '/v1/keys/export'))).toBe('403 OUT_OF_SCOPE');
    expect(await code(api.call('POST', '/v1/projections/events/rebuild'))).toBe('403 OUT_OF_SCOPE');
    expect(await code(api.get('/v1/tokens'))).toBe('403 OUT_OF_SCOPE');
    expect(await code(api.call('PUT', '/v1/forests/corp.example/policy', { body: { enforcement: 'audit' } }))).toBe(
      'done',
    );
    expect(await code(api.call('POST', '/v1/forests', { body: { name: 'third.example' } }))).toBe('403 DIR_FORBIDDEN');
  });
});

describe('an ingest token of a forest', () => {
  it('imports into that forest alone', async () => {
    const api = await makeToken(operator, { roles: ['ingest'], scope: { forest: 'observed:corp.example' } });
    expect(await code(upload(api, 'a.ldif', 'observed:corp.example'))).toBe('done');
    expect(await code(upload(api, 'a.ldif', 'observed:other.example'))).toBe('403 OUT_OF_SCOPE');
  });
});

const DUMP = 'dn: CN=svc,DC=corp,DC=example\nobjectClass: user\nsAMAccountName: svc\n\n';

function upload(api: Api, name: string, forest?: string) {
  return api.call('POST', query('/v1/imports', { name, forest, observedAt: '2026-11-22T10:00:00Z' }), {
    raw: DUMP,
    headers: { 'content-type': 'application/octet-stream' },
  });
}
