import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { decryptCts, encryptCts } from './cipher-text-stealing.js';
import { usageKeys } from './derive-key.js';
import { cipherOf, SUPPORTED_ENCRYPTION_TYPES } from './encryption-types.js';
import { CONFOUNDER_BYTES, decrypt, encrypt } from './encryption.js';
import { KerberosError } from './kerberos.error.js';

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const etypeAndKey = fc
  .constantFrom(...SUPPORTED_ENCRYPTION_TYPES)
  .chain((etype) => fc.tuple(fc.constant(etype), bytes(cipherOf(etype).keyBytes)));
const usage = fc.integer({ min: 1, max: 0xffff_ffff });
const plaintext = fc.uint8Array({ maxLength: 100 });

function codeOf(call: () => unknown): string {
  try {
    call();
    return 'accepted';
  } catch (error) {
    return error instanceof KerberosError ? error.code : String(error);
  }
}

describe('CBC with ciphertext stealing', () => {
  const key = Buffer.from('chicken teriyaki');
  const text = "I would like the General Gau's Chicken, please, and wonton soup.";

  it.each([
    [17, 'c6353568f2bf8cb4d8a580362da7ff7f97'],
    [31, 'fc00783e0efdb2c1d445d4c8eff7ed2297687268d6ecccc0c07b25e25ecfe5'],
    [32, '39312523a78662d5be7fcbcc98ebf5a897687268d6ecccc0c07b25e25ecfe584'],
    [47, '97687268d6ecccc0c07b25e25ecfe584b3fffd940c16a18c1b5549d2f838029e39312523a78662d5be7fcbcc98ebf5'],
    [48, '97687268d6ecccc0c07b25e25ecfe5849dad8bbb96c4cdc03bc103e1a194bbd839312523a78662d5be7fcbcc98ebf5a8'],
    [
      64,
      '97687268d6ecccc0c07b25e25ecfe58439312523a78662d5be7fcbcc98ebf5a84807efe836ee89a526730dbc2f7bc8409dad8bbb96c4cdc03bc103e1a194bbd8',
    ],
  ])('of %d bytes, RFC 3962 B', (length, ciphertext) => {
    const plain = Buffer.from(text.slice(0, length));
    expect(encryptCts(cipherOf(17), key, plain).toString('hex')).toBe(ciphertext);
    expect(decryptCts(cipherOf(17), key, Buffer.from(ciphertext, 'hex'))).toEqual(plain);
  });

  it('of a single block is one block of plain CBC', () => {
    const plain = Buffer.from(text.slice(0, 16));
    expect(encryptCts(cipherOf(17), key, plain).toString('hex')).toBe('97687268d6ecccc0c07b25e25ecfe584');
    expect(decryptCts(cipherOf(17), key, encryptCts(cipherOf(17), key, plain))).toEqual(plain);
  });
});

describe('encryption', () => {
  it('makes the very bytes that a MIT client sent, given its confounder (PA-ENC-TIMESTAMP of our own recording)', () => {
    const key = Buffer.from('51b99718c07472f867642053105eaa03f73e63fe9e825427f02f60d06030c509', 'hex');
    const sent = Buffer.from(
      'e02fd821e469e0a481b3922556fdf84233e84f54a795440fee24c240d39f4698d264ff0eb2087fbafa4a24b1e76b813ab16346bd2987deca',
      'hex',
    );
    const confounder = decryptCts(cipherOf(18), usageKeys(18, key, 1).ke, sent.subarray(0, -12)).subarray(
      0,
      CONFOUNDER_BYTES,
    );
    const content = decrypt(18, key, 1, sent);
    expect(content.toString('hex')).toBe('301aa011180f32303236313132323130323930385aa105020304a874');
    expect(encrypt(18, key, 1, content, confounder)).toEqual(sent);
  });

  it('is undone by decryption, and is 28 bytes longer than the plaintext', () => {
    fc.assert(
      fc.property(etypeAndKey, usage, plaintext, bytes(CONFOUNDER_BYTES), ([etype, key], number, plain, confounder) => {
        const ciphertext = encrypt(etype, key, number, plain, confounder);
        expect(ciphertext).toHaveLength(plain.length + 28);
        expect(decrypt(etype, key, number, ciphertext)).toEqual(Buffer.from(plain));
      }),
    );
  });

  it('fails on any changed bit, any other key, usage or type, and any missing byte', () => {
    const scenario = fc.tuple(etypeAndKey, plaintext, bytes(CONFOUNDER_BYTES), fc.nat(), fc.nat(7));
    fc.assert(
      fc.property(scenario, ([[etype, key], plain, confounder, place, bit]) => {
        const ciphertext = encrypt(etype, key, 2, plain, confounder);
        const at = place % ciphertext.length;
        const flipped = ciphertext.map((byte, index) => (index === at ? byte ^ (1 << bit) : byte));
        const otherKey = key.map((byte, index) => (index === place % key.length ? byte ^ (1 << bit) : byte));
        expect(codeOf(() => decrypt(etype, key, 2, flipped))).toBe('KRB_AP_ERR_BAD_INTEGRITY');
        expect(codeOf(() => decrypt(etype, otherKey, 2, ciphertext))).toBe('KRB_AP_ERR_BAD_INTEGRITY');
        expect(codeOf(() => decrypt(etype, key, 3, ciphertext))).toBe('KRB_AP_ERR_BAD_INTEGRITY');
        expect(codeOf(() => decrypt(etype, key, 2, ciphertext.subarray(0, at)))).toBe('KRB_AP_ERR_BAD_INTEGRITY');
        expect(codeOf(() => decrypt(etype, key, 2, Buffer.concat([ciphertext, Buffer.of(bit)])))).toBe(
          'KRB_AP_ERR_BAD_INTEGRITY',
        );
      }),
    );
  });

  it('takes bytes of any kind for a ciphertext and throws nothing but the coded error', () => {
    fc.assert(
      fc.property(etypeAndKey, fc.uint8Array({ maxLength: 200 }), ([etype, key], noise) => {
        expect(codeOf(() => decrypt(etype, key, 1, noise))).toBe('KRB_AP_ERR_BAD_INTEGRITY');
      }),
    );
  });

  it.each([
    ['KDC_ERR_ETYPE_NOSUPP', () => encrypt(23, Buffer.alloc(16), 1, Buffer.alloc(1), Buffer.alloc(16))],
    ['KDC_ERR_ETYPE_NOSUPP', () => decrypt(20, Buffer.alloc(32), 1, Buffer.alloc(60))],
    ['KRB_KEY_LENGTH', () => encrypt(18, Buffer.alloc(16), 1, Buffer.alloc(1), Buffer.alloc(16))],
    ['KRB_KEY_LENGTH', () => decrypt(17, Buffer.alloc(32), 1, Buffer.alloc(60))],
    ['KRB_CONFOUNDER_LENGTH', () => encrypt(18, Buffer.alloc(32), 1, Buffer.alloc(1), Buffer.alloc(15))],
    ['KRB_KEY_USAGE', () => encrypt(18, Buffer.alloc(32), 0, Buffer.alloc(1), Buffer.alloc(16))],
    ['KRB_KEY_USAGE', () => encrypt(18, Buffer.alloc(32), 2 ** 32, Buffer.alloc(1), Buffer.alloc(16))],
    ['KRB_MESSAGE_TOO_LONG', () => encrypt(18, Buffer.alloc(32), 1, Buffer.alloc(1_048_577), Buffer.alloc(16))],
    ['KRB_MESSAGE_TOO_LONG', () => decrypt(18, Buffer.alloc(32), 1, Buffer.alloc(1_048_577))],
  ])('refuses what it was given wrongly with %s', (code, call) => {
    expect(codeOf(call)).toBe(code);
  });
});
