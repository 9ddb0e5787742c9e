/**
 * No secret outlives its use: after exchanges that went well and ill, none of the passwords, keys, handles, tokens, messages and
 * proofs that were used occurs in the log, the receipts, the read models, the server's own log or a problem; nor does a digest by
 * which a password or key could be guessed (architecture §5). The key store holds keys wrapped, and nothing else.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { defaultSalt, stringToKey, SUPPORTED_ENCRYPTION_TYPES } from '#kerberos';
import { logOn, type Ticket } from '../support/exchange-client.js';
import {
  FOREST,
  openExchangeSite,
  PASSWORDS,
  SPN,
  type ExchangeSite,
  type Presented,
} from '../support/exchange-site.js';
import type { Api, Method, Sent } from '../support/server.js';

const NEW_PASSWORD = 'the next pass phrase of alice';
const GUESS = 'a guess at a password';
const REALM = FOREST.toUpperCase();

let site: ExchangeSite;
/** What must not be found, by what it is. */
const secrets = new Map<string, string | Uint8Array>();
const problems: string[] = [];

beforeAll(async () => {
  site = await openExchangeSite();
  for (const [who, password] of Object.entries({ ...PASSWORDS, alice2: NEW_PASSWORD, guess: GUESS })) {
    secrets.set(`password of ${who}`, password);
  }
  for (const [who, password] of [
    ['alice', PASSWORDS.alice],
    ['alice', NEW_PASSWORD],
    ['alice', GUESS],
    ['svc-web', PASSWORDS.web],
    ['svc-spare', PASSWORDS.spare],
  ] as const) {
    for (const etype of SUPPORTED_ENCRYPTION_TYPES) {
      secrets.set(
        `key ${etype} of ${who} from ${password}`,
        await stringToKey(etype, password, defaultSalt(REALM, [who])),
      );
    }
  }
  for (const api of [site.operator, site.client, site.agent])
    secrets.set(`token ${api.token.slice(0, 19)}`, secretOf(api));
  await succeed();
  await fail();
  await provoke();
}, 60_000);

afterAll(() => site?.close());

function secretOf({ token }: Api): string {
  return token.slice('kt_0123456789abcdef_'.length);
}

function remember(ticket: Ticket): Ticket {
  secrets.set(`message ${ticket.request}`, Buffer.from(ticket.ciphertext, 'hex'));
  return ticket;
}

async function logOnAndRemember(): Promise<string> {
  const { handle, logon } = await site.logOn();
  secrets.set(`handle of ${logon}`, handle.split('.').at(-1)!);
  return handle;
}

async function succeed(): Promise<void> {
  const handle = await logOnAndRemember();
  const ticket = remember((await site.askForTicket(handle)).body);
  const { presentation, proof } = (await site.passOn(ticket)).body as Presented;
  secrets.set('proof', Buffer.from(proof, 'hex'));
  await site.returnProof(presentation, handle, proof);
  await site.useService(presentation);
  const exported = await site.operator.done<{ key: string }>('POST', '/v1/keys/export');
  secrets.set('key-encryption key', Buffer.from(exported.key, 'base64'));
}

async function fail(): Promise<void> {
  problems.push((await logOn(site.client, { forest: FOREST, clientName: 'alice', password: GUESS })).text);
  const handle = await logOnAndRemember();
  const ticket = remember((await site.askForTicket(handle)).body);
  const { presentation, proof } = (await site.passOn(ticket)).body as Presented;
  secrets.set('proof of the failed one', Buffer.from(proof, 'hex'));
  problems.push((await site.returnProof(presentation, handle, '11'.repeat(16))).text);
  problems.push(JSON.stringify((await site.passOn(ticket)).body));
  await site.operator.done('PUT', `/v1/accounts/${site.accounts.alice}/password`, { password: NEW_PASSWORD });
  problems.push((await site.askForTicket(handle, 'HTTP/nobody.corp.example')).text);
}

/** Secrets where they do not belong: each must be refused without being repeated. */
async function provoke(): Promise<void> {
  const body = { forest: FOREST, domain: FOREST, kind: 'no kind', samAccountName: 'x', password: PASSWORDS.alice };
  const json = { 'content-type': 'application/json' };
  const requests: [Method, string, Sent][] = [
    ['POST', '/v1/accounts', { body }],
    ['POST', '/v1/accounts', { body: { ...body, kind: 'user', domain: 'nowhere.example' } }],
    ['POST', '/v1/accounts', { raw: `{"password":"${PASSWORDS.alice}`, headers: json }],
    ['POST', '/v1/accounts', { raw: `{"${PASSWORDS.alice}": "__proto__", "__proto__": 1}`, headers: json }],
    ['PUT', `/v1/accounts/${site.accounts.alice}/password`, { body: { password: [PASSWORDS.alice] } }],
    ['PUT', `/v1/accounts/${site.accounts.alice}/password`, { body: { password: `${PASSWORDS.alice}\0` } }],
    ['PUT', '/v1/accounts/nobody/password', { body: { password: PASSWORDS.alice } }],
    [
      'PUT',
      `/v1/accounts/${site.accounts.alice}/password?password=${encodeURIComponent(PASSWORDS.alice)}`,
      { body: {} },
    ],
    ['GET', `/v1/events?token=${site.operator.token}&limit=0`, {}],
    ['GET', '/v1/events', { headers: { authorization: `Basic ${site.operator.token}` } }],
    ['POST', '/v1/tickets', { body: { handle: site.operator.token, spn: SPN } }],
  ];
  const everything = await site.operator.done<{ text: string }>('POST', '/v1/tokens', {
    actor: 'all',
    roles: ['operator', 'client', 'agent'],
  });
  const all = site.operator.as(everything.text);
  secrets.set('token of all', secretOf(all));
  for (const [method, path, sent] of requests) {
    const { status, text } = await all.call(method, path, sent);
    problems.push(`${status} ${text}`);
  }
}

/** How a secret would look in text: as it is, in hex and in base64, and digested. */
function forms(secret: string | Uint8Array): string[] {
  const bytes = Buffer.from(secret);
  const digests = ['sha256', 'sha1', 'md5', 'sha512'].map((name) => createHash(name).update(bytes).digest());
  return [
    ...(typeof secret === 'string' ? [secret, JSON.stringify(secret).slice(1, -1)] : []),
    ...[bytes, ...digests].flatMap((one) => [
      one.toString('hex'),
      one.toString('hex').toUpperCase(),
      bare(one.toString('base64')),
      one.toString('base64url'),
    ]),
    bytes.toString('utf16le'),
    Buffer.from(secret.toString(), 'utf16le').toString('hex'),
  ];
}

function bare(base64: string): string {
  return base64.replace(/=+$/, '');
}

/** Digests that may stand in the log: of 256 random bits (tokens), of messages (ticket ids) and of nonces, which nobody can guess. */
function allowed(what: string, form: string, secret: string | Uint8Array): boolean {
  if (!/^(token|message|proof|handle)/.test(what)) return false;
  const plain = forms(secret).slice(0, typeof secret === 'string' ? 6 : 4);
  return !plain.includes(form);
}

function found(text: string): string[] {
  return [...secrets].flatMap(([what, secret]) =>
    forms(secret)
      .filter((form) => form.length >= 8 && text.includes(form) && !allowed(what, form, secret))
      .map((form) => `${what} as ${form.slice(0, 12)}…`),
  );
}

async function dump(schema: string): Promise<{ table: string; text: string }[]> {
  const { adminPool } = site.database;
  const { rows } = await adminPool.query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1`,
    [schema],
  );
  return Promise.all(
    rows.map(async ({ name }) => {
      const all = await adminPool.query<{ row: string }>(`SELECT t::text AS row FROM "${schema}"."${name}" t`);
      return { table: name, text: all.rows.map(({ row }) => row).join('\n') };
    }),
  );
}

describe('no secret is found', () => {
  it('by a search that would find one', () => {
    expect(secrets.size).toBeGreaterThan(20);
    for (const [what, secret] of secrets) {
      expect(found(`…${Buffer.from(secret).toString('hex')}…`)).toContainEqual(expect.stringContaining(what));
    }
    expect(found(`x${createHash('sha256').update(PASSWORDS.web).digest('base64')}`)).toHaveLength(1);
  });

  it.each(['log', 'read', 'secret'])('in schema %s', async (schema) => {
    const tables = await dump(schema);
    expect(tables.map(({ text }) => text.length).reduce((sum, length) => sum + length, 0)).toBeGreaterThan(500);
    expect(tables.flatMap(({ table, text }) => found(text).map((what) => `${table}: ${what}`))).toEqual([]);
  });

  it('in what the processes wrote', () => {
    expect(site.server.process.output()).toContain('request completed');
    expect(found(site.server.process.output())).toEqual([]);
    expect(found(site.service.process.output())).toEqual([]);
  });

  it('in a problem', () => {
    expect(problems).toHaveLength(15);
    expect(problems.filter((text) => !/^\d* ?\{.*"code":"[A-Z_]+"/.test(text))).toEqual([]);
    expect(problems.flatMap(found)).toEqual([]);
  });

  it('in an answer to a query', async () => {
    const { paths } = await site.operator.done<{ paths: Record<string, { get?: unknown }> }>(
      'GET',
      '/docs/openapi.json',
    );
    const simple = Object.entries(paths).flatMap(([path, { get }]) =>
      get === undefined || path.includes('{') ? [] : [path],
    );
    for (const path of simple) {
      expect([path, found((await site.operator.get(`${path}?spn=${SPN}`)).text)]).toEqual([path, []]);
    }
  });
});
