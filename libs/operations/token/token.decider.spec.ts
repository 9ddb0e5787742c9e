/** Tokens as facts, and their text. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { OperationEvent } from '../operation.events.js';
import { createToken, foldToken, isTokenValid, revokeToken } from './token.decider.js';
import { digestsMatch, newTokenText, parseTokenText } from './token-text.js';

const now = '2026-11-22T10:00:00.000000Z';
const refusal = (code: string) => expect.objectContaining({ name: 'OperationRefusal', code });
const facts = { token: '0123456789abcdef', secretDigest: 'd1'.repeat(32), now };
const installer = { actor: 'jenkins', roles: ['installer'], scope: { accounts: ['a1'] } } as const;
const details = { ...installer, roles: [...installer.roles], scope: { accounts: ['a1'] } };
const created: OperationEvent = {
  type: 'TokenCreated',
  data: { token: facts.token, secretDigest: facts.secretDigest, ...details },
};

describe('a token', () => {
  it('is made for an actor, with roles and scope, and without its secret', () => {
    expect(createToken(facts, { ...details, roles: ['installer', 'installer'] })).toEqual([created]);
  });

  it.each([
    ['no role', { ...details, roles: [] }],
    ['no actor', { ...details, actor: '' }],
    ['an actor of control characters', { ...details, actor: 'a\nb' }],
    ['a scope too large', { ...details, scope: { accounts: Array.from({ length: 501 }, String) } }],
    ['an end in the past', { ...details, expiresAt: '2026-11-22T10:00:00Z' }],
    ['an end that is no instant', { ...details, expiresAt: 'tomorrow' }],
  ])('is not made with %s', (_, wanted) => {
    expect(() => createToken(facts, wanted)).toThrow(refusal('OPS_TOKEN_INVALID'));
  });

  it('is valid until it is revoked, or until its end', () => {
    const state = foldToken([created])!;
    expect(isTokenValid(state, now)).toBe(true);
    expect(isTokenValid(foldToken([created, ...revokeToken(state, facts.token)])!, now)).toBe(false);
    const ending = { ...state, expiresAt: '2026-11-22T10:00:00.5Z' };
    expect(isTokenValid(ending, now)).toBe(true);
    expect(isTokenValid(ending, '2026-11-22T10:00:00.500000Z')).toBe(false);
  });

  it('is revoked once; an unknown one not at all', () => {
    const state = foldToken([created, { type: 'TokenRevoked', data: { token: facts.token } }]);
    expect(revokeToken(state, facts.token)).toEqual([]);
    expect(() => revokeToken(null, 'ffffffffffffffff')).toThrow(refusal('OPS_TOKEN_UNKNOWN'));
  });
});

describe("a token's text", () => {
  it('holds id and secret, and is known again by the digest alone', () => {
    const { token, text, secretDigest } = newTokenText(randomBytes);
    expect(parseTokenText(text)).toEqual({ token, secretDigest });
    expect(text).toMatch(/^kt_[0-9a-f]{16}_[A-Za-z0-9_-]{43}$/);
    expect(digestsMatch(secretDigest, parseTokenText(text)!.secretDigest)).toBe(true);
    expect(digestsMatch(secretDigest, newTokenText(randomBytes).secretDigest)).toBe(false);
    expect(digestsMatch(secretDigest, '')).toBe(false);
  });

  it.each([
    '',
    'kt_',
    'kt_0123456789abcdef_short',
    `kt_0123456789ABCDEF_${'a'.repeat(43)}`,
    `kt_0123456789abcdef_${'a'.repeat(44)}`,
  ])('is not %j', (text) => {
    expect(parseTokenText(text)).toBeNull();
  });
});
