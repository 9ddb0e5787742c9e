/** Our own exchanges, by their ids: what each of the seed exchange's outcomes looks like as an attempt. */
import { describe, expect, it } from '@jest/globals';
import type { Attempt } from './attempt.js';
import { evidence, type Told } from './attempt-events.spec-support.js';
import { deriveAttempts } from './join.derivation.js';

const SPN = 'HTTP/web1.corp.example';
const client = { client: 'alice-id', clientName: 'alice@CORP.EXAMPLE' };
const issue = { account: 'svc-web-id', ticket: 'A1', etype: 18, kvno: 3 };

const asked: Told = {
  type: 'ServiceTicketRequested',
  at: '01',
  data: { request: 'R', logon: 'L', ...client, spn: SPN },
};
const resolved: Told = {
  type: 'SpnResolved',
  at: '01',
  data: { request: 'R', spn: SPN, account: 'svc-web-id', registeredSpn: SPN, by: 'exact' },
};
const issued: Told = { type: 'ServiceTicketIssued', at: '01', data: { request: 'R', ...client, spn: SPN, ...issue } };
const ticket = [asked, resolved, issued];

function told(type: Told['type'], at: string, more: object = {}, presentation = 'P'): Told {
  return { type, at, data: { request: 'R', presentation, ticket: 'A1', spn: SPN, ...more } };
}
const presented = told('TicketPresented', '02', { service: 'svc-web-id' });
const verified = told('ClientVerified', '03', { ...client, etype: 18, kvno: 3 });
const proof = told('ServiceProofReturned', '04', { proofDigest: 'D' });
const matched = told('ServiceVerified', '04', { verifier: 'kdc' });
const allowed = told('ApplicationRequestAllowed', '05', { operation: 'GET /' });

function refused(code: string, search: Told[]): Told[] {
  const data = { request: 'R', ...client, spn: SPN, code, reason: 'because' };
  return [asked, ...search, { type: 'ServiceTicketRefused', at: '01', data }];
}

const derive = (...events: Told[]): Attempt[] => deriveAttempts(evidence(events));
const observed = (attempt: Attempt | undefined): string =>
  (attempt?.steps ?? [])
    .filter(({ state }) => state === 'observed')
    .map(({ step, outcome }) => (outcome === 'failed' ? `${step}!` : step))
    .join(' ');

describe('an exchange of ours', () => {
  it('that went all the way is mutually authenticated, each step observed, the last verified by the KDC', () => {
    const [attempt, ...others] = derive(...ticket, presented, verified, proof, matched, allowed);
    expect(others).toEqual([]);
    expect(attempt).toMatchObject({
      id: 'P',
      outcome: 'mutually-authenticated',
      failedStep: null,
      code: null,
      clientName: 'alice@CORP.EXAMPLE',
      account: 'svc-web-id',
      service: 'svc-web-id',
      request: 'R',
      logon: 'L',
      ticket: 'A1',
      confidence: 'certain',
    });
    expect(observed(attempt)).toBe('S2 S3 S4 S5 S6 S7 S8 S9 application');
    expect(attempt?.steps.find(({ step }) => step === 'S9')?.verifier).toBe('kdc');
  });

  it.each<[string, Told[], string, string]>([
    ['was not presented', ticket, 'ticket-issued', 'S2 S3 S4 S5'],
    ['was presented and not answered', [...ticket, presented], 'presented', 'S2 S3 S4 S5 S6'],
    ['stopped when the client was verified', [...ticket, presented, verified], 'client-verified', 'S2 S3 S4 S5 S6 S7'],
    [
      'returned a proof that nobody compared',
      [...ticket, presented, verified, proof],
      'client-verified',
      'S2 S3 S4 S5 S6 S7 S8',
    ],
    ['was only asked for', [asked], 'requested', 'S2'],
  ])('that %s claims no more than that', (_, events, outcome, steps) => {
    const [attempt] = derive(...events);
    expect(attempt).toMatchObject({ outcome, failedStep: null });
    expect(observed(attempt)).toBe(steps);
  });

  it.each<[string, Told[], string, string, string]>([
    [
      'unknown SPN',
      refused('KDC_ERR_S_PRINCIPAL_UNKNOWN', [{ type: 'SpnNotFound', at: '01', data: { request: 'R', spn: SPN } }]),
      'S3',
      'KDC_ERR_S_PRINCIPAL_UNKNOWN',
      'S2 S3! S5!',
    ],
    [
      'duplicate SPN',
      refused('KDC_ERR_PRINCIPAL_NOT_UNIQUE', [
        { type: 'SpnAmbiguous', at: '01', data: { request: 'R', spn: SPN, by: 'exact', holders: [] } },
      ]),
      'S4',
      'KDC_ERR_PRINCIPAL_NOT_UNIQUE',
      'S2 S3 S4! S5!',
    ],
    [
      'disabled holder',
      refused('KDC_ERR_SERVICE_REVOKED', [resolved]),
      'S5',
      'KDC_ERR_SERVICE_REVOKED',
      'S2 S3 S4 S5!',
    ],
    [
      'wrong key',
      [
        ...ticket,
        presented,
        told('ClientRejected', '03', { code: 'KRB_AP_ERR_MODIFIED', reason: 'no', etype: 18, kvno: 3 }),
      ],
      'S7',
      'KRB_AP_ERR_MODIFIED',
      'S2 S3 S4 S5 S6 S7!',
    ],
    [
      'wrong proof',
      [
        ...ticket,
        presented,
        verified,
        proof,
        told('ServiceVerificationFailed', '04', { verifier: 'kdc', code: 'KRB_AP_ERR_MUT_FAIL', reason: 'no' }),
      ],
      'S9',
      'KRB_AP_ERR_MUT_FAIL',
      'S2 S3 S4 S5 S6 S7 S8 S9!',
    ],
    [
      'application traffic before both sides are verified',
      [
        ...ticket,
        presented,
        verified,
        told('ApplicationRequestRefused', '04', { operation: 'GET /', code: 'NOT_VERIFIED', reason: 'no' }),
      ],
      'application',
      'NOT_VERIFIED',
      'S2 S3 S4 S5 S6 S7 application!',
    ],
  ])('fails by %s', (_, events, failedStep, code, steps) => {
    const [attempt] = derive(...events);
    expect(attempt).toMatchObject({ outcome: 'failed', failedStep, code });
    expect(observed(attempt)).toBe(steps);
  });

  it('succeeds although the client came with application traffic too early', () => {
    const early = told('ApplicationRequestRefused', '03', { operation: 'GET /', code: 'NOT_VERIFIED', reason: 'no' });
    expect(derive(...ticket, presented, verified, early, proof, matched)[0]?.outcome).toBe('mutually-authenticated');
  });

  it('is as many attempts as its ticket was presented', () => {
    const again = [
      told('TicketPresented', '07', { service: 'x' }, 'P2'),
      told('ClientRejected', '08', { code: 'KRB_AP_ERR_REPEAT', reason: 'no' }, 'P2'),
    ];
    const attempts = derive(...ticket, presented, verified, ...again);
    expect(attempts.map(({ id, outcome }) => [id, outcome])).toEqual([
      ['P', 'client-verified'],
      ['P2', 'failed'],
    ]);
  });
});
