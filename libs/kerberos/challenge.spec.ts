import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { nonceDigest, openChallenge, proofMatches, sealChallenge, ticketId, type Challenge } from './challenge.js';
import { der } from './der.js';
import { encrypt } from './encryption.js';
import { DerError, KerberosError } from './kerberos.error.js';
import { KEY_USAGE } from './key-usage.js';

const key = Buffer.alloc(32, 0x5a);
const confounder = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');
const seal = (challenge: Challenge): Buffer => sealChallenge({ etype: 18, key, confounder }, challenge);
const challenge: Challenge = {
  nonce: Buffer.from('f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff', 'hex'),
  client: 'alice@CORP.EXAMPLE',
  spn: 'HTTP/web1.corp.example',
  exchangeId: '0198c0de-0000-7000-8000-000000000001',
  expiresAt: '2026-11-22T10:34:08.311697Z',
};

function outcome(call: () => unknown): string {
  try {
    call();
    return 'accepted';
  } catch (error) {
    return error instanceof KerberosError || error instanceof DerError ? error.code : String(error);
  }
}

describe('a challenge', () => {
  const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 100 });
  const anyChallenge = fc.record({
    nonce: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes)),
    client: text,
    spn: text,
    exchangeId: text,
    expiresAt: fc.constantFrom('2026-11-22T10:34:08Z', '2026-11-22T10:34:08.3Z', '2026-11-22T10:34:08.123456789Z'),
  });

  it('opens to what was sealed', () => {
    fc.assert(
      fc.property(anyChallenge, (sealed) => {
        expect(openChallenge(18, key, seal(sealed))).toEqual(sealed);
      }),
    );
  });

  it('opens with the key of the service alone: another key, a changed byte, another usage fail alike', () => {
    const ciphertext = seal(challenge);
    const changed = Buffer.from(ciphertext);
    changed.writeUInt8(changed.readUInt8(40) ^ 1, 40);
    expect(outcome(() => openChallenge(18, Buffer.alloc(32), ciphertext))).toBe('KRB_AP_ERR_BAD_INTEGRITY');
    expect(outcome(() => openChallenge(18, key, changed))).toBe('KRB_AP_ERR_BAD_INTEGRITY');
    const ticket = encrypt(18, key, KEY_USAGE.KDC_REP_TICKET, Buffer.from('30 00'), confounder);
    expect(outcome(() => openChallenge(18, key, ticket))).toBe('KRB_AP_ERR_BAD_INTEGRITY');
  });

  it('shows nothing of its content in its ciphertext, and differs with the confounder', () => {
    const other = sealChallenge({ etype: 18, key, confounder: Buffer.alloc(16, 1) }, challenge);
    const ciphertext = seal(challenge);
    expect(ciphertext.includes(Buffer.from(challenge.nonce))).toBe(false);
    expect(ciphertext.includes('alice')).toBe(false);
    expect(other).not.toEqual(ciphertext);
    expect(openChallenge(18, key, other)).toEqual(openChallenge(18, key, ciphertext));
  });

  it.each<[string, Partial<Challenge>]>([
    ['a nonce of another length', { nonce: Buffer.alloc(15) }],
    ['no client', { client: '' }],
    ['an endless SPN', { spn: 'x'.repeat(1_025) }],
    ['no exchange', { exchangeId: '' }],
    ['an instant with an offset', { expiresAt: '2026-11-22T10:34:08+01:00' }],
    ['an instant with ten digits', { expiresAt: '2026-11-22T10:34:08.1234567890Z' }],
  ])('cannot be made with %s', (_what, wrong) => {
    expect(outcome(() => seal({ ...challenge, ...wrong }))).toBe('KRB_CHALLENGE_FIELD');
  });

  it.each([
    ['of another version', 'KRB_DER_VALUE', der.sequence(der.field(0, der.integer(2)))],
    ['cut short', 'KRB_DER_TRUNCATED', der.sequence(der.field(0, der.integer(1)))],
    ['empty', 'KRB_DER_TRUNCATED', Buffer.alloc(0)],
    ['with more after it', 'KRB_DER_TRAILING', Buffer.concat([der.sequence(), Buffer.alloc(1)])],
    [
      'with a short nonce',
      'KRB_CHALLENGE_FIELD',
      der.sequence(
        der.field(0, der.integer(1)),
        der.field(1, der.octetString(Buffer.alloc(8))),
        ...[2, 3, 4, 5].map((number) => der.field(number, der.utf8String('x'))),
      ),
    ],
  ])('%s is refused even under the right key', (_what, code, plaintext) => {
    expect(outcome(() => openChallenge(18, key, encrypt(18, key, KEY_USAGE.CHALLENGE, plaintext, confounder)))).toBe(
      code,
    );
  });

  it('of any bytes under the right key throws nothing but coded errors', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (noise) => {
        expect(outcome(() => openChallenge(18, key, encrypt(18, key, KEY_USAGE.CHALLENGE, noise, confounder)))).toMatch(
          /^KRB_/,
        );
      }),
    );
  });

  it('never names its secrets in an error', () => {
    const nonce = Buffer.from('secret nonce bytes, too long');
    expect(() => seal({ ...challenge, nonce })).toThrow(/^(?!.*secret)(?!.*5a5a).*28 bytes/);
  });
});

describe('ticket ids and digests', () => {
  // SHA-256 of "abc", FIPS 180-4.
  const abc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';

  it('are SHA-256: upper case for a ticket, lower case for a nonce', () => {
    expect(ticketId(Buffer.from('abc'))).toBe(abc.toUpperCase());
    expect(nonceDigest(Buffer.from('abc'))).toBe(abc);
  });

  it('tell the nonce that was sent from any other', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 20 }), fc.uint8Array({ maxLength: 20 }), (nonce, other) => {
        expect(proofMatches(nonce, nonceDigest(nonce))).toBe(true);
        expect(proofMatches(other, nonceDigest(nonce))).toBe(Buffer.compare(nonce, other) === 0);
      }),
    );
    expect(proofMatches(challenge.nonce, '')).toBe(false);
    expect(proofMatches(challenge.nonce, 'ä'.repeat(32))).toBe(false);
  });
});
