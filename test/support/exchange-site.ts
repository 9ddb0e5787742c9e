/**
 * The three parties of the seed exchange as three processes: a server on a database of its own, a sample service that knows only
 * its password, and the test as the client. Forest corp.example with alice, svc-web (holds HTTP/web1.corp.example) and svc-spare.
 */
import { createTestDatabase, type TestDatabase } from './database.js';
import { logOn, startSampleService, type Logon, type SampleService, type Ticket } from './exchange-client.js';
import { type Answer, type Api, makeToken, startServer, type TestServer } from './server.js';

export const FOREST = 'corp.example';
export const SPN = 'HTTP/web1.corp.example';
export const PASSWORDS = {
  alice: 'correct horse battery staple',
  web: 'the pass phrase of the web service',
  spare: 'the pass phrase of the spare service',
} as const;

export type Presented = { readonly presentation: string; readonly proof: string };
export type Rejected = { readonly presentation: string; readonly code: string; readonly reason: string };

export type ExchangeSite = {
  readonly database: TestDatabase;
  readonly server: TestServer;
  readonly operator: Api;
  /** Role client, for alice. */
  readonly client: Api;
  /** Role agent, for svc-web: the sample service's own token. */
  readonly agent: Api;
  readonly accounts: { readonly alice: string; readonly web: string; readonly spare: string };
  readonly service: SampleService;
  /** S1. Throws when it is refused. */
  logOn(): Promise<Logon>;
  /** S2 to S5. */
  askForTicket(handle: string, spn?: string): Promise<Answer<Ticket>>;
  /** S6 and S7, by the service's own process. */
  passOn(ticket: Ticket): Promise<{ readonly status: number; readonly body: Presented | Rejected }>;
  /** S8 and S9. */
  returnProof(presentation: string, handle: string, proof: string): Promise<Answer>;
  /** Application traffic to the service under this presentation. */
  useService(presentation: string): Promise<{ readonly status: number; readonly body: { readonly code?: string } }>;
  close(): Promise<void>;
};

export async function openExchangeSite(): Promise<ExchangeSite> {
  const database = await createTestDatabase();
  const server = await startServer({ databaseUrl: database.url });
  const operator = server.api;
  await operator.done('POST', '/v1/forests', { name: FOREST });
  const account = async (samAccountName: string, password: string): Promise<string> => {
    const details = { forest: FOREST, domain: FOREST, kind: 'user', samAccountName, password };
    return (await operator.done<{ account: string }>('POST', '/v1/accounts', details)).account;
  };
  const alice = await account('alice', PASSWORDS.alice);
  const web = await account('svc-web', PASSWORDS.web);
  const spare = await account('svc-spare', PASSWORDS.spare);
  await operator.done('POST', `/v1/accounts/${web}/spns`, { spns: [SPN] });
  const client = await makeToken(operator, { roles: ['client'], actor: `account:${alice}` });
  const agent = await makeToken(operator, { roles: ['agent'], actor: `account:${web}` });
  const service = await startSampleService({
    url: server.url,
    token: agent.token,
    spn: SPN,
    account: 'svc-web',
    realm: FOREST.toUpperCase(),
    password: PASSWORDS.web,
  });
  return {
    database,
    server,
    operator,
    client,
    agent,
    accounts: { alice, web, spare },
    service,
    async logOn() {
      const answer = await logOn(client, { forest: FOREST, clientName: 'alice', password: PASSWORDS.alice });
      if (answer.status !== 201) throw new Error(`alice was not logged on: ${answer.text}`);
      return answer.body;
    },
    askForTicket: (handle, spn = SPN) => client.call<Ticket>('POST', '/v1/tickets', { body: { handle, spn } }),
    passOn: ({ request, etype, kvno, ciphertext }) =>
      ask(service, '/authenticate', { method: 'POST', body: JSON.stringify({ request, etype, kvno, ciphertext }) }),
    returnProof: (presentation, handle, proof) =>
      client.call('POST', `/v1/presentations/${presentation}/proof`, { body: { handle, proof } }),
    useService: (presentation) => ask(service, '/app', { headers: { 'kerbtrail-presentation': presentation } }),
    async close() {
      await service.process.stop();
      await server.dispose();
      await database.drop();
    },
  };
}

async function ask<Body>(
  { url }: SampleService,
  path: string,
  options: RequestInit,
): Promise<{ status: number; body: Body }> {
  const response = await fetch(new URL(path, url), options);
  return { status: response.status, body: (await response.json()) as Body };
}
