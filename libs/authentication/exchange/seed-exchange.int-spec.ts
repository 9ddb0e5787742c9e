import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RegisterSpns } from '#directory';
import type { RecordedEvent } from '#event-store';
import {
  PresentTicket,
  RequestApplication,
  RequestServiceTicket,
  RequestTgt,
  VerifyClient,
} from './exchange.commands.js';
import {
  ALICE_PASSWORD,
  by,
  decrypt,
  FOREST,
  logOn,
  openSite,
  proofOf,
  returnProof,
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
const logOnWith = (clientName: string, proof?: string, etype?: number) =>
  kdc.bus.execute(new RequestTgt(by('alice'), FOREST, clientName, proof, etype));

describe('the seed exchange in its challenge form', () => {
  it('runs S1 to S9, each step by another server, and then allows application traffic', async () => {
    const [second, third] = [await site.another(), await site.another()];

    const asked = await logOnWith('alice');
    expect(asked).toMatchObject({
      outcome: 'preauth-required',
      etypeInfo: [
        { etype: 18, salt: 'CORP.EXAMPLEalice', iterations: 4096, kvno: 1 },
        { etype: 17, salt: 'CORP.EXAMPLEalice', iterations: 4096, kvno: 1 },
      ],
    });
    const issued = await second.bus.execute(
      new RequestTgt(by('alice'), FOREST, 'alice', await proofOf(ALICE_PASSWORD)),
    );
    const handle = issued.outcome === 'issued' ? issued.handle : '';
    const compose = { kind: 'host', serviceClass: 'HTTP', host: 'web1.corp.example' } as const;
    const ticket = await third.bus.execute(new RequestServiceTicket(by('alice'), handle, { compose }));
    expect(ticket).toMatchObject({ outcome: 'issued', spn: WEB, etype: 18, kvno: 1 });
    if (ticket.outcome !== 'issued') throw new Error('no ticket');

    const presented = await kdc.bus.execute(new PresentTicket(by('svc-web'), ticket.request, ticket.ticket));
    const { presentation } = presented;
    const early = await second.bus.execute(new RequestApplication(by('svc-web'), presentation, 'GET /app'));
    expect(early).toMatchObject({ outcome: 'refused', code: 'KRB_AP_ERR_MUT_FAIL' });

    const challenge = await decrypt(ticket.ciphertext);
    expect(challenge).toMatchObject({ client: 'alice@CORP.EXAMPLE', spn: WEB, exchangeId: ticket.request });
    const report = { outcome: 'verified', clientName: challenge.client, etype: 18, kvno: 1 } as const;
    await second.bus.execute(new VerifyClient(by('svc-web'), presentation, report));
    const proof = Buffer.from(challenge.nonce).toString('hex');
    expect(await returnProof(third, presentation, handle, proof)).toMatchObject({ outcome: 'verified' });
    const allowed = await kdc.bus.execute(new RequestApplication(by('svc-web'), presentation, 'GET /app'));
    expect(allowed).toMatchObject({ outcome: 'allowed', clientName: 'alice@CORP.EXAMPLE' });

    expect(types(await exchange(ticket.request))).toEqual([
      'SpnComposed',
      'ServiceTicketRequested',
      'SpnResolved',
      'ServiceTicketIssued',
    ]);
    expect(types(await exchange(presentation))).toEqual([
      'TicketPresented',
      'ApplicationRequestRefused',
      'ClientVerified',
      'ServiceProofReturned',
      'ServiceVerified',
      'ApplicationRequestAllowed',
    ]);
  });

  it('answers with a position that already holds the events of the answer', async () => {
    const handle = await logOn(kdc);
    const { position, request: id } = await request(WEB, handle);
    const recorded = await exchange(id);
    expect(recorded.at(-1)?.position).toBe(position);
    expect(recorded.map(({ metadata }) => metadata.actor)).toEqual(['alice', 'alice', 'alice']);
  });

  it('resolves a class by the alias map only while nobody holds the name itself', async () => {
    const resolved = async (): Promise<RecordedEvent['data'] | undefined> => {
      const { request: id } = await request('cifs/files.corp.example', await logOn(kdc));
      return (await exchange(id)).find(({ type }) => type === 'SpnResolved')?.data;
    };
    await kdc.bus.execute(new RegisterSpns(by('admin'), accounts.spare, ['HOST/files.corp.example']));
    expect(await resolved()).toMatchObject({ by: 'alias', account: accounts.spare });
    expect(await resolved()).toMatchObject({ registeredSpn: 'HOST/files.corp.example' });
    await kdc.bus.execute(new RegisterSpns(by('admin'), accounts.web, ['cifs/files.corp.example']));
    expect(await resolved()).toMatchObject({ by: 'exact', account: accounts.web });
  });
});
