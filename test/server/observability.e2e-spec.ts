/**
 * What the server tells of itself: health, metrics and a structured log. None of it names a person, a service or a secret.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { type Api, type Json, query, startServer, type TestServer } from '../support/server.js';

const NAMES = ['corp.example', 'svc-web', 'web1', 'alice', 'HTTP/'];

let database: TestDatabase;
let server: TestServer;
let api: Api;

beforeAll(async () => {
  database = await createTestDatabase();
  server = await startServer({ databaseUrl: database.url });
  api = server.api;
  await api.done('POST', '/v1/forests', { name: 'corp.example' });
  const details = {
    forest: 'corp.example',
    domain: 'corp.example',
    kind: 'user',
    samAccountName: 'svc-web',
    password: 'secret',
  };
  const { account } = await api.done('POST', '/v1/accounts', details);
  const { position } = await api.done('POST', `/v1/accounts/${String(account)}/spns`, {
    spns: ['HTTP/web1.corp.example'],
  });
  await api.get(query('/v1/spns/holders', { spn: 'HTTP/web1.corp.example', after: Number(position) }));
  await api.get('/v1/accounts/svc-web');
  await api.get('/v1/accounts/alice@corp.example');
  await api.get('/v1/alice/corp.example');
  await api.as('').get('/v1/events?account=alice');
  await api.call('POST', '/v1/projections/operations/rebuild');
});

afterAll(async () => {
  await server?.dispose();
  await database?.drop();
});

describe('/health and /ready', () => {
  it('tell without a token that the server lives, and how far its read models are', async () => {
    const nobody = api.as('');
    expect((await nobody.get('/health')).body).toEqual({ status: 'ok' });
    const { body } = await nobody.get<{ head: number; projections: Json[] }>('/ready');
    expect(body).toMatchObject({ status: 'ready', head: expect.any(Number) });
    expect(body.projections.map(({ name }) => name)).toEqual(['events', 'directory', 'attempts', 'operations']);
  });
});

describe('/metrics', () => {
  type Sample = { readonly name: string; readonly labels: Record<string, string>; readonly value: number };
  let text: string;
  let samples: Sample[];

  beforeAll(async () => {
    text = (await api.as('').get('/metrics')).text;
    samples = text.split('\n').flatMap((line) => {
      const [, name, labels = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      const pairs = [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, of]) => [key, of]);
      return name ? [{ name, labels: Object.fromEntries(pairs) as Record<string, string>, value: Number(value) }] : [];
    });
  });

  const count = (method: string, route: string, status: string): number =>
    samples.find(
      ({ name, labels }) =>
        name === 'kerbtrail_http_request_duration_seconds_count' &&
        labels['method'] === method &&
        labels['route'] === route &&
        labels['status'] === status,
    )?.value ?? 0;

  it('count every answer by its route and the status that it had', () => {
    expect(count('POST', '/v1/accounts/:account/spns', '200')).toBe(1);
    expect(count('GET', '/v1/accounts/:account', '200')).toBe(1);
    expect(count('GET', '/v1/accounts/:account', '404')).toBe(1);
    expect(count('GET', '/v1/events', '401')).toBe(1);
    expect(count('POST', '/v1/projections/:projection/rebuild', '200')).toBe(1);
    expect(count('GET', 'none', '404')).toBe(1);
  });

  it('tell the position of the log and the lag of each read model', () => {
    const value = (wanted: string) => samples.filter(({ name }) => name === wanted);
    expect(value('kerbtrail_log_position')[0]!.value).toBeGreaterThan(8);
    expect(value('kerbtrail_projection_lag_events').map(({ labels }) => labels['projection'])).toEqual([
      'events',
      'directory',
      'attempts',
      'operations',
    ]);
  });

  it('name no principal, no SPN, no forest and no path that somebody made up', () => {
    expect(NAMES.filter((name) => text.includes(name))).toEqual([]);
    const labels = new Set(samples.flatMap((sample) => Object.keys(sample.labels)));
    expect([...labels].toSorted()).toEqual(
      [
        'kind',
        'le',
        'major',
        'method',
        'minor',
        'patch',
        'projection',
        'quantile',
        'route',
        'space',
        'status',
        'type',
        'version',
      ].filter((name) => labels.has(name)),
    );
    const routes = new Set(samples.map((sample) => sample.labels['route']).filter((route) => route !== undefined));
    expect(
      [...routes].filter((route) => !/^(none|\/(?:[a-z][\w.-]*|:[a-z]+)(?:\/(?:[a-z][\w.-]*|:[a-z]+))*)$/.test(route)),
    ).toEqual([]);
  });
});

describe('the log', () => {
  let lines: string[];

  beforeAll(() => {
    lines = server.process
      .output()
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('ready '));
  });

  it('is one JSON object a line, each with its level, time and message', () => {
    expect(lines.length).toBeGreaterThan(20);
    for (const line of lines) {
      expect(JSON.parse(line)).toMatchObject({
        level: expect.any(Number),
        time: expect.any(Number),
        msg: expect.any(String),
        name: 'kerbtrail',
      });
    }
  });

  it('tells of each request its id, method, the beginning of its path and status, but no name, query, header or body', () => {
    const requests = lines.map((line) => JSON.parse(line) as Json).filter(({ req }) => req !== undefined);
    expect(requests).toContainEqual(
      expect.objectContaining({
        req: { id: expect.stringMatching(/^[0-9a-f-]{36}$/), method: 'GET', path: '/v1/spns' },
        res: { statusCode: 200 },
      }),
    );
    const said = lines.join('\n');
    expect(said).not.toMatch(/HTTP\/web1|Bearer|kt_|secret|account=alice/);
  });
});
