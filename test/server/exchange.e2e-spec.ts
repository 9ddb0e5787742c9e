/**
 * The seed exchange S0–S9 over HTTP between separate processes, in its three outcomes, and what the audit then says of each.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  FOREST,
  openExchangeSite,
  PASSWORDS,
  SPN,
  type ExchangeSite,
  type Presented,
  type Rejected,
} from '../support/exchange-site.js';
import { logOn } from '../support/exchange-client.js';
import { type Json, makeToken, query } from '../support/server.js';

let site: ExchangeSite;

beforeAll(async () => {
  site = await openExchangeSite();
});
afterAll(() => site?.close());

type Step = { readonly step: string; readonly state: string; readonly outcome?: string };
type Attempt = Json & { readonly id: string; readonly steps: readonly Step[] };

async function head(): Promise<number> {
  return Number((await site.operator.done('GET', '/v1/projections'))['head']);
}

async function attempt(id: string): Promise<Attempt> {
  return site.operator.done<Attempt>('GET', query(`/v1/attempts/${id}`, { after: await head() }));
}

async function failureOf(id: string): Promise<Json> {
  return site.operator.done<Json>('GET', query(`/v1/failures/${id}`, { after: await head() }));
}

async function eventTypes(after: number): Promise<string[]> {
  await site.operator.done('GET', query('/v1/events', { limit: 1, after: await head() }));
  const { rows } = await site.operator.done<{ rows: { type: string }[] }>('GET', query('/v1/events/tail', { after }));
  return rows.map(({ type }) => type);
}

const shown = ({ steps }: Attempt, state: string) => steps.filter((one) => one.state === state).map(({ step }) => step);

describe('mutual authentication', () => {
  let handle: string;
  let presented: Presented;
  let began: number;

  it('S1: the client proves its key and gets a handle; without a proof it is told how to make the key', async () => {
    began = await head();
    const asked = await site.client.call('POST', '/v1/logons', { body: { forest: FOREST, clientName: 'alice' } });
    expect(asked.status).toBe(401);
    expect(asked.body).toMatchObject({
      code: 'KDC_ERR_PREAUTH_REQUIRED',
      etypeInfo: [{ etype: 18, salt: 'CORP.EXAMPLEalice', iterations: 4096, kvno: 1 }, { etype: 17 }],
    });
    expect(await head()).toBe(began);
    const logon = await site.logOn();
    expect(logon).toMatchObject({ handle: expect.stringMatching(/\.[0-9a-f]{32}$/), position: await head() });
    handle = logon.handle;
  });

  it('S2–S7: the ticket, made with the holder’s key, is read by the service’s own process', async () => {
    const ticket = await site.askForTicket(handle);
    expect(ticket.status).toBe(201);
    expect(ticket.body).toMatchObject({ outcome: 'issued', spn: SPN, etype: 18, kvno: 1, position: await head() });
    const passed = await site.passOn(ticket.body);
    expect(passed.status).toBe(200);
    presented = passed.body as Presented;
  });

  it('is not there yet: before S9 the application is refused, and that is recorded', async () => {
    expect(await site.useService(presented.presentation)).toMatchObject({
      status: 401,
      body: { code: 'KRB_AP_ERR_MUT_FAIL' },
    });
    expect((await eventTypes(began)).at(-1)).toBe('ApplicationRequestRefused');
    expect(await attempt(presented.presentation)).toMatchObject({
      outcome: 'failed',
      failedStep: 'application',
    });
  });

  it('S8 and S9: the client brings the proof, and only then the application is allowed', async () => {
    const proven = await site.returnProof(presented.presentation, handle, presented.proof);
    expect([proven.status, proven.body]).toMatchObject([200, { outcome: 'verified' }]);
    expect(await site.useService(presented.presentation)).toMatchObject({
      status: 200,
      body: { clientName: 'alice@CORP.EXAMPLE', operation: 'GET /app' },
    });
  });

  it('is in the log step by step', async () => {
    expect(await eventTypes(began)).toEqual([
      'TgtIssued',
      'ProofAccepted',
      'ServiceTicketRequested',
      'SpnResolved',
      'ServiceTicketIssued',
      'TicketPresented',
      'ClientVerified',
      'ApplicationRequestRefused',
      'ServiceProofReturned',
      'ServiceVerified',
      'ApplicationRequestAllowed',
    ]);
  });

  it('is one attempt of which every step was observed', async () => {
    const found = await attempt(presented.presentation);
    expect(found).toMatchObject({
      kind: 'service',
      outcome: 'mutually-authenticated',
      clientName: 'alice@CORP.EXAMPLE',
      spn: SPN,
      account: site.accounts.web,
      code: null,
    });
    expect(shown(found, 'observed')).toEqual([
      'S0',
      'S1',
      'S2',
      'S3',
      'S4',
      'S5',
      'S6',
      'S7',
      'S8',
      'S9',
      'application',
    ]);
  });
});

describe('mutual authentication fails', () => {
  it('for a wrong password: the logon is refused and recorded', async () => {
    const refused = await logOn(site.client, { forest: FOREST, clientName: 'alice', password: 'a guess' });
    expect([refused.status, refused.body]).toMatchObject([403, { code: 'KDC_ERR_PREAUTH_FAILED' }]);
    const { rows } = await site.operator.done<{ rows: Json[] }>(
      'GET',
      query('/v1/failures', { kind: 'logon', after: await head() }),
    );
    expect(rows).toMatchObject([
      { cause: 'wrong-password', attempt: { failedStep: 'S1', code: 'KDC_ERR_PREAUTH_FAILED' } },
    ]);
  });

  it('for an SPN that nobody holds', async () => {
    const refused = await site.askForTicket((await site.logOn()).handle, 'HTTP/nobody.corp.example');
    expect([refused.status, refused.body]).toMatchObject([403, { code: 'KDC_ERR_S_PRINCIPAL_UNKNOWN' }]);
    const { request } = refused.body;
    expect(await failureOf(request)).toMatchObject({ attempt: { failedStep: 'S3', spn: 'HTTP/nobody.corp.example' } });
  });

  it('for a proof that does not match: the service is not authenticated, and the application stays refused', async () => {
    const { handle } = await site.logOn();
    const passed = await site.passOn((await site.askForTicket(handle)).body);
    const { presentation } = passed.body as Presented;
    const failed = await site.returnProof(presentation, handle, '00'.repeat(16));
    expect([failed.status, failed.body]).toMatchObject([403, { code: 'KRB_AP_ERR_MUT_FAIL' }]);
    expect((await site.useService(presentation)).status).toBe(401);
    expect(await failureOf(presentation)).toMatchObject({ attempt: { failedStep: 'S9', outcome: 'failed' } });
  });

  it('for a duplicate SPN: no ticket, the holders are named, and so is the repair', async () => {
    await site.operator.done('PUT', `/v1/forests/${FOREST}/policy`, { enforcement: 'audit' });
    const clash = await site.operator.done('POST', `/v1/accounts/${site.accounts.spare}/spns`, { spns: [SPN] });
    expect(clash).toMatchObject({ conflicts: [{ spn: SPN, holders: [{ account: site.accounts.web }] }] });

    const refused = await site.askForTicket((await site.logOn()).handle);
    expect([refused.status, refused.body]).toMatchObject([403, { code: 'KDC_ERR_PRINCIPAL_NOT_UNIQUE' }]);
    const failure = await failureOf(refused.body.request);
    expect(failure).toMatchObject({ cause: 'spn-duplicate', attempt: { failedStep: 'S4' } });
    expect(JSON.stringify(failure['repair'])).toContain(SPN);
    const { rows } = await site.operator.done<{ rows: Json[] }>(
      'GET',
      query('/v1/duplicates', { after: await head() }),
    );
    expect(rows).toMatchObject([{ kind: 'exact' }]);
  });

  it('for a wrong service key: the SPN stands on another account than the service runs as', async () => {
    await site.operator.done('POST', `/v1/accounts/${site.accounts.web}/spns/remove`, { spns: [SPN] });
    const { handle } = await site.logOn();
    const ticket = await site.askForTicket(handle);
    expect(ticket.status).toBe(201);
    const passed = await site.passOn(ticket.body);
    const { presentation, code } = passed.body as Rejected;
    expect([passed.status, code]).toEqual([401, 'KRB_AP_ERR_BAD_INTEGRITY']);
    expect((await site.useService(presentation)).status).toBe(401);
    const failure = await failureOf(presentation);
    expect(failure).toMatchObject({
      cause: 'spn-on-other-account',
      attempt: { failedStep: 'S7', account: site.accounts.spare },
    });
    expect(JSON.stringify(failure['repair'])).toContain(SPN);
  });
});

describe('an exchange belongs to its parties', () => {
  it('another service cannot report it, another logon cannot finish it, nobody can present its ticket twice', async () => {
    await site.operator.done('PUT', `/v1/accounts/${site.accounts.spare}/spns`, { spns: [] });
    await site.operator.done('PUT', `/v1/accounts/${site.accounts.web}/spns`, { spns: [SPN] });
    const { handle } = await site.logOn();
    const ticket = (await site.askForTicket(handle)).body;
    const { presentation, proof } = (await site.passOn(ticket)).body as Presented;

    const stranger = await makeToken(site.operator, { roles: ['agent'], actor: `account:${site.accounts.spare}` });
    const report = { outcome: 'verified', clientName: 'mallory@CORP.EXAMPLE', etype: 18, kvno: 1 };
    const reported = await stranger.call('POST', `/v1/presentations/${presentation}/client-verification`, {
      body: report,
    });
    expect([reported.status, reported.body['code']]).toEqual([403, 'AUTH_NOT_THE_SERVICE']);
    const other = (await site.logOn()).handle;
    const finished = await site.returnProof(presentation, other, proof);
    expect([finished.status, finished.body['code']]).toEqual([403, 'AUTH_NOT_THE_CLIENT']);
    const twice = await site.passOn(ticket);
    expect([twice.status, (twice.body as Rejected).code]).toEqual([401, 'KRB_AP_ERR_REPEAT']);
    expect((await site.returnProof(presentation, handle, proof)).status).toBe(200);
  });

  it('and an invented handle, ticket or presentation is of no use', async () => {
    const invented = await site.askForTicket('0'.repeat(32));
    expect([invented.status, (invented.body as unknown as Json)['code']]).toEqual([403, 'AUTH_LOGON_UNKNOWN']);
    const asked = await site.agent.call('POST', '/v1/presentations/nothing/application-requests', {
      body: { operation: 'GET /' },
    });
    expect([asked.status, asked.body['code']]).toEqual([404, 'AUTH_PRESENTATION_UNKNOWN']);
  });

  it('says nothing of its secrets, neither the service nor the server', () => {
    const said = site.server.process.output() + site.service.process.output();
    for (const secret of Object.values(PASSWORDS)) expect(said).not.toContain(secret);
  });
});
