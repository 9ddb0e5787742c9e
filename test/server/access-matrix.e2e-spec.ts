/**
 * Who may call what, cell by cell (architecture §9). The table below is the promise; the routes are those that the running server
 * says it has, so a new route without a row fails, and so does a row without a route.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { type Api, makeToken, type Method, startServer, type TestServer } from '../support/server.js';

const ROLES = ['installer', 'client', 'agent', 'ingest', 'auditor', 'operator'] as const;
const BEARERS = ['nobody', 'revoked', 'expired', ...ROLES] as const;
type Bearer = (typeof BEARERS)[number];
type Cell = 'allowed' | '401' | '403';

/** Everybody may call these, a bearer of a dead token too. */
const OPEN = [
  'GET /health',
  'GET /ready',
  'GET /metrics',
  'GET /docs',
  'GET /docs/openapi.json',
  'GET /docs/openapi.yaml',
];

/** i installer · c client · a agent · n ingest · u auditor · o operator. A token of no role, or a dead one, opens none of them. */
const MATRIX = `
  i c a n u o
  . . . . . x  POST   /v1/forests
  . . . . . x  POST   /v1/forests/{forest}/domains
  . . . . . x  PUT    /v1/forests/{forest}/policy
  x . . . . x  POST   /v1/accounts
  x . . . . x  PATCH  /v1/accounts/{account}
  x . . . . x  DELETE /v1/accounts/{account}
  x . . . . x  PUT    /v1/accounts/{account}/password
  x . . . . x  POST   /v1/accounts/{account}/enable
  x . . . . x  POST   /v1/accounts/{account}/disable
  x . . . . x  POST   /v1/accounts/{account}/spns
  x . . . . x  PUT    /v1/accounts/{account}/spns
  x . . . . x  POST   /v1/accounts/{account}/spns/remove
  . x . . . .  POST   /v1/logons
  . x . . . .  POST   /v1/tickets
  . . x . . .  POST   /v1/presentations
  . . x . . .  POST   /v1/presentations/{presentation}/client-verification
  . x . . . .  POST   /v1/presentations/{presentation}/proof
  . . x . . .  POST   /v1/presentations/{presentation}/application-requests
  . . . x . x  POST   /v1/imports
  . . . x x x  GET    /v1/imports
  . . . . x x  GET    /v1/forests
  . . . . x x  GET    /v1/forests/{forest}
  . . . . x x  GET    /v1/accounts
  . . . . x x  GET    /v1/accounts/{account}
  . . . . x x  GET    /v1/accounts/{account}/timeline
  . . . . x x  GET    /v1/duplicates
  . . . . x x  GET    /v1/findings
  . . . . x x  GET    /v1/tickets
  . . . . x x  GET    /v1/spns
  . . . . x x  GET    /v1/spns/holders
  . . . . x x  GET    /v1/spns/history
  x . . . x x  POST   /v1/spns/check
  . . . . x x  GET    /v1/attempts
  . . . . x x  GET    /v1/attempts/{attempt}
  . . . . x x  GET    /v1/failures
  . . . . x x  GET    /v1/failures/{attempt}
  . . . . x x  GET    /v1/events
  . . . . x x  GET    /v1/events/tail
  . . . . x x  GET    /v1/events/{position}
  . . . . . x  POST   /v1/tokens
  . . . . x x  GET    /v1/tokens
  . . . . . x  DELETE /v1/tokens/{token}
  . . . . . x  POST   /v1/keys/export
  . . . . x x  GET    /v1/doctor
  . . . . x x  GET    /v1/projections
  . . . . . x  POST   /v1/projections/{projection}/rebuild
  . . . . x x  GET    /v1/dead-letters
  . . . . . x  POST   /v1/dead-letters/{letter}/retry
  . . . . . x  POST   /v1/dead-letters/{letter}/skip
  . . . . . x  GET    /v1/persons
  . . . . . x  POST   /v1/persons/erase
  . . . . x x  GET    /v1/archive
  . . . . . x  POST   /v1/archive
  . . . . . x  POST   /v1/archive/retire
  . . . . x x  GET    /v1/evidence/checkpoint
  . . . . x x  GET    /v1/evidence/tile/{path}
  . . . . x x  GET    /v1/evidence/keys
  . . . . . x  POST   /v1/evidence/keys/rotate
  . . . . x x  GET    /v1/evidence/proof
  . . . . x x  GET    /v1/evidence/consistency
  . . . . x x  GET    /v1/evidence/status
  . . . . x x  POST   /v1/evidence/bundle
  . . . . . x  POST   /v1/backups
`;

type Row = {
  readonly route: string;
  readonly method: Method;
  readonly path: string;
  readonly allowed: readonly string[];
};

const rows: Row[] = MATRIX.trim()
  .split('\n')
  .slice(1)
  .map((line) => {
    const words = line.trim().split(/\s+/);
    const [method, path] = words.slice(ROLES.length) as [Method, string];
    return { route: `${method} ${path}`, method, path, allowed: ROLES.filter((_, i) => words[i] === 'x') };
  });

let database: TestDatabase;
let server: TestServer;
let bearers: Record<Bearer, Api>;

beforeAll(async () => {
  database = await createTestDatabase();
  server = await startServer({ databaseUrl: database.url });
  const operator = server.api;
  const roles = await Promise.all(
    ROLES.map(async (role) => [role, await makeToken(operator, { roles: [role] })] as const),
  );
  const revoked = await makeToken(operator, { roles: [...ROLES] });
  await operator.done('DELETE', `/v1/tokens/${revoked.id}`);
  const expiresAt = new Date(Date.now() + 1_000).toISOString();
  const expired = await makeToken(operator, { roles: [...ROLES], expiresAt });
  await untilExpired(expired);
  bearers = {
    nobody: operator.as(''),
    revoked,
    expired,
    ...(Object.fromEntries<Api>(roles) as Record<(typeof ROLES)[number], Api>),
  };
});

afterAll(async () => {
  await server?.dispose();
  await database?.drop();
});

async function untilExpired(bearer: Api): Promise<void> {
  const deadline = Date.now() + 5_000;
  while ((await bearer.get('/v1/projections')).status !== 401) {
    if (Date.now() > deadline) throw new Error('the token did not expire');
    await delay(50);
  }
}

/** No body and names of nothing: what an allowed bearer gets is the next check's refusal, and nothing is written. */
async function cell(bearer: Api, method: Method, path: string): Promise<Cell> {
  const { status, body } = await bearer.call(method, path.replaceAll(/\{\w+\}/g, '0'));
  if (status === 401 && body['code'] === 'TOKEN_REQUIRED') return '401';
  if (status === 403 && body['code'] === 'ROLE_REQUIRED') return '403';
  if (status >= 500 || status === 401) throw new Error(`${method} ${path}: ${status} ${JSON.stringify(body)}`);
  return 'allowed';
}

async function cells(method: Method, path: string): Promise<Record<string, Cell>> {
  const asked = BEARERS.map(async (name) => [name, await cell(bearers[name], method, path)] as const);
  return Object.fromEntries(await Promise.all(asked));
}

describe('the access matrix', () => {
  it('has a row for every route that the server has, and no other', async () => {
    const { paths } = await server.api.done<{ paths: Record<string, object> }>('GET', '/docs/openapi.json');
    const served = Object.entries(paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(rows.map(({ route }) => route).toSorted()).toEqual(served.toSorted());
  });

  it.each(rows)('$route: $allowed', async ({ method, path, allowed }) => {
    const promised = BEARERS.map((name): [Bearer, Cell] => {
      if (!ROLES.includes(name as never)) return [name, '401'];
      return [name, allowed.includes(name) ? 'allowed' : '403'];
    });
    expect(await cells(method, path)).toEqual(Object.fromEntries(promised));
  });

  it.each(OPEN)('%s is open to everybody', async (route) => {
    const [method, path] = route.split(' ') as [Method, string];
    expect(await cells(method, path)).toEqual(Object.fromEntries(BEARERS.map((name) => [name, 'allowed'])));
  });

  it('closes every path that is not in it', async () => {
    for (const name of BEARERS) {
      const { status, body } = await bearers[name].get('/v1/secrets');
      expect({ name, status, code: body['code'] }).toEqual({ name, status: 404, code: 'NOT_FOUND' });
    }
  });
});

describe('a token', () => {
  it('of several roles may what each of them may, and no more', async () => {
    const both = await makeToken(server.api, { roles: ['client', 'auditor'] });
    expect(await cell(both, 'POST', '/v1/logons')).toBe('allowed');
    expect(await cell(both, 'GET', '/v1/events')).toBe('allowed');
    expect(await cell(both, 'POST', '/v1/presentations')).toBe('403');
    expect(await cell(both, 'POST', '/v1/tokens')).toBe('403');
  });

  it('is told which roles would do, and that it lacks them', async () => {
    const { body } = await bearers.client.get('/v1/events');
    expect(body).toMatchObject({ status: 403, code: 'ROLE_REQUIRED', allowed: ['auditor', 'operator'] });
    expect(body['detail']).toBe('This needs one of the roles auditor, operator; the token has client.');
  });

  it('that is missing or dead is asked for by the header that RFC 6750 names', async () => {
    for (const name of ['nobody', 'revoked', 'expired'] as const) {
      const { status, headers } = await bearers[name].get('/v1/events');
      expect([status, headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="kerbtrail"']);
    }
  });

  it.each(['', 'kt_', 'kt_0123456789abcdef_', `kt_0123456789abcdef_${'A'.repeat(43)}`, 'x'.repeat(10_000)])(
    'with the text "%.30s" is nobody',
    async (text) => {
      expect((await server.api.as(text).get('/v1/events')).body['code']).toBe('TOKEN_REQUIRED');
    },
  );

  it('of which the id is right and the secret wrong is nobody', async () => {
    const [kt, id] = server.api.token.split('_');
    expect((await server.api.as(`${kt}_${id}_${'A'.repeat(43)}`).get('/v1/events')).status).toBe(401);
  });

  it('revoked stays so, and revoking it again adds no event', async () => {
    const token = await makeToken(server.api, { roles: ['auditor'] });
    const first = await server.api.done('DELETE', `/v1/tokens/${token.id}`);
    const head = (await server.api.done('GET', '/v1/projections'))['head'];
    await server.api.done('DELETE', `/v1/tokens/${token.id}`);
    expect(first['position']).toBe(head);
    expect((await server.api.done('GET', '/v1/projections'))['head']).toBe(head);
    expect((await token.get('/v1/events')).status).toBe(401);
  });
});
