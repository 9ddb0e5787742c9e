/**
 * Imports over HTTP: a file's bytes go in, JSON lines come out as it is read; nothing is ever there twice, whatever breaks off.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, type IncomingMessage, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { gunzipSync, gzipSync } from 'node:zlib';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { type Answer, type Api, type Json, makeToken, query, startServer, type TestServer } from '../support/server.js';

const SAMPLES = 'samples/lab-samba-ad';
const BYTES = 'application/octet-stream';
const log = new Uint8Array(readFileSync(`${SAMPLES}/log.samba.gz`));
const plain = new Uint8Array(gunzipSync(log));
const dump = new Uint8Array(readFileSync(`${SAMPLES}/directory-t0.ldif`));
const DUMPED_AT = '2026-11-22T10:53:20.804Z';

type Report = {
  readonly import: string | null;
  readonly kind: string | null;
  readonly forest: string | null;
  readonly bytes: number;
  readonly records: number;
  readonly appended: number;
  readonly duplicates: number;
  readonly quarantined: number;
  readonly leftOut: { readonly reason: string } | null;
  readonly position: number;
};
type Upload = {
  readonly name: string;
  readonly forest?: string;
  readonly source?: string;
  readonly observedAt?: string;
};

let database: TestDatabase;
let server: TestServer;
let api: Api;

beforeAll(async () => {
  database = await createTestDatabase();
  server = await startServer({ databaseUrl: database.url });
  api = server.api;
});

afterAll(async () => {
  await server?.dispose();
  await database?.drop();
});

/** The same log as it would have been in another year: other records, as many. */
function logOf(year: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(Buffer.from(plain).toString('latin1').replaceAll('2026', String(year)), 'latin1'));
}

function upload(
  raw: Uint8Array<ArrayBuffer> | string,
  parameters: Upload,
  as: Api = api,
): Promise<Answer<readonly Json[]>> {
  return as.call('POST', query('/v1/imports', parameters), { raw, headers: { 'content-type': BYTES } });
}

async function imported(raw: Uint8Array<ArrayBuffer> | string, parameters: Upload): Promise<Report> {
  const { status, body, text } = await upload(raw, parameters);
  const report = body.at?.(-1)?.['finished'] as Report | undefined;
  if (status !== 200 || !report) throw new Error(`${status} ${text}`);
  return report;
}

async function head(): Promise<number> {
  return Number((await api.done('GET', '/v1/projections'))['head']);
}

/** Events of the forest's log in the event log, each counted once. */
async function recordsOf(domain: string): Promise<number> {
  const stream = `source-samba/${domain}`;
  const path = query('/v1/events', { stream, limit: 1000, after: await head() });
  const { rows } = await api.done<{ rows: { id: string }[] }>('GET', path);
  expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
  return rows.length;
}

describe('the recording', () => {
  let first: Answer<readonly Json[]>;
  let report: Report;

  beforeAll(async () => {
    first = await upload(log, { name: 'log.samba.gz' });
    report = first.body.at(-1)!['finished'] as Report;
  });

  it('is imported whole, and told as JSON lines that end with the report', () => {
    expect(first.status).toBe(200);
    expect(first.headers.get('content-type')).toBe('application/x-ndjson; charset=utf-8');
    expect(first.body.map((line) => Object.keys(line)[0]).slice(-2)).toEqual(['progress', 'finished']);
    expect(report).toMatchObject({
      kind: 'samba',
      forest: 'observed:corp.example',
      appended: 247,
      quarantined: 0,
    });
  });

  it('is listed with its counts and the checksum of what was unpacked or sent', async () => {
    const { rows } = await api.done<{ rows: Json[] }>('GET', query('/v1/imports', { after: await head() }));
    expect(rows).toMatchObject([
      { import: report.import, name: 'log.samba.gz', kind: 'samba', appended: 247, finishedAt: expect.any(String) },
    ]);
  });

  it('adds no event the second time, packed or not, under another name or in two requests at once', async () => {
    const before = await head();
    const again = await Promise.all([
      imported(log, { name: 'log.samba.gz' }),
      imported(plain, { name: 'log.samba' }),
      imported(new Uint8Array(gzipSync(plain)), { name: 'packed-again.gz' }),
    ]);
    for (const { import: id, appended, duplicates } of again) {
      expect({ id, appended, duplicates }).toEqual({ id: null, appended: 0, duplicates: 247 });
    }
    expect(await head()).toBe(before);
  });

  it('is not imported as another forest’s, and says under which it is', async () => {
    const { body } = await upload(plain, { name: 'log.samba', forest: 'elsewhere.example' });
    expect(body.at(-1)).toMatchObject({ failed: { code: 'ING_IMPORTED_ELSEWHERE' } });
  });
});

describe('a dump', () => {
  it('without its instant is left out, and says that it needs one', async () => {
    const before = await head();
    const { body } = await upload(dump, { name: 'directory.ldif' });
    expect(body.find((line) => line['leftOut'])).toMatchObject({
      leftOut: { reason: expect.stringMatching(/instant/) },
    });
    expect(body.at(-1)).toMatchObject({ finished: { appended: 0, position: 0 } });
    expect(await head()).toBe(before);
  });

  it('with its instant adds its accounts, once', async () => {
    const first = await imported(dump, { name: 'directory.ldif', observedAt: DUMPED_AT });
    expect(first).toMatchObject({ kind: 'ldif', quarantined: 0 });
    expect(first.appended).toBeGreaterThan(5);
    expect(await imported(dump, { name: 'directory.ldif', observedAt: DUMPED_AT })).toMatchObject({
      appended: 0,
      duplicates: first.appended,
    });
  });
});

describe('garbage', () => {
  const cases: [string, string][] = [
    ['bytes of nothing known', '\x89PNG\r\n\x1a\n'],
    ['nothing', ''],
  ];
  it.each(cases)('that is %s is left out with the reason', async (_what, content) => {
    const { status, body } = await upload(content, { name: 'garbage' });
    expect(status).toBe(200);
    expect(body.at(-1)).toMatchObject({ finished: { appended: 0, leftOut: { reason: expect.stringMatching(/\S/) } } });
  });

  it('in a log is quarantined with its line and reason, and the rest is imported', async () => {
    const lines = Buffer.from(logOf(2021)).toString('latin1').split('\n');
    const at = lines.findIndex((line) => line.includes('{"timestamp"'));
    lines[at] = lines[at]!.slice(0, -40);
    const { body } = await upload(new Uint8Array(Buffer.from(lines.join('\n'), 'latin1')), {
      name: 'torn.log',
      forest: 'torn.example',
    });
    const quarantined = body.flatMap((line) => (line['quarantined'] ? [line['quarantined'] as Json] : []));
    expect(quarantined).toMatchObject([{ reason: expect.stringMatching(/JSON/), raw: expect.any(String) }]);
    expect([at, at + 1]).toContain(quarantined[0]!['line']);
    const report = body.at(-1)!['finished'] as Report;
    expect(report).toMatchObject({ quarantined: 1 });
    expect(report.appended).toBeGreaterThan(240);
    const { rows } = await api.done<{ rows: Json[] }>(
      'GET',
      query('/v1/events', { type: 'RecordQuarantined', after: report.position }),
    );
    expect(rows).toMatchObject([{ data: { name: 'torn.log', line: quarantined[0]!['line'] } }]);
  });

  it('of an impossible time is quarantined, and stops no read model', async () => {
    const report = await imported(logOf(9999), { name: 'late.log', forest: 'late.example' });
    expect(report.quarantined).toBeGreaterThan(100);
    expect((await api.get(query('/v1/forests', { after: await head() }))).status).toBe(200);
    expect((await api.get('/ready')).status).toBe(200);
  });

  it('of compression is told as such, and what was read before stays', async () => {
    const packed = gzipSync(logOf(2022), { level: 0 });
    const { body } = await upload(new Uint8Array(packed.subarray(0, packed.length - 20_000)), {
      name: 'cut.gz',
      forest: 'cut.example',
    });
    expect(body.at(-1)).toMatchObject({ failed: { code: 'ING_SOURCE_DAMAGED' } });
    const whole = await imported(new Uint8Array(packed), { name: 'cut.gz', forest: 'cut.example' });
    expect(whole.duplicates).toBeGreaterThan(0);
    expect(whole.appended + whole.duplicates).toBe(247);
  });
});

describe('a client that goes away in mid-upload', () => {
  it('leaves what was read; importing again adds the rest and nothing twice', async () => {
    const content = logOf(2023);
    const upTo = { name: 'gone.log', forest: 'gone.example' };
    const before = await head();
    const leaving = request(new URL(query('/v1/imports', upTo), server.url), {
      method: 'POST',
      headers: { authorization: `Bearer ${api.token}`, 'content-type': BYTES, 'content-length': content.length },
    });
    const gone = once(
      leaving.on('error', () => {}),
      'close',
    );
    leaving.write(content.subarray(0, content.length * 0.9));
    while ((await head()) <= before) await delay(20);
    leaving.destroy();
    await gone;
    await server.process.waitFor(/"path":"\/v1\/imports"[^\n]*"msg":"request aborted"/);

    const rest = await imported(content, upTo);
    expect(rest.appended + rest.duplicates).toBe(247);
    expect(await recordsOf('gone.example')).toBe(247);
    expect(await imported(content, upTo)).toMatchObject({ appended: 0, duplicates: 247 });
  });
});

describe('one file in five requests at once', () => {
  it('is there once', async () => {
    const content = logOf(2024);
    const reports = await Promise.all(
      Array.from({ length: 5 }, () => imported(content, { name: 'five.log', forest: 'five.example' })),
    );
    expect(reports.reduce((sum, { appended }) => sum + appended, 0)).toBe(247);
    expect(reports.map(({ appended, duplicates }) => appended + duplicates)).toEqual(Array(5).fill(247));
    expect(await recordsOf('five.example')).toBe(247);
  });
});

describe('an upload that is refused', () => {
  it('for its kind of body is 415, for its name 400', async () => {
    const call = (path: string, type: string) =>
      api.call('POST', path, { raw: 'abc', headers: { 'content-type': type } });
    expect((await call('/v1/imports?name=a', 'text/plain')).body['code']).toBe('IMPORT_MEDIA_TYPE');
    expect((await call('/v1/imports?name=a', 'multipart/form-data; boundary=x')).status).toBe(415);
    expect((await call('/v1/imports', BYTES)).body['code']).toBe('REQUEST_INVALID');
    expect((await call('/v1/imports?name=a&observedAt=noon', BYTES)).body['code']).toBe('REQUEST_INVALID');
  });

  it('for a name of a source that is none, or a forest that is none, says so', async () => {
    for (const wrong of [{ source: 'a b' }, { forest: 'not a name' }]) {
      const { status, body } = await upload(plain, { name: 'a', ...wrong });
      expect([status, body]).toMatchObject([
        400,
        { code: expect.stringMatching(/^(REQUEST_INVALID|ING_INVALID_IMPORT)$/) },
      ]);
    }
  });
});

describe('a connection', () => {
  it('is free for the next request, whatever became of the upload before', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ask = async (path: string, raw: Uint8Array): Promise<number> => {
      const headers = { authorization: `Bearer ${api.token}`, 'content-type': BYTES, 'content-length': raw.length };
      const asked = request(new URL(path, server.url), {
        agent,
        method: 'POST',
        headers,
        signal: AbortSignal.timeout(5_000),
      });
      const [response] = (await once(asked.end(raw), 'response')) as [IncomingMessage];
      await once(response.resume(), 'end');
      return response.statusCode!;
    };
    const much = Buffer.concat(Array.from({ length: 10 }, () => plain));
    for (const [path, status] of [
      ['/v1/imports?name=a&forest=not%20a%20name', 400],
      ['/v1/imports?name=a&forest=another.example', 200],
      ['/v1/imports?name=a&observedAt=noon', 400],
      ['/v1/forests', 400],
      ['/v1/nothing', 404],
    ] as const) {
      expect([path, await ask(path, much)]).toEqual([path, status]);
      expect([path, await ask('/v1/imports?name=small', Buffer.from('small'))]).toEqual([path, 200]);
    }
    agent.destroy();
  });
});

describe('an ingest token', () => {
  let ingest: Api;

  beforeEach(async () => {
    ingest = await makeToken(api, { roles: ['ingest'], scope: { forest: 'observed:scoped.example' } });
  });

  it('of a forest imports into it without naming it, and into no other', async () => {
    const ldif = 'dn: CN=svc,DC=scoped,DC=example\nobjectClass: user\nsAMAccountName: svc\n\n';
    const own = await upload(ldif, { name: 'a.ldif', observedAt: DUMPED_AT }, ingest);
    expect(own.body.at(-1)).toMatchObject({ finished: { forest: 'observed:scoped.example' } });
    const other = await upload(
      ldif,
      { name: 'a.ldif', observedAt: DUMPED_AT, forest: 'observed:corp.example' },
      ingest,
    );
    expect([other.status, (other.body as unknown as Json)['code']]).toEqual([403, 'OUT_OF_SCOPE']);
  });

  it('lists the imports of its forest and reads nothing else', async () => {
    const { body } = await ingest.get<{ rows: Json[] }>(query('/v1/imports', { after: await head() }));
    expect(new Set(body.rows.map(({ forest }) => forest))).toEqual(new Set(['observed:scoped.example']));
    expect((await ingest.get('/v1/events')).status).toBe(403);
  });
});
