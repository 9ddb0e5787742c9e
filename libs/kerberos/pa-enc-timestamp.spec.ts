import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { stringToKey } from './derive-key.js';
import { encrypt } from './encryption.js';
import { DerError, KerberosError } from './kerberos.error.js';
import { KEY_USAGE } from './key-usage.js';
import { microsToInstant, parseKerberosTime, printKerberosTime } from './kerberos-time.js';
import { decodePaEncTsEnc, encodePaEncTsEnc, makeProof, openProof } from './pa-enc-timestamp.js';

const YEAR_0 = -62_167_219_200_000_000n;
const YEAR_10000 = 253_402_300_800_000_000n;
const micros = fc.bigInt({ min: YEAR_0, max: YEAR_10000 - 1n });

describe('KerberosTime', () => {
  it.each([
    [0n, '19700101000000Z', '1970-01-01T00:00:00.000000Z'],
    [1_795_343_348_311_697n, '20261122102908Z', '2026-11-22T10:29:08.311697Z'],
    [-1n, '19691231235959Z', '1969-12-31T23:59:59.999999Z'],
    [YEAR_0, '00000101000000Z', '0000-01-01T00:00:00.000000Z'],
    [YEAR_10000 - 1n, '99991231235959Z', '9999-12-31T23:59:59.999999Z'],
  ])('of %d microseconds is %s, the instant %s', (value, time, instant) => {
    expect(printKerberosTime(value)).toBe(time);
    expect(microsToInstant(value)).toBe(instant);
  });

  it.each([
    '',
    '2026112210290Z',
    '20261122102908',
    '20261122102908.5Z',
    '20261322102908Z',
    '20260230102908Z',
    '20261122106008Z',
    '20261122102960Z',
    '20261122102908+0000',
    '20261122 02908Z',
  ])('is not %j', (text) => {
    expect(parseKerberosTime(text)).toBeUndefined();
  });

  it('is read back to the whole second', () => {
    fc.assert(
      fc.property(micros, (value) => {
        const second = parseKerberosTime(printKerberosTime(value)) ?? NaN;
        expect(second).toBe(value - (((value % 1_000_000n) + 1_000_000n) % 1_000_000n));
      }),
    );
  });

  it.each([YEAR_0 - 1n, YEAR_10000])('has no form for %d', (value) => {
    expect(() => microsToInstant(value)).toThrow(expect.objectContaining({ code: 'KRB_TIME_RANGE' }));
  });
});

describe('PA-ENC-TS-ENC', () => {
  const golden = '301aa011180f32303236313132323130323930385aa105020304c191';

  it('has the bytes that its grammar says', () => {
    expect(encodePaEncTsEnc(1_795_343_348_311_697n).toString('hex')).toBe(golden);
    expect(decodePaEncTsEnc(Buffer.from(golden, 'hex'))).toBe(1_795_343_348_311_697n);
  });

  it('may leave the microseconds out', () => {
    expect(decodePaEncTsEnc(Buffer.from('3013a011180f32303236313132323130323930385a', 'hex'))).toBe(
      1_795_343_348_000_000n,
    );
  });

  it.each([
    ['microseconds over 999999', '301aa011180f32303236313132323130323930385aa10502030f4240'],
    ['negative microseconds', '3018a011180f32303236313132323130323930385aa1030201ff'],
    ['a thirteenth month', '3013a011180f32303236313332323130323930385a'],
    ['a field that does not belong', '3018a011180f32303236313132323130323930385aa203020101'],
    ['bytes after the end', '3013a011180f32303236313132323130323930385a00'],
    ['two values in the time field', '3015a013180f32303236313132323130323930385a0500'],
    ['no time', '3005a103020101'],
  ])('does not have %s', (_what, hex) => {
    expect(() => decodePaEncTsEnc(Buffer.from(hex, 'hex'))).toThrow(DerError);
  });

  it('is read back from its bytes; a cut or a changed byte is a DerError or another time', () => {
    fc.assert(
      fc.property(micros, fc.nat(25), fc.nat(255), (value, at, octet) => {
        const bytes = encodePaEncTsEnc(value);
        expect(decodePaEncTsEnc(bytes)).toBe(value);
        expect(() => decodePaEncTsEnc(bytes.subarray(0, at % bytes.length))).toThrow(DerError);
        bytes[at % bytes.length] = octet;
        expect(outcome(() => decodePaEncTsEnc(bytes))).toMatch(/^(bigint|DerError)$/);
      }),
    );
  });

  it('takes bytes of any kind and throws nothing but the coded error', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (noise) => {
        expect(outcome(() => decodePaEncTsEnc(noise))).toBe('DerError');
      }),
    );
  });

  function outcome(call: () => unknown): string {
    try {
      return typeof call();
    } catch (error) {
      return error instanceof DerError ? 'DerError' : String(error);
    }
  }
});

describe('a proof', () => {
  // PA-ENC-TIMESTAMPs of our own recordings: clients of alice@AUDIT.TEST, password Password-alice, etype 18.
  it.each([
    [
      'MIT kinit',
      'e02fd821e469e0a481b3922556fdf84233e84f54a795440fee24c240d39f4698d264ff0eb2087fbafa4a24b1e76b813ab16346bd2987deca',
      '2026-11-22T10:29:08.305268Z',
    ],
    [
      'MIT kinit with its clock 20 minutes ahead',
      '76f363e6a50e63d56a4607be594bcdef7c5344f083227fad67fb816ad8a4982df602d2dc05ce46b9492d68889898c7b0027ee34b3e718b38',
      '2026-11-22T10:50:51.402353Z',
    ],
    [
      'MIT kinit with few microseconds',
      'a4dd4b82833afd83116b1cbc7464d90d5fde4a228b57ebbcf3d8f5acc8dd2308f496d01fd787df4d981409e24d476a31106bec92b0b7e6',
      '2026-11-22T10:35:20.008078Z',
    ],
    [
      'Heimdal kinit',
      '03c833ae31ad3045be23b60dab3da23c00beb0f338687f744f5e426f4257b2fa161fbec9df622d2b518971e0bbd0b2df8e86c329093e7b1c',
      '2026-11-22T10:38:10.567086Z',
    ],
    [
      'gokrb5',
      '6574d2e7526154e24ffd0924f75823b7f20ed9dcb0d888560bcf161dfced7f658c265538cac113edfa915021af3ad2cd3a84822d32be997c',
      '2026-11-22T10:39:07.351109Z',
    ],
    [
      'Java',
      'c2e82c4aa085586436290766393f108e1bacc323eba554dbaf2b94e2156a81f10eaa1fd5f89fbab7cf41f4ed54acd12c491b0ecb2af263fc',
      '2026-11-22T10:39:13.684359Z',
    ],
  ])('of %s opens with the key of the password', async (_client, hex, instant) => {
    const key = await stringToKey(18, 'Password-alice', 'AUDIT.TESTalice');
    expect(openProof(18, key, Buffer.from(hex, 'hex'))).toBe(instant);
  });

  it('made with a wrong password does not open (our own recording)', async () => {
    const key = await stringToKey(18, 'Password-alice', 'AUDIT.TESTalice');
    const wrong = Buffer.from(
      '8ec05860e4988b9d3156e3f7eb4f7ab31db4fe4e5138ca61b68f0997150654571f01d171349830799829e7a786a7ddfbc8dfd32097622e5e',
      'hex',
    );
    expect(() => openProof(18, key, wrong)).toThrow(expect.objectContaining({ code: 'KRB_AP_ERR_BAD_INTEGRITY' }));
  });

  it('opens with the key it was made with, to the microsecond, and with no other', async () => {
    const alice = await stringToKey(17, 'correct horse', 'CORP.EXAMPLEalice', 1);
    const bob = await stringToKey(17, 'correct horse', 'CORP.EXAMPLEbob', 1);
    fc.assert(
      fc.property(micros, fc.uint8Array({ minLength: 16, maxLength: 16 }), (nowMicros, confounder) => {
        const proof = makeProof({ etype: 17, key: alice, confounder, nowMicros });
        expect(openProof(17, alice, proof)).toBe(microsToInstant(nowMicros));
        expect(() => openProof(17, bob, proof)).toThrow(KerberosError);
      }),
    );
  });

  it('is neither a message of another usage nor anything but a timestamp', () => {
    const key = Buffer.alloc(32, 7);
    const confounder = Buffer.alloc(16);
    const ticket = encrypt(18, key, KEY_USAGE.KDC_REP_TICKET, encodePaEncTsEnc(0n), confounder);
    const text = encrypt(18, key, KEY_USAGE.AS_REQ_PA_ENC_TIMESTAMP, Buffer.from('10:29:08'), confounder);
    expect(() => openProof(18, key, ticket)).toThrow(expect.objectContaining({ code: 'KRB_AP_ERR_BAD_INTEGRITY' }));
    expect(() => openProof(18, key, text)).toThrow(expect.objectContaining({ code: 'KRB_DER_TAG' }));
  });
});
