import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SetPassword } from '#directory';
import type { RecordedEvent } from '#event-store';
import { PresentTicket, RequestApplication, ReturnProof, VerifyClient } from './exchange.commands.js';
import {
  askForTicket,
  by,
  decrypt,
  logOn,
  openSite,
  present,
  returnProof,
  settle,
  WEB_PASSWORD,
  type Accounts,
  type Server,
  type Site,
} from '../site.spec-support.js';

let site: Site;
let kdc: Server;
let accounts: Accounts;
let handle: string;

beforeAll(async () => {
  site = await openSite();
  kdc = site.server;
  accounts = await settle(kdc);
  handle = await logOn(kdc);
});
afterAll(() => site.close());

const OTHER_TICKET = 'A'.repeat(64);
const verified = { outcome: 'verified', clientName: 'alice@CORP.EXAMPLE', etype: 18, kvno: 1 } as const;
const types = async (presentation: string): Promise<string[]> =>
  (await kdc.store.readStream(`exchange-${presentation}`)).map(({ type }: RecordedEvent) => type);
const show = (request: string, ticket: string, service = 'svc-web', server = kdc) =>
  server.bus.execute(new PresentTicket(by(service), request, ticket));
const ask = (presentation: string, service = 'svc-web', server = kdc) =>
  server.bus.execute(new RequestApplication(by(service), presentation, 'GET /app'));

describe('a presentation', () => {
  it('of a ticket is accepted once, whichever server is asked; the second is a replay and leaves the first alone', async () => {
    const ticket = await askForTicket(kdc, handle);
    const second = await site.another();
    const replies = await Promise.all(
      [kdc, second, kdc].map((server) => show(ticket.request, ticket.ticket, 'svc-web', server)),
    );
    const presented = replies.filter(({ outcome }) => outcome === 'presented');
    expect(presented).toHaveLength(1);
    expect(new Set(replies.map(({ presentation }) => presentation)).size).toBe(3);
    for (const reply of replies.filter(({ outcome }) => outcome === 'refused')) {
      expect(reply).toMatchObject({ code: 'KRB_AP_ERR_REPEAT' });
      expect(await types(reply.presentation)).toEqual(['TicketPresented', 'ClientRejected']);
    }
    expect(await types(presented[0]!.presentation)).toEqual(['TicketPresented']);
  });

  it('of something else than the KDC made is rejected and does not use the ticket up', async () => {
    const { request, ticket } = await askForTicket(kdc, handle);
    expect(await show(request, OTHER_TICKET)).toMatchObject({ outcome: 'refused', code: 'KRB_AP_ERR_MODIFIED' });
    expect(await show(request, ticket)).toMatchObject({ outcome: 'presented' });
  });

  it('of a request that nobody made, or of what is no ticket id, is an error and is not recorded', async () => {
    const before = await kdc.store.head();
    const { presentation } = { presentation: '01a20463-979a-7af2-aadc-90b4d7a2b391' };
    await expect(show(presentation, OTHER_TICKET)).rejects.toMatchObject({ code: 'AUTH_REQUEST_UNKNOWN' });
    await expect(show('../etc', OTHER_TICKET)).rejects.toMatchObject({ code: 'AUTH_REQUEST_UNKNOWN' });
    await expect(show(presentation, 'abc')).rejects.toMatchObject({ code: 'AUTH_INPUT_INVALID' });
    await expect(ask(presentation)).rejects.toMatchObject({ code: 'AUTH_PRESENTATION_UNKNOWN', kind: 'not-found' });
    expect(await kdc.store.head()).toBe(before);
  });

  it('belongs to the agent that made it', async () => {
    const { request, ticket } = await askForTicket(kdc, handle);
    const { presentation } = await show(request, ticket);
    const foreign = kdc.bus.execute(new VerifyClient(by('svc-spare'), presentation, verified));
    await expect(foreign).rejects.toMatchObject({ code: 'AUTH_NOT_THE_SERVICE', kind: 'forbidden' });
    await expect(ask(presentation, 'svc-spare')).rejects.toMatchObject({ code: 'AUTH_NOT_THE_SERVICE' });
    expect(await types(presentation)).toEqual(['TicketPresented']);
  });

  it('to a service with another key ends with the code that the service reports, in the spelling of RFC 4120', async () => {
    const { request, ticket, ciphertext } = await askForTicket(kdc, handle);
    const { presentation } = await show(request, ticket, 'svc-spare');
    await expect(decrypt(ciphertext, 'spare pass phrase', 'svc-spare')).rejects.toMatchObject({
      code: 'KRB_AP_ERR_BAD_INTEGRITY',
    });
    const report = { outcome: 'rejected', code: 'KRB5KRB_AP_ERR_BAD_INTEGRITY', reason: 'wrong key' } as const;
    const reply = await kdc.bus.execute(new VerifyClient(by('svc-spare'), presentation, report));
    expect(reply).toMatchObject({ outcome: 'rejected', code: 'KRB_AP_ERR_BAD_INTEGRITY' });
    expect(await types(presentation)).toEqual(['TicketPresented', 'ClientRejected']);
    await expect(returnProof(kdc, presentation, handle, '00'.repeat(16))).rejects.toMatchObject({
      code: 'AUTH_STEP_MISPLACED',
    });
  });

  it('takes no code that RFC 4120 does not know', async () => {
    const { request, ticket } = await askForTicket(kdc, handle);
    const { presentation } = await show(request, ticket);
    const report = { outcome: 'rejected', code: 'NT_STATUS_LOGON_FAILURE', reason: 'no' } as const;
    const reply = kdc.bus.execute(new VerifyClient(by('svc-web'), presentation, report));
    await expect(reply).rejects.toMatchObject({ code: 'AUTH_INPUT_INVALID' });
  });

  it('rejects the client when the service claims another one than the ticket was made for', async () => {
    const { request, ticket } = await askForTicket(kdc, handle);
    const { presentation } = await show(request, ticket);
    const claim = { ...verified, clientName: 'administrator@CORP.EXAMPLE' };
    const reply = await kdc.bus.execute(new VerifyClient(by('svc-web'), presentation, claim));
    expect(reply).toMatchObject({ outcome: 'rejected', code: 'KRB_AP_ERR_BADMATCH' });
  });

  it('is finished by the client that the ticket was issued to, and by nobody else', async () => {
    const { presentation, proof } = await present(kdc, await askForTicket(kdc, handle));
    const other = await logOn(kdc);
    await expect(returnProof(kdc, presentation, other, proof)).rejects.toMatchObject({ code: 'AUTH_NOT_THE_CLIENT' });
    await expect(returnProof(kdc, presentation, 'no handle', proof)).rejects.toMatchObject({
      code: 'AUTH_LOGON_UNKNOWN',
    });
    expect(await returnProof(kdc, presentation, handle, proof)).toMatchObject({ outcome: 'verified' });
  });

  it('fails for good when the proof is not the nonce, though it is the proof of another presentation', async () => {
    const [mine, foreign] = [
      await present(kdc, await askForTicket(kdc, handle)),
      await present(kdc, await askForTicket(kdc, handle)),
    ];
    const reply = await returnProof(kdc, mine.presentation, handle, foreign.proof);
    expect(reply).toMatchObject({ outcome: 'failed', code: 'KRB_AP_ERR_MUT_FAIL' });
    expect((await types(mine.presentation)).slice(-2)).toEqual(['ServiceProofReturned', 'ServiceVerificationFailed']);
    await expect(returnProof(kdc, mine.presentation, handle, mine.proof)).rejects.toMatchObject({
      code: 'AUTH_STEP_MISPLACED',
    });
    expect(await ask(mine.presentation)).toMatchObject({ outcome: 'refused', code: 'KRB_AP_ERR_MUT_FAIL' });
    expect(await returnProof(kdc, foreign.presentation, handle, foreign.proof)).toMatchObject({ outcome: 'verified' });
  });

  it('takes each step once and in order; of steps that race, one is recorded', async () => {
    const ticket = await askForTicket(kdc, handle);
    const second = await site.another();
    const { presentation } = await show(ticket.request, ticket.ticket);
    await expect(returnProof(kdc, presentation, handle, '00')).rejects.toMatchObject({ code: 'AUTH_STEP_MISPLACED' });
    const { nonce } = await decrypt(ticket.ciphertext);
    const both = await Promise.allSettled(
      [kdc, second].map((server) => server.bus.execute(new VerifyClient(by('svc-web'), presentation, verified))),
    );
    expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    const proof = Buffer.from(nonce).toString('hex');
    const returned = await Promise.allSettled(
      [kdc, second, kdc].map((server) => returnProof(server, presentation, handle, proof)),
    );
    expect(returned.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await types(presentation)).toEqual([
      'TicketPresented',
      'ClientVerified',
      'ServiceProofReturned',
      'ServiceVerified',
    ]);
  });

  it('answers the same request again with the same answer', async () => {
    const { request, ticket } = await askForTicket(kdc, handle);
    const asked = by('svc-web');
    const first = await kdc.bus.execute(new PresentTicket(asked, request, ticket));
    expect(await kdc.bus.execute(new PresentTicket(asked, request, ticket))).toEqual(first);
    const { presentation } = first;
    await kdc.bus.execute(new VerifyClient(by('svc-web'), presentation, verified));
    const returned = by('alice');
    const proof = '11'.repeat(16);
    const failed = await kdc.bus.execute(new ReturnProof(returned, presentation, handle, proof));
    expect(await kdc.bus.execute(new ReturnProof(returned, presentation, handle, proof))).toEqual(failed);
  });

  it('ends with its ticket, at whichever step it is', async () => {
    const late = await site.another();
    const lateHandle = await logOn(late);
    const tickets = [
      await askForTicket(late, lateHandle),
      await askForTicket(late, lateHandle),
      await askForTicket(late, lateHandle),
    ];
    const shown = await show(tickets[0]!.request, tickets[0]!.ticket, 'svc-web', late);
    const reported = await present(late, tickets[1]!);
    const finished = await present(late, await askForTicket(late, lateHandle));
    await returnProof(late, finished.presentation, lateHandle, finished.proof);
    late.advance(36_001);

    const expired = { code: 'KRB_AP_ERR_TKT_EXPIRED' };
    expect(await show(tickets[2]!.request, tickets[2]!.ticket, 'svc-web', late)).toMatchObject(expired);
    expect(await late.bus.execute(new VerifyClient(by('svc-web'), shown.presentation, verified))).toMatchObject(
      expired,
    );
    expect(await returnProof(late, reported.presentation, lateHandle, reported.proof)).toMatchObject(expired);
    expect(await ask(finished.presentation, 'svc-web', late)).toMatchObject(expired);
  });

  it('goes on when the service changed its password after the ticket was made, as long as it still has the old key', async () => {
    const ticket = await askForTicket(kdc, handle);
    await kdc.bus.execute(new SetPassword(by('admin'), accounts.web, 'a new password'));
    const { presentation, proof } = await present(kdc, ticket);
    expect(await returnProof(kdc, presentation, handle, proof)).toMatchObject({ outcome: 'verified' });
    expect(await askForTicket(kdc, handle)).toMatchObject({ kvno: 2 });
    await kdc.bus.execute(new SetPassword(by('admin'), accounts.web, WEB_PASSWORD));
  });
});
