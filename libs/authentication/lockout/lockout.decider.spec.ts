import { describe, expect, it } from '@jest/globals';
import {
  acceptedProofStream,
  FAILED_PROOFS_MAX,
  failedProofsStream,
  judgeProof,
  lockoutWindow,
  type ProofFacts,
} from './lockout.decider.js';

const facts: ProofFacts = {
  forest: 'corp',
  account: 'a1',
  now: '2026-11-22T10:53:32.933392Z',
  clockSkewSeconds: 300,
  failedInWindow: 0,
  proofDigest: 'd1',
  provenAt: '2026-11-22T10:53:31.000001Z',
  acceptedBefore: false,
};

describe('a proof of the password', () => {
  it('is accepted, and its digest kept, when it is fresh and decrypts', () => {
    expect(judgeProof(facts)).toEqual({
      accepted: true,
      event: {
        type: 'ProofAccepted',
        data: { forest: 'corp', account: 'a1', proofDigest: 'd1', provenAt: '2026-11-22T10:53:31.000001Z' },
      },
    });
  });

  it('that does not decrypt is a wrong password and counts as a guess', () => {
    expect(judgeProof({ ...facts, provenAt: null })).toMatchObject({
      accepted: false,
      code: 'KDC_ERR_PREAUTH_FAILED',
      event: { type: 'ProofFailed', data: { forest: 'corp', account: 'a1', code: 'KDC_ERR_PREAUTH_FAILED' } },
    });
  });

  it.each(['2026-11-22T10:58:32.933392Z', '2026-11-22T10:48:32.933392Z'])('made at %s is fresh enough', (provenAt) => {
    expect(judgeProof({ ...facts, provenAt }).accepted).toBe(true);
  });

  it.each(['2026-11-22T10:58:32.933393Z', '2026-11-22T10:48:32.933391Z'])('made at %s is skewed', (provenAt) => {
    expect(judgeProof({ ...facts, provenAt })).toMatchObject({ accepted: false, code: 'KRB_AP_ERR_SKEW' });
  });

  it('that was accepted before is a replay', () => {
    expect(judgeProof({ ...facts, acceptedBefore: true })).toMatchObject({
      accepted: false,
      code: 'KRB_AP_ERR_REPEAT',
    });
  });

  it('counts as a guess only under a wrong key: skew and replay lock nobody out', () => {
    expect(judgeProof({ ...facts, provenAt: '2026-11-22T09:00:00Z' })).not.toHaveProperty('event');
    expect(judgeProof({ ...facts, acceptedBefore: true })).not.toHaveProperty('event');
  });

  it('is refused while the account is locked, right or wrong, and no further failure is recorded', () => {
    const locked = { ...facts, failedInWindow: FAILED_PROOFS_MAX };
    const right = judgeProof(locked);
    expect(right).toMatchObject({ accepted: false, code: 'KDC_ERR_CLIENT_REVOKED' });
    expect(right).not.toHaveProperty('event');
    expect(judgeProof({ ...locked, provenAt: null })).toEqual(right);
    expect(judgeProof({ ...locked, failedInWindow: FAILED_PROOFS_MAX - 1 }).accepted).toBe(true);
  });
});

describe('a lockout window', () => {
  it('is a quarter of an hour of the clock, half-open', () => {
    expect(lockoutWindow('2026-11-22T10:53:32.933392Z')).toEqual({
      start: '2026-11-22T10:45:00Z',
      end: '2026-11-22T11:00:00Z',
    });
    expect(lockoutWindow('2026-11-22T11:00:00Z').start).toBe('2026-11-22T11:00:00Z');
  });

  it('is a stream of its own, and so is each accepted proof', () => {
    expect(failedProofsStream('a1', facts.now)).toBe('lockout-a1/2026-11-22T10:45:00Z');
    expect(acceptedProofStream('a1', 'd1')).toBe('lockout-a1/d1');
  });
});
