/** The three parties as three processes: a real server, a real service, and this test as the client. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeProof, stringToKey } from '#kerberos';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { startProcess, type TestProcess } from '../../test/support/processes.js';

const FOREST = 'corp.example';
const ALICE = 'correct horse battery staple';
const WEB = 'web service pass phrase';
const SPN = 'HTTP/web1.corp.example';
const SERVICE = 'dist/apps/sample-service/main.js';

type Body = Record<string, unknown>;
type Answered = { readonly status: number; readonly body: Body };

let folder: string;
let database: TestDatabase;
let server: TestProcess;
let kerbtrail: string;
let operator: string;
let client: string;
const services: TestProcess[] = [];

async function post(url: string, body: Body, headers: Record<string, string> = {}): Promise<Answered> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Body };
}

const ask = (token: string, path: string, body: Body): Promise<Answered> =>
  post(`${kerbtrail}/v1${path}`, body, { authorization: `Bearer ${token}` });

async function text(token: string, path: string, body: Body, field: string): Promise<string> {
  const { body: answer } = await ask(token, path, body);
  if (typeof answer[field] !== 'string') throw new Error(`${path}: no ${field} in ${JSON.stringify(answer)}`);
  return answer[field];
}

/** The service as an account of the forest; `password` is what it believes to be its own. */
async function startService(account: string, password: string): Promise<{ url: string; account: string }> {
  const details = { forest: FOREST, domain: FOREST, kind: 'user', samAccountName: account, password: WEB };
  const id = await text(operator, '/accounts', details, 'account');
  const token = await text(operator, '/tokens', { actor: `account:${id}`, roles: ['agent'] }, 'text');
  const args = ['--principal', SPN, '--account', account, '--realm', 'CORP.EXAMPLE', '--url', kerbtrail];
  const env = { KERBTRAIL_SERVICE_PASSWORD: password, KERBTRAIL_TOKEN: token };
  const service = await startProcess([SERVICE, ...args], { env, readyWhen: /ready at (\S+)/ });
  services.push(service);
  return { url: (await service.waitFor(/ready at (\S+)/))[1]!, account: id };
}

async function logOn(): Promise<string> {
  const asked = await ask(client, '/logons', { forest: FOREST, clientName: 'alice' });
  const [info] = asked.body['etypeInfo'] as { etype: number; salt: string; iterations: number }[];
  const key = await stringToKey(info!.etype, ALICE, info!.salt, info!.iterations);
  const nowMicros = BigInt(Date.now()) * 1_000n;
  const proof = makeProof({ etype: info!.etype, key, confounder: randomBytes(16), nowMicros }).toString('hex');
  return text(client, '/logons', { forest: FOREST, clientName: 'alice', proof }, 'handle');
}

beforeAll(async () => {
  database = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'kerbtrail-service-'));
  const env = {
    DATABASE_URL: database.url,
    KERBTRAIL_FOLDER: folder,
    KERBTRAIL_KEK: randomBytes(32).toString('base64'),
    KERBTRAIL_PORT: '0',
  };
  server = await startProcess(['dist/apps/server/main.js'], { env, readyWhen: /^ready /m });
  const local = JSON.parse(await readFile(join(folder, 'local.json'), 'utf8')) as { url: string; token: string };
  kerbtrail = local.url;
  operator = local.token;
  await ask(operator, '/forests', { name: FOREST });
  const alice = { forest: FOREST, domain: FOREST, kind: 'user', samAccountName: 'alice', password: ALICE };
  await ask(operator, '/accounts', alice);
  client = await text(operator, '/tokens', { actor: 'workstation 1', roles: ['client'] }, 'text');
}, 60_000);

afterAll(async () => {
  await Promise.all(services.map((service) => service.stop()));
  await server.stop();
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

describe('a client and a sample service, with Kerbtrail as the KDC', () => {
  let web: { url: string; account: string };

  it('authenticate each other, and only then is the application answered', async () => {
    web = await startService('svc-web', WEB);
    await ask(operator, `/accounts/${web.account}/spns`, { spns: [SPN] });
    const handle = await logOn();
    const { body: ticket } = await ask(client, '/tickets', { handle, spn: SPN });
    const message = {
      request: ticket['request'],
      etype: ticket['etype'],
      kvno: ticket['kvno'],
      ciphertext: ticket['ciphertext'],
    };

    const authenticated = await post(`${web.url}/authenticate`, message);
    expect(authenticated).toMatchObject({ status: 200 });
    const presentation = String(authenticated.body['presentation']);
    const app = () => post(`${web.url}/app`, {}, { 'kerbtrail-presentation': presentation });
    expect(await app()).toMatchObject({ status: 401, body: { code: 'KRB_AP_ERR_MUT_FAIL' } });

    const proof = { handle, proof: authenticated.body['proof'] };
    expect(await ask(client, `/presentations/${presentation}/proof`, proof)).toMatchObject({ status: 200 });
    expect(await app()).toMatchObject({
      status: 200,
      body: { clientName: 'alice@CORP.EXAMPLE', operation: 'POST /app' },
    });

    expect(await post(`${web.url}/authenticate`, message)).toMatchObject({
      status: 401,
      body: { code: 'KRB_AP_ERR_REPEAT' },
    });
    for (const secret of [ALICE, WEB, handle, String(ticket['ciphertext']), String(proof.proof)]) {
      expect(server.output()).not.toContain(secret);
      expect(services[0]!.output()).not.toContain(secret);
    }
  });

  it('do not when the service runs with another password than the holder of the SPN has', async () => {
    const other = await startService('svc-other', 'another pass phrase');
    const { body: ticket } = await ask(client, '/tickets', { handle: await logOn(), spn: SPN });
    const refused = await post(`${other.url}/authenticate`, ticket);
    expect(refused).toMatchObject({ status: 401, body: { code: 'KRB_AP_ERR_BAD_INTEGRITY' } });
    const header = { 'kerbtrail-presentation': String(refused.body['presentation']) };
    expect(await post(`${other.url}/app`, {}, header)).toMatchObject({
      status: 401,
      body: { code: 'KRB_AP_ERR_MUT_FAIL' },
    });
    expect(await post(`${web.url}/app`, {}, header)).toMatchObject({
      status: 401,
      body: { code: 'AUTH_NOT_THE_SERVICE' },
    });
  });

  it('get a clear answer to what is no message, no path and no presentation', async () => {
    expect(await post(`${web.url}/authenticate`, { request: 'r1' })).toMatchObject({
      status: 400,
      body: { code: 'BAD_REQUEST' },
    });
    expect(await post(`${web.url}/elsewhere`, {})).toMatchObject({ status: 404 });
    expect(await post(`${web.url}/app`, {})).toMatchObject({ status: 400 });
    const invented = { 'kerbtrail-presentation': '../../tokens' };
    expect(await post(`${web.url}/app`, {}, invented)).toMatchObject({
      status: 401,
      body: { code: 'AUTH_PRESENTATION_UNKNOWN' },
    });
    const large = { ciphertext: 'ab'.repeat(64 * 1024) };
    expect(await post(`${web.url}/authenticate`, large)).toMatchObject({ status: 400 });
  });
});

describe('the program', () => {
  it('says what it needs and ends with 2', async () => {
    const started = await startProcess([SERVICE, '--principal', SPN]);
    expect(await started.ended).toBe(2);
    expect(started.output()).toContain('--account is missing');
    const help = await startProcess([SERVICE, '--help']);
    expect(await help.ended).toBe(0);
    expect(help.output()).toContain('--password-env NAME');
  });

  it('lets nobody in while Kerbtrail cannot be asked, and ends with 0 on SIGTERM', async () => {
    const args = ['--principal', SPN, '--account', 'svc-web', '--realm', 'CORP.EXAMPLE', '--url', 'http://127.0.0.1:9'];
    const env = { KERBTRAIL_SERVICE_PASSWORD: WEB, KERBTRAIL_TOKEN: 'kt_none' };
    const alone = await startProcess([SERVICE, ...args], { env, readyWhen: /ready at/ });
    const [, url] = await alone.waitFor(/ready at (\S+)/);
    const asked = await post(`${url}/app`, {}, { 'kerbtrail-presentation': 'p1' });
    expect(asked).toMatchObject({ status: 502, body: { code: 'SAMPLE_REPORT_FAILED' } });
    expect(await alone.stop()).toBe(0);
  });
});
