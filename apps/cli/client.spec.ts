import { afterEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { Client } from './client.js';
import { readProblem, ServerProblem } from './problem.js';

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

let server: Server | undefined;

/** A server that gives these answers one after the other, the last one for ever. */
async function answering(...answers: Answer[]): Promise<{ client: Client; asked: IncomingMessage[]; waits: string[] }> {
  const asked: IncomingMessage[] = [];
  const waits: string[] = [];
  server = createServer((request, response) => {
    const answer = answers[Math.min(asked.push(request), answers.length) - 1];
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => answer?.(request, response, body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = new Client({ url, token: 'kt_test' }, { after: 7, onWait: (reason) => waits.push(reason) });
  return { client, asked, waits };
}

afterEach(() => void server?.close());

const json =
  (status: number, body: object, headers: Record<string, string> = {}): Answer =>
  (_, response) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));

const problem = (status: number, code: string): object => ({
  status,
  code,
  title: 'T',
  detail: `the reason of ${code}`,
});

describe('a query', () => {
  it('is sent with the token and reads after the position it was told', async () => {
    const { client, asked } = await answering(json(200, { rows: [] }));
    await client.get('/v1/spns', { spn: 'HTTP/a b', forest: undefined });
    expect(asked[0]?.url).toBe('/v1/spns?after=7&spn=HTTP%2Fa+b');
    expect(asked[0]?.headers.authorization).toBe('Bearer kt_test');
  });

  it('reads after the last command, whose position is never lost to an older one', async () => {
    const { client, asked } = await answering(json(200, { position: 12 }), json(200, { position: 9 }), json(200, {}));
    await client.command('POST', '/v1/forests', {});
    await client.command('POST', '/v1/forests', {});
    await client.get('/v1/spns');
    expect(asked[2]?.url).toBe('/v1/spns?after=12');
  });

  it('waits for a server that is behind, and says so once', async () => {
    const behind = json(503, problem(503, 'PROJECTION_BEHIND'), { 'retry-after': '1' });
    const { client, asked, waits } = await answering(behind, behind, json(200, { rows: [1] }));
    expect(await client.get('/v1/spns')).toEqual({ rows: [1] });
    expect(asked).toHaveLength(3);
    expect(waits).toEqual(['the reason of PROJECTION_BEHIND']);
  });
});

describe('a command', () => {
  it('that a busy server does not take is asked again under the same id', async () => {
    const busy = json(503, problem(503, 'ES_LOG_BUSY'), { 'retry-after': '1' });
    const { client, asked } = await answering(busy, json(200, { position: 1 }));
    await client.command('POST', '/v1/forests', { name: 'corp.example' });
    const ids = asked.map(({ headers }) => headers['idempotency-key']);
    expect(ids).toHaveLength(2);
    expect(ids[0]).toMatch(/^[0-9a-f-]{36}$/);
    expect(ids[1]).toBe(ids[0]);
  });
});

describe('an answer that is no success', () => {
  it.each([
    [400, 'REQUEST_INVALID', 2],
    [401, 'TOKEN_REQUIRED', 3],
    [403, 'ROLE_REQUIRED', 1],
    [404, 'DIR_ACCOUNT_UNKNOWN', 1],
    [409, 'DIR_NAME_TAKEN', 1],
    [500, 'INTERNAL', 3],
    [503, 'PROJECTION_STOPPED', 3],
  ])('%d %s ends with its own words and exit code %d', async (status, code, exitCode) => {
    const { client } = await answering(json(status, problem(status, code)));
    const failure = await client.get('/v1/spns').catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ServerProblem);
    expect(failure).toMatchObject({ code, message: `the reason of ${code}`, exitCode });
  });

  it('says what to do next where there is something to do', () => {
    const refused = new ServerProblem({ status: 403, code: 'ROLE_REQUIRED', detail: 'no' });
    expect(refused.next).toContain('kerbtrail token create');
  });

  it('and no problem document tells its beginning', () => {
    expect(readProblem(502, '<html>\n<h1>Bad gateway</h1>')).toEqual({
      status: 502,
      code: 'HTTP_502',
      detail: 'the server answered 502: <html> <h1>Bad gateway</h1>; is this a Kerbtrail server?',
    });
  });

  it('from nobody names the address and what to look at', async () => {
    const { client } = await answering(json(200, {}));
    server?.close();
    await expect(client.get('/v1/spns')).rejects.toMatchObject({ code: 'SERVER_UNREACHABLE', exitCode: 3 });
  });
});

describe('a streamed answer', () => {
  it('is read line by line, however it is cut, while the body goes up', async () => {
    const { client, asked } = await answering((_, response, body) => {
      response.writeHead(200, { 'content-type': 'application/x-ndjson' });
      response.write(`{"bytes":${body.length}}\n{"na`);
      setImmediate(() => response.end('me":"ä"}\n{"last":true}'));
    });
    const lines: unknown[] = [];
    const upload = { bytes: Readable.from(['abc', 'def']), contentType: 'application/octet-stream' };
    for await (const line of client.lines('POST', '/v1/imports', { name: 'a' }, upload)) lines.push(line);
    expect(lines).toEqual([{ bytes: 6 }, { name: 'ä' }, { last: true }]);
    expect(asked[0]?.url).toBe('/v1/imports?name=a');
  });

  it('that is refused is a problem', async () => {
    const { client } = await answering(json(403, problem(403, 'ROLE_REQUIRED')));
    await expect(client.lines('POST', '/v1/projections/a/rebuild').next()).rejects.toMatchObject({
      code: 'ROLE_REQUIRED',
    });
  });

  it('of a file that cannot be read on says so', async () => {
    const { client } = await answering(() => {});
    const broken = new Readable({
      read() {
        this.destroy(new Error('disk error'));
      },
    });
    const upload = { bytes: broken, contentType: 'application/octet-stream' };
    await expect(client.lines('POST', '/v1/imports', {}, upload).next()).rejects.toMatchObject({
      code: 'FILE_UNREADABLE',
    });
  });
});
