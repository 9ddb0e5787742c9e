import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { PresentationEvent } from './exchange.events.js';
import {
  ALLOWED_REQUESTS_MAX,
  decideApplicationRequest,
  foldPresentation,
  presentTicket,
  RECORDED_REFUSALS_MAX,
  reportClient,
  verifyService,
  type ClientReport,
  type Presentation,
} from './presentation.decider.js';
import type { IssuedTicket } from './ticket-request.decider.js';

const NOW = '2026-11-22T10:00:00.000000Z';
const LATE = '2026-11-22T11:00:00.000000Z';
const issued: IssuedTicket = {
  forest: 'corp',
  request: 'r1',
  logon: 'l1',
  client: 'a1',
  clientName: 'alice@CORP.EXAMPLE',
  spn: 'HTTP/web1.corp.example',
  ticket: 'T1',
  etype: 18,
  kvno: 3,
  nonceDigest: 'n1',
  expiresAt: LATE,
};
const present = { presentation: 'p1', now: NOW, issued, ticket: 'T1', service: 's1', replayed: false };
const verified: ClientReport = { outcome: 'verified', clientName: 'alice@CORP.EXAMPLE', etype: 18, kvno: 3 };
const rejected: ClientReport = { outcome: 'rejected', code: 'KRB_AP_ERR_BAD_INTEGRITY', reason: 'wrong key' };
const match = { proofDigest: 'n1', matches: true, verifier: 'kdc' } as const;
const types = (events: readonly { type: string }[]): string[] => events.map((event) => event.type);

const presented = presentTicket(present).events;
const after = (...more: (readonly PresentationEvent[])[]): Presentation =>
  foldPresentation([...presented, ...more.flat()])!;
const clientVerified = reportClient(after(), issued, verified, NOW).events;
const serviceVerified = verifyService(after(clientVerified), issued, match, NOW).events;

describe('a presentation', () => {
  it('runs S6 to S9 and then allows application requests', () => {
    const asked = decideApplicationRequest(after(clientVerified, serviceVerified), issued, 'GET /app', NOW);
    expect(asked.outcome).toBe('accepted');
    expect(types([...presented, ...clientVerified, ...serviceVerified, ...asked.events])).toEqual([
      'TicketPresented',
      'ClientVerified',
      'ServiceProofReturned',
      'ServiceVerified',
      'ApplicationRequestAllowed',
    ]);
    expect(serviceVerified[1]?.data).toMatchObject({
      verifier: 'kdc',
      presentation: 'p1',
      request: 'r1',
      ticket: 'T1',
    });
  });

  it.each([
    ['something else than the KDC made', { ticket: 'T2' }, 'KRB_AP_ERR_MODIFIED'],
    ['a ticket presented before', { replayed: true }, 'KRB_AP_ERR_REPEAT'],
    ['an expired ticket', { now: LATE }, 'KRB_AP_ERR_TKT_EXPIRED'],
  ])('of %s is recorded and the client rejected', (_, change, code) => {
    const decision = presentTicket({ ...present, ...change });
    expect(decision).toMatchObject({ outcome: 'refused', code });
    expect(types(decision.events)).toEqual(['TicketPresented', 'ClientRejected']);
    expect(foldPresentation(decision.events)?.step).toBe('client-rejected');
  });

  it('ends when the service could not decrypt, with the code it reports', () => {
    const decision = reportClient(after(), issued, { ...rejected, etype: 18, kvno: 2 }, NOW);
    expect(decision).toMatchObject({
      outcome: 'refused',
      events: [
        { type: 'ClientRejected', data: { code: 'KRB_AP_ERR_BAD_INTEGRITY', reason: 'wrong key', etype: 18, kvno: 2 } },
      ],
    });
    expect(verifyService(after(decision.events), issued, match, NOW).outcome).toBe('misplaced');
  });

  it.each([
    ['another client', { clientName: 'bob@CORP.EXAMPLE' }, NOW, 'KRB_AP_ERR_BADMATCH'],
    ['another key version', { kvno: 2 }, NOW, 'KRB_AP_ERR_BADMATCH'],
    ['another etype', { etype: 17 }, NOW, 'KRB_AP_ERR_BADMATCH'],
    ['the right client too late', {}, LATE, 'KRB_AP_ERR_TKT_EXPIRED'],
  ])('rejects the client when the service reports %s', (_, change, now, code) => {
    const decision = reportClient(after(), issued, { ...verified, ...change }, now);
    expect(decision).toMatchObject({ outcome: 'refused', code });
    expect(types(decision.events)).toEqual(['ClientRejected']);
  });

  it.each([
    ['does not match', { ...match, matches: false }, NOW, 'KRB_AP_ERR_MUT_FAIL'],
    ['comes after the ticket ended', match, LATE, 'KRB_AP_ERR_TKT_EXPIRED'],
  ])('fails for good when the proof %s', (_, proof, now, code) => {
    const decision = verifyService(after(clientVerified), issued, proof, now);
    expect(decision).toMatchObject({ outcome: 'refused', code });
    expect(types(decision.events)).toEqual(['ServiceProofReturned', 'ServiceVerificationFailed']);
    expect(verifyService(after(clientVerified, decision.events), issued, match, NOW).outcome).toBe('misplaced');
  });

  it('takes each step once and in order; a misplaced one changes nothing', () => {
    expect(verifyService(after(), issued, match, NOW)).toMatchObject({ outcome: 'misplaced', events: [] });
    expect(reportClient(after(clientVerified), issued, verified, NOW).outcome).toBe('misplaced');
    expect(reportClient(after(clientVerified), issued, rejected, NOW).outcome).toBe('misplaced');
    expect(verifyService(after(clientVerified, serviceVerified), issued, match, NOW).outcome).toBe('misplaced');
  });

  it('refuses and records application requests before both sides are verified and after the ticket ended', () => {
    for (const state of [after(), after(clientVerified)]) {
      const decision = decideApplicationRequest(state, issued, 'GET /app', NOW);
      expect(decision).toMatchObject({ outcome: 'refused', code: 'KRB_AP_ERR_MUT_FAIL' });
      expect(types(decision.events)).toEqual(['ApplicationRequestRefused']);
    }
    const late = decideApplicationRequest(after(clientVerified, serviceVerified), issued, 'GET /app', LATE);
    expect(late).toMatchObject({ outcome: 'refused', code: 'KRB_AP_ERR_TKT_EXPIRED' });
  });

  it('has a bounded stream: refusals are recorded so many times, requests allowed so many times', () => {
    const early = { ...after(clientVerified), refused: RECORDED_REFUSALS_MAX };
    expect(decideApplicationRequest(early, issued, 'GET /app', NOW)).toMatchObject({ outcome: 'refused', events: [] });
    const worn = { ...after(clientVerified, serviceVerified), allowed: ALLOWED_REQUESTS_MAX };
    expect(decideApplicationRequest(worn, issued, 'GET /app', NOW)).toMatchObject({
      outcome: 'refused',
      code: 'KDC_ERR_POLICY',
    });
  });

  it('never allows a request unless client and service were both verified, whatever comes in whatever order', () => {
    const action = fc.constantFrom('verify', 'reject', 'prove', 'prove-wrongly', 'ask');
    fc.assert(
      fc.property(fc.array(action, { maxLength: 12 }), (actions) => {
        let events: PresentationEvent[] = [...presented];
        for (const name of actions) {
          const state = foldPresentation(events)!;
          const decision =
            name === 'ask'
              ? decideApplicationRequest(state, issued, 'GET /app', NOW)
              : name.startsWith('prove')
                ? verifyService(state, issued, { ...match, matches: name === 'prove' }, NOW)
                : reportClient(state, issued, name === 'verify' ? verified : rejected, NOW);
          events = [...events, ...decision.events];
        }
        const order = types(events);
        const allowedAt = order.indexOf('ApplicationRequestAllowed');
        if (allowedAt < 0) return;
        const before = order.slice(0, allowedAt);
        expect(before).toContain('ClientVerified');
        expect(before).toContain('ServiceVerified');
        expect(order).not.toContain('ClientRejected');
        expect(order).not.toContain('ServiceVerificationFailed');
      }),
    );
  });
});
