import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { AddDomain, ChangePolicy, CreateAccount, DisableAccount, EnableAccount, RegisterSpns } from '#directory';
import type { RecordedEvent } from '#event-store';
import { RequestServiceTicket } from './exchange.commands.js';
import {
  askForTicket,
  by,
  decrypt,
  FOREST,
  logOn,
  openSite,
  settle,
  WEB,
  type Accounts,
  type Server,
  type Site,
} from '../site.spec-support.js';

let site: Site;
let kdc: Server;
let accounts: Accounts;

beforeAll(async () => {
  site = await openSite();
  kdc = site.server;
  accounts = await settle(kdc);
});
afterAll(() => site.close());

const types = (events: readonly RecordedEvent[]): string[] => events.map(({ type }) => type);
const exchange = (id: string): Promise<RecordedEvent[]> => kdc.store.readStream(`exchange-${id}`);
const request = (spn: string, handle: string) =>
  kdc.bus.execute(new RequestServiceTicket(by('alice'), handle, { spn }));

describe('a ticket request', () => {
  it('needs the handle of a logon: a wrong secret is as unknown as a wrong logon, and neither is recorded', async () => {
    const handle = await logOn(kdc);
    const before = await kdc.store.head();
    const wrongSecret = `${handle.slice(0, -1)}${handle.endsWith('0') ? '1' : '0'}`;
    const wrongLogon = `${randomUUID()}.${handle.slice(37)}`;
    for (const wrong of [wrongSecret, wrongLogon, '', handle.slice(0, 36)]) {
      await expect(request(WEB, wrong)).rejects.toMatchObject({ code: 'AUTH_LOGON_UNKNOWN' });
    }
    expect(await kdc.store.head()).toBe(before);
  });

  it('is refused and recorded for an unknown SPN, and is an input error for what is no SPN', async () => {
    const handle = await logOn(kdc);
    const reply = await request('HTTP/nosuch.corp.example', handle);
    expect(reply).toMatchObject({ outcome: 'refused', code: 'KDC_ERR_S_PRINCIPAL_UNKNOWN' });
    expect(types(await exchange(reply.request))).toEqual([
      'ServiceTicketRequested',
      'SpnNotFound',
      'ServiceTicketRefused',
    ]);
    await expect(request('web1.corp.example', handle)).rejects.toMatchObject({ code: 'SPN_PART_COUNT' });
  });

  it('is refused for an SPN with two holders, whom the event names and the reply does not', async () => {
    await kdc.bus.execute(new ChangePolicy(by('admin'), FOREST, { enforcement: 'audit' }));
    await kdc.bus.execute(new RegisterSpns(by('admin'), accounts.web, ['HTTP/twice.corp.example']));
    await kdc.bus.execute(new RegisterSpns(by('admin'), accounts.spare, ['http/TWICE.corp.example']));
    await kdc.bus.execute(new ChangePolicy(by('admin'), FOREST, { enforcement: 'enforce' }));
    const reply = await request('HTTP/twice.corp.example', await logOn(kdc));
    expect(reply).toMatchObject({ outcome: 'refused', code: 'KDC_ERR_PRINCIPAL_NOT_UNIQUE' });
    expect(JSON.stringify(reply)).not.toContain(accounts.spare);
    const recorded = await exchange(reply.request);
    expect(types(recorded)).toEqual(['ServiceTicketRequested', 'SpnAmbiguous', 'ServiceTicketRefused']);
    expect(recorded[1]?.data['holders']).toEqual([
      { account: accounts.web, spn: 'HTTP/twice.corp.example' },
      { account: accounts.spare, spn: 'http/TWICE.corp.example' },
    ]);
  });

  it('is refused for a disabled holder, for one without a key, and for a client disabled since its logon', async () => {
    const handle = await logOn(kdc);
    const details = { forest: FOREST, domain: FOREST, kind: 'user', samAccountName: 'svc-new' } as const;
    const { account } = await kdc.bus.execute(new CreateAccount(by('admin'), details));
    await kdc.bus.execute(new RegisterSpns(by('admin'), account, ['app/new.corp.example']));
    expect(await request('app/new.corp.example', handle)).toMatchObject({ code: 'KDC_ERR_NULL_KEY' });
    await kdc.bus.execute(new DisableAccount(by('admin'), account));
    expect(await request('app/new.corp.example', handle)).toMatchObject({ code: 'KDC_ERR_SERVICE_REVOKED' });
    await kdc.bus.execute(new DisableAccount(by('admin'), accounts.alice));
    expect(await request(WEB, handle)).toMatchObject({ code: 'KDC_ERR_CLIENT_REVOKED' });
    await kdc.bus.execute(new EnableAccount(by('admin'), accounts.alice));
    expect(await request(WEB, handle)).toMatchObject({ outcome: 'issued' });
  });

  it('finds the holder in any domain of the forest', async () => {
    await kdc.bus.execute(new AddDomain(by('admin'), FOREST, 'emea.corp.example'));
    const emea = { forest: FOREST, domain: 'emea.corp.example', kind: 'user', samAccountName: 'svc-emea' } as const;
    const { account } = await kdc.bus.execute(
      new CreateAccount(by('admin'), { ...emea, password: 'emea pass phrase' }),
    );
    await kdc.bus.execute(new RegisterSpns(by('admin'), account, ['HTTP/web.emea.corp.example']));
    const reply = await request('HTTP/web.emea.corp.example', await logOn(kdc));
    expect(reply).toMatchObject({ outcome: 'issued' });
    expect((await exchange(reply.request)).map(({ data }) => data['domain'] ?? data['account'])).toEqual([
      FOREST,
      account,
      account,
    ]);
  });

  it('is refused after the logon expired', async () => {
    const late = await site.another();
    const handle = await logOn(late);
    late.advance(36_001);
    const reply = await late.bus.execute(new RequestServiceTicket(by('alice'), handle, { spn: WEB }));
    expect(reply).toMatchObject({ outcome: 'refused', code: 'KRB_AP_ERR_TKT_EXPIRED' });
  });

  it('gives its message once', async () => {
    const asked = by('alice', randomUUID());
    const command = new RequestServiceTicket(asked, await logOn(kdc), { spn: WEB });
    expect(await kdc.bus.execute(command)).toHaveProperty('ciphertext');
    await expect(kdc.bus.execute(command)).rejects.toMatchObject({ code: 'AUTH_ANSWER_GIVEN_ONCE' });
  });

  it('seals a fresh nonce each time, which only the password of the holder opens', async () => {
    const handle = await logOn(kdc);
    const [first, second] = [await askForTicket(kdc, handle), await askForTicket(kdc, handle)];
    expect((await decrypt(first.ciphertext)).nonce).not.toEqual((await decrypt(second.ciphertext)).nonce);
    await expect(decrypt(first.ciphertext, 'another password')).rejects.toMatchObject({
      code: 'KRB_AP_ERR_BAD_INTEGRITY',
    });
  });
});
