/**
 * The demo's own forest, made through /v1 like any other: a client, three services with their accounts, and in two of them the
 * mistakes that Kerbtrail is for. Every request has an id of its own for ever, so that a second run changes nothing.
 */
import { randomUUID } from 'node:crypto';
import type { Client } from '../client.js';
import type { Page } from '../output.js';
import { ServerProblem } from '../problem.js';
import type { DemoFile } from './demo-file.js';

export const FOREST = 'demo.example';
export const CLIENT = 'alice';

/** A service: the SPN that clients ask for, the account that it runs as, and who holds the SPN. */
export type DemoService = { readonly spn: string; readonly runsAs: string; readonly holders: readonly string[] };

export const services = [
  { spn: 'HTTP/web.demo.example', runsAs: 'svc-web', holders: ['svc-web'] },
  { spn: 'HTTP/shop.demo.example', runsAs: 'svc-shop', holders: ['svc-shop', 'svc-shop-old'] },
  { spn: 'cifs/files.demo.example', runsAs: 'svc-files', holders: ['svc-files-old'] },
] as const satisfies readonly DemoService[];

const accounts = [CLIENT, ...new Set(services.flatMap(({ runsAs, holders }) => [runsAs, ...holders]))];

export type DemoForest = {
  /** Text of the client's token, and of each service's, by account name. */
  readonly tokenOf: ReadonlyMap<string, string>;
  /** Why the second holder of an SPN was refused at first, while the forest enforced uniqueness. */
  readonly refusal: string;
};

export async function prepareForest(client: Client, file: DemoFile): Promise<DemoForest> {
  const once = <Answer>(method: 'POST' | 'PUT', path: string, body: object, what = path): Promise<Answer> =>
    client.command(method, path, body, file.requestId(`${method} ${what}`));

  await once('POST', '/v1/forests', { name: FOREST, netbiosName: 'DEMO' });
  const ids = new Map<string, string>();
  for (const name of accounts) {
    const body = { forest: FOREST, domain: FOREST, kind: 'user', samAccountName: name, password: file.password(name) };
    ids.set(name, (await once<{ account: string }>('POST', '/v1/accounts', body, `account ${name}`)).account);
  }

  const register = (name: string, spn: string, what: string): Promise<object> =>
    once('POST', `/v1/accounts/${ids.get(name)}/spns`, { spns: [spn] }, `spn ${spn} ${name} ${what}`);
  const enforce = (enforcement: string): Promise<object> =>
    once('PUT', `/v1/forests/${FOREST}/policy`, { enforcement }, `policy ${enforcement}`);
  let refusal = '';
  for (const { spn, holders } of services) {
    const [first, ...others] = holders;
    await register(first, spn, 'first');
    for (const other of others) {
      refusal = await refusalOf(() => register(other, spn, 'enforced'));
      await enforce('audit');
      await register(other, spn, 'audited');
      await enforce('enforce');
    }
  }

  const known = await validTokens(client);
  const tokenOf = new Map<string, string>();
  for (const name of [CLIENT, ...services.map(({ runsAs }) => runsAs)]) {
    tokenOf.set(name, await tokenFor(client, file, name, ids.get(name) ?? '', known));
  }
  return { tokenOf, refusal };
}

async function refusalOf(register: () => Promise<object>): Promise<string> {
  try {
    await register();
    return '';
  } catch (error) {
    if (!(error instanceof ServerProblem) || error.problem.status !== 409) throw error;
    return `${String(error.problem['directoryStatus'])} ${error.problem.code}`;
  }
}

async function validTokens(client: Client): Promise<ReadonlySet<string>> {
  const { rows } = await client.get<Page<{ token: string; revokedAt: string | null }>>('/v1/tokens', { limit: 1_000 });
  return new Set(rows.filter(({ revokedAt }) => revokedAt === null).map(({ token }) => token));
}

/** A token's text is told once: that of an earlier run is used while this server knows it. */
async function tokenFor(
  client: Client,
  file: DemoFile,
  name: string,
  account: string,
  known: ReadonlySet<string>,
): Promise<string> {
  const kept = file.token(name);
  if (kept && known.has(kept.token)) return kept.text;
  const roles = [name === CLIENT ? 'client' : 'agent'];
  const body = { actor: `account:${account}`, roles, scope: { forest: FOREST }, note: `demo: ${name}` };
  const made = await client.command<{ token: string; text: string }>('POST', '/v1/tokens', body, randomUUID());
  file.keepToken(name, made);
  return made.text;
}
