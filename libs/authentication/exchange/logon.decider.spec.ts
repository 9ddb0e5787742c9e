import { describe, expect, it } from '@jest/globals';
import { decideLogon, foldLogon, hasExpired, type LogonFacts } from './logon.decider.js';

const accepted = {
  accepted: true,
  event: { type: 'ProofAccepted', data: { forest: 'corp', account: 'a1', proofDigest: 'd1', provenAt: 't' } },
} as const;

const facts: LogonFacts = {
  forest: 'corp',
  logon: 'l1',
  now: '2026-11-22T10:00:00.000000Z',
  clientName: 'alice@CORP.EXAMPLE',
  realm: 'CORP.EXAMPLE',
  client: { account: 'a1', domain: 'corp.example', enabled: true, kvno: 2, etypes: [18, 17] },
  proof: { verdict: accepted, etype: 18, kvno: 2 },
  handleDigest: 'h1',
  logonLifetimeSeconds: 36_000,
};

describe('a logon', () => {
  it('is issued to an enabled client that proved itself, for the lifetime of the policy', () => {
    expect(decideLogon(facts)).toEqual({
      outcome: 'issued',
      expiresAt: '2026-11-22T20:00:00.000000Z',
      events: [
        {
          type: 'TgtIssued',
          data: {
            forest: 'corp',
            domain: 'corp.example',
            logon: 'l1',
            client: 'a1',
            clientName: 'alice@CORP.EXAMPLE',
            service: 'krbtgt/CORP.EXAMPLE',
            preAuthentication: 'PA-ENC-TIMESTAMP',
            etype: 18,
            kvno: 2,
            handleDigest: 'h1',
            expiresAt: '2026-11-22T20:00:00.000000Z',
          },
        },
      ],
    });
  });

  it('without a proof asks for one, which is no failure and no event', () => {
    expect(decideLogon({ ...facts, proof: null })).toEqual({ outcome: 'preauth-required', events: [] });
  });

  const client = facts.client!;
  it.each<[string, Partial<LogonFacts>, string]>([
    ['of a name nobody holds', { client: null }, 'KDC_ERR_C_PRINCIPAL_UNKNOWN'],
    ['of a disabled account', { client: { ...client, enabled: false } }, 'KDC_ERR_CLIENT_REVOKED'],
    ['of an account without a password', { client: { ...client, kvno: undefined, etypes: [] } }, 'KDC_ERR_NULL_KEY'],
    [
      'whose proof was refused',
      { proof: { verdict: { accepted: false, code: 'KRB_AP_ERR_SKEW', reason: 'clock' }, etype: 18, kvno: 2 } },
      'KRB_AP_ERR_SKEW',
    ],
  ])('%s is refused and recorded', (_, change, code) => {
    const decision = decideLogon({ ...facts, ...change });
    expect(decision).toMatchObject({
      outcome: 'refused',
      code,
      events: [{ type: 'TgtRefused', data: { logon: 'l1', clientName: 'alice@CORP.EXAMPLE', code } }],
    });
  });

  it('is refused before its proof counts when the account is disabled', () => {
    const disabled = { ...client, enabled: false };
    expect(decideLogon({ ...facts, client: disabled, proof: null })).toMatchObject({ code: 'KDC_ERR_CLIENT_REVOKED' });
  });

  it('is found again by its events, and only by those of an issued one', () => {
    const decision = decideLogon(facts);
    expect(foldLogon(decision.events)).toEqual({
      logon: 'l1',
      forest: 'corp',
      domain: 'corp.example',
      client: 'a1',
      clientName: 'alice@CORP.EXAMPLE',
      handleDigest: 'h1',
      expiresAt: '2026-11-22T20:00:00.000000Z',
    });
    expect(foldLogon(decideLogon({ ...facts, client: null }).events)).toBeNull();
    expect(foldLogon([])).toBeNull();
  });

  it('has ended at the instant it expires', () => {
    expect(hasExpired('2026-11-22T20:00:00Z', '2026-11-22T19:59:59.999999999Z')).toBe(false);
    expect(hasExpired('2026-11-22T20:00:00Z', '2026-11-22T20:00:00.000000Z')).toBe(true);
  });
});
