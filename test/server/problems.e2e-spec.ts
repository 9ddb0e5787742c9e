/**
 * What the server says when it does not do what it was asked: RFC 9457 problems with a stable code, never a 500 and never a secret.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import {
  type Answer,
  type Api,
  type Json,
  makeToken,
  type Method,
  type Sent,
  startServer,
  type TestServer,
} from '../support/server.js';

const FOREST = 'corp.example';
const PASSWORD = 'a password that no problem may repeat';
const JSON_BODY = { 'content-type': 'application/json' };
const BYTES = { 'content-type': 'application/octet-stream' };

let database: TestDatabase;
let server: TestServer;
let api: Api;
let web: string;
let spare: string;

beforeAll(async () => {
  database = await createTestDatabase();
  server = await startServer({ databaseUrl: database.url });
  api = server.api;
  await api.done('POST', '/v1/forests', { name: FOREST });
  web = await account('svc-web');
  spare = await account('svc-spare');
  await api.done('POST', `/v1/accounts/${web}/spns`, { spns: ['HTTP/web1.corp.example'] });
});

afterAll(async () => {
  await server?.dispose();
  await database?.drop();
});

function account(samAccountName: string): Promise<string> {
  const details = { forest: FOREST, domain: FOREST, kind: 'user', samAccountName, password: PASSWORD };
  return api.done<{ account: string }>('POST', '/v1/accounts', details).then((made) => made.account);
}

/** Everything that every problem must be. */
function judged(answer: Answer): { status: number; code: unknown } {
  const { status, headers, body, text } = answer;
  expect(headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
  expect(body).toMatchObject({
    type: `urn:kerbtrail:problem:${String(body['code'])}`,
    title: expect.any(String),
    status,
    code: expect.stringMatching(/^[A-Z][A-Z0-9_]+$|^0x[0-9A-F]+$|^[a-zA-Z]+$/),
    detail: expect.stringMatching(/\S/),
    instance: expect.stringMatching(/^\/[^?]*$/),
  });
  expect(text).not.toContain(PASSWORD);
  expect(text).not.toContain(api.token.slice('kt_0123456789abcdef_'.length));
  expect(text).not.toMatch(/node_modules|at [\w.]+ \(|prisma|SELECT /i);
  return { status, code: body['code'] };
}

async function problem(method: Method, path: string, sent?: Sent): Promise<string> {
  const { status, code } = judged(await api.call(method, path, sent));
  return `${status} ${String(code)}`;
}

async function head(): Promise<number> {
  return Number((await api.done('GET', '/v1/projections'))['head']);
}

describe('a request that cannot be read', () => {
  it.each<[string, string, Method, string, Sent]>([
    ['400 REQUEST_INVALID', 'JSON that breaks off', 'POST', '/v1/forests', { raw: '{"name":', headers: JSON_BODY }],
    ['400 REQUEST_INVALID', 'no body where JSON is said', 'POST', '/v1/forests', { raw: '', headers: JSON_BODY }],
    [
      '400 REQUEST_INVALID',
      'a body that reaches for prototypes',
      'POST',
      '/v1/forests',
      { raw: '{"__proto__":{}}', headers: JSON_BODY },
    ],
    [
      '400 REQUEST_INVALID',
      'text instead of JSON',
      'POST',
      '/v1/forests',
      { raw: 'name', headers: { 'content-type': 'text/plain' } },
    ],
    ['400 REQUEST_INVALID', 'a path that does not decode', 'GET', '/v1/forests/%ff', {}],
    ['400 REQUEST_INVALID', 'a NUL in a query', 'GET', '/v1/events?spn=HTTP/%00', {}],
    ['400 REQUEST_INVALID', 'a NUL in a path', 'POST', '/v1/accounts/a%00b/enable', {}],
    ['400 REQUEST_INVALID', 'a position that is none', 'GET', '/v1/events?after=soon', {}],
    ['400 REQUEST_INVALID', 'an instant that is none', 'GET', '/v1/events?since=yesterday', {}],
    ['400 REQUEST_INVALID', 'a limit above the limit', 'GET', '/v1/events?limit=1001', {}],
    ['400 PROJ_INVALID_CURSOR', 'a cursor of ours no more', 'GET', '/v1/events?cursor=bm9wZQ', {}],
    ['404 NOT_FOUND', 'an unknown route', 'GET', '/v1/nothing', {}],
    ['404 NOT_FOUND', 'a method that the route does not have', 'DELETE', '/v1/forests', {}],
    [
      '413 BODY_TOO_LARGE',
      'a body above one MiB',
      'POST',
      '/v1/forests',
      { raw: `{"name":"${'a'.repeat(1 << 20)}"}`, headers: JSON_BODY },
    ],
    ['414 PATH_TOO_LONG', 'a part of a path without end', 'GET', `/v1/forests/${'a'.repeat(2_000)}`, {}],
    [
      '415 MEDIA_TYPE_UNSUPPORTED',
      'a body of an unknown kind',
      'POST',
      '/v1/forests',
      { raw: '<a/>', headers: { 'content-type': 'text/xml' } },
    ],
    ['415 IMPORT_MEDIA_TYPE', 'an import without bytes', 'POST', '/v1/imports?name=a', {}],
    [
      '400 IDEMPOTENCY_KEY_INVALID',
      'an Idempotency-Key that is no UUID',
      'POST',
      '/v1/forests',
      { body: { name: 'x.example' }, key: 'once' },
    ],
  ])('is %s for %s', async (expected, _what, method, path, sent) => {
    expect(await problem(method, path, sent)).toBe(expected);
  });

  it('names each fault by its JSON pointer', async () => {
    const body = { forest: FOREST, domain: '', kind: 'printer', samAccountName: 7 };
    const answer = await api.call<{ errors: { pointer: string; detail: string }[] }>('POST', '/v1/accounts', { body });
    expect(answer.status).toBe(400);
    expect(answer.body.errors.map(({ pointer }) => pointer)).toEqual(['/domain', '/kind', '/samAccountName']);
    const nested = await api.call<{ errors: { pointer: string }[] }>('POST', `/v1/accounts/${web}/spns`, {
      body: { spns: ['HTTP/a', 1] },
    });
    expect(nested.body.errors.map(({ pointer }) => pointer)).toEqual(['/spns/1']);
  });
});

describe('a command that is refused', () => {
  it.each<[string, Method, string, unknown]>([
    ['404 DIR_FOREST_UNKNOWN', 'POST', '/v1/forests/nowhere.example/domains', { domain: 'a.nowhere.example' }],
    ['409 DIR_FOREST_EXISTS', 'POST', '/v1/forests', { name: FOREST }],
    ['400 DIR_NAME_INVALID', 'POST', '/v1/forests', { name: 'not a DNS name' }],
    ['404 DIR_ACCOUNT_UNKNOWN', 'POST', '/v1/accounts/nobody/disable', undefined],
    [
      '404 DIR_DOMAIN_UNKNOWN',
      'POST',
      '/v1/accounts',
      { forest: FOREST, domain: 'x.example', kind: 'user', samAccountName: 'a' },
    ],
    [
      '409 DIR_NAME_TAKEN',
      'POST',
      '/v1/accounts',
      { forest: FOREST, domain: FOREST, kind: 'user', samAccountName: 'SVC-WEB' },
    ],
    ['404 OPS_TOKEN_UNKNOWN', 'DELETE', '/v1/tokens/0123456789abcdef', undefined],
    [
      '400 OPS_TOKEN_INVALID',
      'POST',
      '/v1/tokens',
      { actor: 'a', roles: ['auditor'], expiresAt: '2001-01-01T00:00:00Z' },
    ],
    ['404 PROJECTION_UNKNOWN', 'POST', '/v1/projections/nothing/rebuild', undefined],
    ['404 EVENT_UNKNOWN', 'GET', '/v1/events/1000000', undefined],
    ['404 ATTEMPT_UNKNOWN', 'GET', '/v1/attempts/nothing', undefined],
    ['404 FOREST_UNKNOWN', 'GET', '/v1/forests/nowhere.example', undefined],
    ['404 ACCOUNT_UNKNOWN', 'GET', '/v1/accounts/nobody', undefined],
  ])('is %s', async (expected, method, path, body) => {
    expect(await problem(method, path, body === undefined ? {} : { body })).toBe(expected);
  });

  it('is refused on a forest that is only observed', async () => {
    const dump = 'dn: CN=svc,DC=lab,DC=example\nobjectClass: user\nsAMAccountName: svc\n\n';
    const imported = await api.call('POST', '/v1/imports?name=lab.ldif&observedAt=2026-11-22T10:00:00Z', {
      raw: dump,
      headers: BYTES,
    });
    expect(imported.text).toContain('"forest":"observed:lab.example"');
    const observed = encodeURIComponent('observed:lab.example');
    expect(await problem('PUT', `/v1/forests/${observed}/policy`, { body: { enforcement: 'audit' } })).toBe(
      '409 DIR_FOREST_OBSERVED',
    );
    const details = { forest: 'observed:lab.example', domain: 'lab.example', kind: 'user', samAccountName: 'a' };
    expect(await problem('POST', '/v1/accounts', { body: details })).toBe('409 DIR_FOREST_OBSERVED');
  });

  it('for lack of rights is 403 and names what was missing', async () => {
    const installer = await makeToken(api, { roles: ['installer'], scope: { forest: 'other.example' }, actor: 'ines' });
    const answer = await installer.call('POST', `/v1/accounts/${web}/disable`);
    expect(judged(answer)).toEqual({ status: 403, code: 'DIR_FORBIDDEN' });
    expect(answer.body['detail']).toMatch(/^ines does not administer /);
  });

  it('for an SPN that is held names the holders, the directory’s own status and the position of the event', async () => {
    const before = await head();
    const answer = await api.call('POST', `/v1/accounts/${spare}/spns`, { body: { spns: ['HTTP/WEB1.corp.example'] } });
    expect(judged(answer).status).toBe(409);
    expect(answer.body).toMatchObject({
      account: spare,
      directoryStatus: expect.any(Number),
      holders: [{ account: web, spn: 'HTTP/web1.corp.example' }],
      position: before + 1,
    });
    const { event } = await api.done<{ event: Json }>('GET', `/v1/events/${before + 1}?after=${before + 1}`);
    expect(event).toMatchObject({ type: 'SpnRegistrationRefused', data: { code: answer.body['code'] } });
  });
});

describe('an Idempotency-Key', () => {
  const once = (key: string, body: unknown, path = '/v1/accounts') => api.call('POST', path, { body, key });
  const details = (samAccountName: string) => ({ forest: FOREST, domain: FOREST, kind: 'user', samAccountName });

  it('used twice gives the first answer and adds no event', async () => {
    const key = randomUUID();
    const first = await once(key, details('twice'));
    const before = await head();
    const second = await once(key.toUpperCase(), details('twice'));
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(second.body).toEqual(first.body);
    expect(await head()).toBe(before);
  });

  it('used twice repeats a refusal too, and adds no event', async () => {
    const key = randomUUID();
    const body = { spns: ['HTTP/web1.corp.example'] };
    const first = await once(key, body, `/v1/accounts/${spare}/spns`);
    const before = await head();
    const second = await once(key, body, `/v1/accounts/${spare}/spns`);
    expect(first.status).toBe(409);
    expect(second.body).toEqual(first.body);
    expect(await head()).toBe(before);
  });

  it('of another request is refused with 422, whatever differs', async () => {
    const key = randomUUID();
    await once(key, details('first'));
    expect(judged(await once(key, details('second')))).toEqual({ status: 422, code: 'ES_REQUEST_ID_REUSED' });
    expect(judged(await once(key, { name: 'x.example' }, '/v1/forests'))).toEqual({
      status: 422,
      code: 'ES_REQUEST_ID_REUSED',
    });
    const other = await makeToken(api, { roles: ['operator'], actor: 'somebody else' });
    expect((await other.call('POST', '/v1/accounts', { key, body: details('first') })).status).toBe(422);
  });

  it('used by ten at once is done once', async () => {
    const key = randomUUID();
    const answers = await Promise.all(Array.from({ length: 10 }, () => once(key, details('rush'))));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(201));
  });

  it('of an answer that was a secret is told that it was given once, and the secret is not given again', async () => {
    const key = randomUUID();
    const first = await once(key, { actor: 'a', roles: ['auditor'] }, '/v1/tokens');
    const second = await once(key, { actor: 'a', roles: ['auditor'] }, '/v1/tokens');
    expect(judged(second)).toEqual({ status: 409, code: 'OPS_ANSWER_GIVEN_ONCE' });
    expect(second.text).not.toContain(String(first.body['text']));
  });
});

describe('nothing makes the server fail', () => {
  /** Values that break programs: for every parameter and body field that the OpenAPI document names. */
  const NASTY = [
    '\0',
    'a\0b',
    '\ud800',
    '\u202e\ufeff',
    "'; DROP TABLE x; --",
    '%',
    '*'.repeat(300),
    '../../etc/passwd',
    '-1',
    '1e999',
    '9'.repeat(40),
    '[]',
    'null',
    '9999-12-31T23:59:59.999999999Z',
    '0000-01-01T00:00:00Z',
    'HTTP/',
    'a'.repeat(1000),
  ];
  type Operation = { parameters?: { name: string; in: string }[]; requestBody?: unknown };
  type Schema = { properties?: Record<string, unknown> };
  type Document = { paths: Record<string, Record<string, Operation>>; components: { schemas: Record<string, Schema> } };

  const read = (value: string, path: string, { parameters = [] }: Operation): string => {
    const parts = path.replaceAll(/\{\w+\}/g, encodeURIComponent(Buffer.from(value).toString()));
    const search = new URLSearchParams(
      parameters.filter((one) => one.in === 'query').map(({ name }): [string, string] => [name, value]),
    );
    search.delete('after'); // waits; read-your-writes.e2e-spec.ts is about it
    return `${parts}?${search.toString()}`;
  };

  it.each(NASTY.map((value) => [JSON.stringify(value).slice(0, 40), value]))(
    'with %s everywhere',
    async (_shown, value) => {
      const everyRole = await makeToken(api, {
        roles: ['installer', 'client', 'agent', 'ingest', 'auditor', 'operator'],
      });
      const { paths, components } = await api.done<Document>('GET', '/docs/openapi.json');
      const fields = [
        ...new Set(Object.values(components.schemas).flatMap(({ properties = {} }) => Object.keys(properties))),
      ];
      const bodies = [
        Object.fromEntries(fields.map((field) => [field, value])),
        Object.fromEntries(fields.map((field) => [field, [value]])),
      ];
      const requests = Object.entries(paths).flatMap(([path, operations]) =>
        Object.entries(operations).flatMap(([method, operation]) =>
          (operation.requestBody === undefined ? [{}] : bodies.map((body) => ({ body }))).map(async (sent) => {
            const answer = await everyRole.call(method.toUpperCase() as Method, read(value, path, operation), sent);
            if (answer.status >= 400) judged(answer);
            return answer.status < 500 ? [] : [`${method} ${path}: ${answer.text}`];
          }),
        ),
      );
      expect((await Promise.all(requests)).flat()).toEqual([]);
    },
  );

  it('and neither its log nor its read models tell of a failure', async () => {
    expect((await api.get('/ready')).status).toBe(200);
    const failures = server.process
      .output()
      .split('\n')
      .filter((line) => line.startsWith('{') && (JSON.parse(line) as { level: number }).level >= 50);
    expect(failures).toEqual([]);
  });
});
