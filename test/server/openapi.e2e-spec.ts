/**
 * The OpenAPI document is 3.1, complete enough to write a client from, and true: what it says of an answer is what comes.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { type Api, type Json, query, startServer, type TestServer } from '../support/server.js';

type Content = Record<string, { readonly schema: Json }>;
type Parameter = { readonly name: string; readonly in: string; readonly required?: boolean; readonly schema: Json };
type Operation = {
  readonly route: string;
  readonly operationId: string;
  readonly summary?: string;
  readonly tags?: string[];
  readonly security?: Json[];
  readonly parameters: Parameter[];
  readonly requestBody?: { readonly required?: boolean; readonly content: Content };
  readonly responses: Record<string, { readonly description: string; readonly content?: Content }>;
};
type Document = Json & {
  readonly openapi: string;
  readonly components: { schemas: Record<string, Json>; securitySchemes: Json };
};

let database: TestDatabase;
let server: TestServer;
let api: Api;
let document: Document;
let operations: Operation[];

beforeAll(async () => {
  database = await createTestDatabase();
  server = await startServer({ databaseUrl: database.url });
  api = server.api;
  document = await api.as('').done<Document>('GET', '/docs/openapi.json');
  operations = Object.entries(document['paths'] as Record<string, Record<string, Operation>>).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ ...operation, route: `${method.toUpperCase()} ${path}` })),
  );
});

afterAll(async () => {
  await server?.dispose();
  await database?.drop();
});

/** Routes of which this does not hold. */
function without(holds: (operation: Operation) => unknown): string[] {
  return operations.filter((operation) => !holds(operation)).map(({ route }) => route);
}

const isQuery = ({ route }: Operation): boolean => route.startsWith('GET ');
const has = ({ parameters }: Operation, name: string): boolean => parameters.some((one) => one.name === name);

describe('the OpenAPI document', () => {
  it('is of version 3.1, names the program and its one way to authenticate', () => {
    expect(document.openapi).toMatch(/^3\.1\.\d$/);
    expect(document['info']).toMatchObject({ title: 'Kerbtrail', version: expect.stringMatching(/^\d+\.\d+\.\d+$/) });
    expect(document.components.securitySchemes).toMatchObject({ bearer: { type: 'http', scheme: 'bearer' } });
    expect(operations.length).toBeGreaterThan(40);
  });

  it('gives every operation a summary, a tag, a name of its own and a bearer', () => {
    expect(without(({ summary }) => summary && summary.length > 5)).toEqual([]);
    expect(without(({ tags }) => tags?.length === 1)).toEqual([]);
    expect(without(({ security }) => security?.some((one) => 'bearer' in one))).toEqual([]);
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
  });

  it('describes every body and parameter', () => {
    expect(
      without(({ parameters }) => parameters.every(({ schema }) => schema && Object.keys(schema).length > 0)),
    ).toEqual([]);
    const bodies = operations.flatMap(({ route, requestBody }) =>
      Object.values(requestBody?.content ?? {}).map(({ schema }) => [route, Object.keys(schema).length > 0]),
    );
    expect(bodies.filter(([, described]) => !described)).toEqual([]);
    expect(bodies.length).toBeGreaterThan(15);
    expect(
      without(
        ({ route, parameters }) =>
          (route.match(/\{/g) ?? []).length === parameters.filter((one) => one.in === 'path').length,
      ),
    ).toEqual([]);
  });

  it('says of every query that it takes `after`, and of every command that it takes an Idempotency-Key', () => {
    expect(without((one) => !isQuery(one) || has(one, 'after'))).toEqual([]);
    const notIdempotentByKey = [
      'POST /v1/imports',
      'POST /v1/spns/check',
      'POST /v1/projections/{projection}/rebuild',
      'POST /v1/evidence/bundle',
      'POST /v1/archive',
      'POST /v1/archive/retire',
    ];
    expect(without((one) => isQuery(one) || has(one, 'idempotency-key')).toSorted()).toEqual(
      notIdempotentByKey.toSorted(),
    );
  });

  it('says of every operation what it answers, and that it may answer with a problem', () => {
    const success = ({ responses }: Operation) => Object.keys(responses).filter((status) => status.startsWith('2'));
    expect(without((one) => success(one).length === 1)).toEqual([]);
    expect(
      without((one) => one.responses[success(one)[0]!]!.content && one.responses[success(one)[0]!]!.description),
    ).toEqual([]);
    const problem = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } };
    for (const { responses } of operations) expect(responses['default']!.content).toEqual(problem);
  });

  it('refers to nothing that is not there', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map(
      ([, name]) => name!,
    );
    expect(references.length).toBeGreaterThan(20);
    expect(references.filter((name) => !(name in document.components.schemas))).toEqual([]);
  });

  it('is true of what a command, an import and each query answer', async () => {
    await api.done('POST', '/v1/forests', { name: 'corp.example' });
    const [create] = operations.filter(({ route }) => route === 'POST /v1/forests');
    expect(Object.keys(create!.responses)).toEqual(['201', 'default']);
    const dump = 'dn: CN=svc,DC=lab,DC=example\nobjectClass: user\nsAMAccountName: svc\n\n';
    const headers = { 'content-type': 'application/octet-stream' };
    const imported = await api.call('POST', '/v1/imports?name=a.ldif&observedAt=2026-11-22T10:00:00Z', {
      raw: dump,
      headers,
    });
    const [upload] = operations.filter(({ route }) => route === 'POST /v1/imports');
    expect(Object.keys(upload!.responses)).toEqual(['200', 'default']);
    expect(Object.keys(upload!.responses['200']!.content!)[0]).toBe(
      imported.headers.get('content-type')!.split(';')[0],
    );

    for (const { route, parameters, responses } of operations.filter(({ route }) => /^GET [^{]+$/.test(route))) {
      const needed = parameters
        .filter(({ required }) => required)
        .map(({ name, schema }) => [name, name === 'name' ? 'svc' : schema['type'] === 'integer' ? 1 : 'HTTP/svc']);
      const { status, headers: sent, body, text } = await api.get(query(route.slice(4), Object.fromEntries(needed)));
      if (status !== 200) throw new Error(`${route}: ${status} ${text}`);
      const [type, { schema }] = Object.entries(responses[String(status)]!.content!)[0]!;
      expect([route, sent.get('content-type')!.split(';')[0]]).toEqual([route, type]);
      const { required = [] } = document.components.schemas[String(schema['$ref']).split('/').at(-1)!] as {
        required?: string[];
      };
      expect([route, required.filter((name) => !(name in body))]).toEqual([route, []]);
    }
  });
});
