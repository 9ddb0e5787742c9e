import { describe, expect, it } from '@jest/globals';
import { decideLogon, foldLogon, hasExpired, type LogonFacts } from './logon.decider.js';

const client = { account: 'a1', domain: 'corp.example', enabled: true, kvno: 2, etypes: [18, 17] };
const proof = {
  forest: 'corp',
  account: 'a1',
  now: '2026-11-22T10:00:00.000000Z',
  clockSkewSeconds: 300,
  failedInWindow: 0,
  proofDigest: 'd1',
  provenAt: '2026-11-22T09:59:59.000000Z',
  acceptedBefore: false,
  etype: 18,
};
const facts: LogonFacts = {
  forest: 'corp',
  logon: 'l1',
  now: '2026-11-22T10:00:00.000000Z',
  clientName: 'alice@CORP.EXAMPLE',
  realm: 'CORP.EXAMPLE',
  client,
  etypes: [18, 17],
  proof,
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
      lockout: {
        type: 'ProofAccepted',
        data: { forest: 'corp', account: 'a1', proofDigest: 'd1', provenAt: '2026-11-22T09:59:59.000000Z' },
      },
    });
  });

  it('without a proof asks for one, which is no failure and no event', () => {
    expect(decideLogon({ ...facts, proof: null })).toEqual({ outcome: 'preauth-required', events: [] });
  });

  it.each<[string, Partial<LogonFacts>, string]>([
    ['of a name nobody holds', { client: 'unknown' }, 'KDC_ERR_C_PRINCIPAL_UNKNOWN'],
    ['of a name that several hold', { client: 'ambiguous' }, 'KDC_ERR_PRINCIPAL_NOT_UNIQUE'],
    ['of a disabled account', { client: { ...client, enabled: false } }, 'KDC_ERR_CLIENT_REVOKED'],
    ['of an account without a password', { client: { ...client, kvno: 0, etypes: [] } }, 'KDC_ERR_NULL_KEY'],
    [
      'of an account whose keys the policy forbids',
      { etypes: [17], client: { ...client, etypes: [18] } },
      'KDC_ERR_ETYPE_NOSUPP',
    ],
    ['with a proof under an etype the account lacks', { proof: { ...proof, etype: 23 } }, 'KDC_ERR_ETYPE_NOSUPP'],
    ['with a proof under a wrong key', { proof: { ...proof, provenAt: null } }, 'KDC_ERR_PREAUTH_FAILED'],
    ['with a proof of another time', { proof: { ...proof, provenAt: '2026-11-22T09:00:00Z' } }, 'KRB_AP_ERR_SKEW'],
  ])('%s is refused and recorded', (_, change, code) => {
    const decision = decideLogon({ ...facts, ...change });
    expect(decision).toMatchObject({
      outcome: 'refused',
      code,
      events: [{ type: 'TgtRefused', data: { logon: 'l1', clientName: 'alice@CORP.EXAMPLE', code } }],
    });
  });

  it('remembers a proof under a wrong key as a guess, and no other refused one', () => {
    expect(decideLogon({ ...facts, proof: { ...proof, provenAt: null } }).lockout?.type).toBe('ProofFailed');
    expect(decideLogon({ ...facts, proof: { ...proof, acceptedBefore: true } })).not.toHaveProperty('lockout');
    expect(decideLogon({ ...facts, proof: { ...proof, etype: 23, provenAt: null } })).not.toHaveProperty('lockout');
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
    expect(foldLogon(decideLogon({ ...facts, client: 'unknown' }).events)).toBeNull();
    expect(foldLogon([])).toBeNull();
  });

  it('has ended at the instant it expires', () => {
    expect(hasExpired('2026-11-22T20:00:00Z', '2026-11-22T19:59:59.999999999Z')).toBe(false);
    expect(hasExpired('2026-11-22T20:00:00Z', '2026-11-22T20:00:00.000000Z')).toBe(true);
  });
});
