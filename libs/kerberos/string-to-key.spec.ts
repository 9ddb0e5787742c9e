import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { deriveKey, stringToKey } from './derive-key.js';
import { KerberosError } from './kerberos.error.js';
import { nFold } from './n-fold.js';

describe('n-fold', () => {
  it.each([
    ['012345', 64, 'be072631276b1955'],
    ['password', 56, '78a07b6caf85fa'],
    ['Rough Consensus, and Running Code', 64, 'bb6ed30870b7f0e0'],
    ['password', 168, '59e4a8ca7c0385c3c37b3f6d2000247cb6e6bd5b3e'],
    ['MASSACHVSETTS INSTITVTE OF TECHNOLOGY', 192, 'db3b0d8f0b061e603282b308a50841229ad798fab9540c1b'],
    ['Q', 168, '518a54a215a8452a518a54a215a8452a518a54a215'],
    ['ba', 168, 'fb25d531ae8974499f52fd92ea9857c4ba24cf297e'],
    ['kerberos', 64, '6b65726265726f73'],
    ['kerberos', 128, '6b65726265726f737b9b5b2b93132b93'],
    ['kerberos', 168, '8372c236344e5f1550cd0747e15d62ca7a5a3bcea4'],
    ['kerberos', 256, '6b65726265726f737b9b5b2b93132b935c9bdcdad95c9899c4cae4dee6d6cae4'],
  ])('of %j to %d bits, RFC 3961 A.1', (text, bits, folded) => {
    expect(nFold(Buffer.from(text), bits / 8).toString('hex')).toBe(folded);
  });

  it('leaves an input of the wanted length as it is', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), (input) => {
        expect(nFold(input, input.length)).toEqual(Buffer.from(input));
      }),
    );
  });
});

describe('string-to-key', () => {
  const X64 = 'X'.repeat(64);
  const G_CLEF = '\u{1d11e}';

  it.each([
    [
      1,
      'password',
      'ATHENA.MIT.EDUraeburn',
      '42263c6e89f4fc28b8df68ee09799f15',
      'fe697b52bc0d3ce14432ba036a92e65bbb52280990a2fa27883998d72af30161',
    ],
    [
      2,
      'password',
      'ATHENA.MIT.EDUraeburn',
      'c651bf29e2300ac27fa469d693bdda13',
      'a2e16d16b36069c135d5e9d2e25f896102685618b95914b467c67622225824ff',
    ],
    [
      1200,
      'password',
      'ATHENA.MIT.EDUraeburn',
      '4c01cd46d632d01e6dbe230a01ed642a',
      '55a6ac740ad17b4846941051e1e8b0a7548d93b0ab30a8bc3ff16280382b8c2a',
    ],
    [
      5,
      'password',
      '\x12\x34\x56\x78\x78\x56\x34\x12',
      'e9b23d52273747dd5c35cb55be619d8e',
      '97a4e786be20d81a382d5ebc96d5909cabcdadc87ca48f574504159f16c36e31',
    ],
    [
      1200,
      X64,
      'pass phrase equals block size',
      '59d1bb789a828b1aa54ef9c2883f69ed',
      '89adee3608db8bc71f1bfbfe459486b05618b70cbae22092534e56c553ba4b34',
    ],
    [
      1200,
      `${X64}X`,
      'pass phrase exceeds block size',
      'cb8005dc5f90179a7f02104c0018751d',
      'd78c5c9cb872a8c9dad4697f0bb5b2d21496c82beb2caeda2112fceea057401b',
    ],
    [
      50,
      G_CLEF,
      'EXAMPLE.COMpianist',
      'f149c1f2e154a73452d43e7fe62a56e5',
      '4b6d9839f84406df1f09cc166db4b83c571848b784a3d6bdc346589a3e393f9e',
    ],
  ])('with %d iterations of %j, RFC 3962 B', async (iterations, password, salt, key128, key256) => {
    expect((await stringToKey(17, password, salt, iterations)).toString('hex')).toBe(key128);
    expect((await stringToKey(18, password, salt, iterations)).toString('hex')).toBe(key256);
  });

  it('with the default count gives the keys that a MIT KDC made from the same password (our own recording)', async () => {
    const keyOf = async (etype: number): Promise<string> =>
      (await stringToKey(etype, 'Password-alice', 'AUDIT.TESTalice')).toString('hex');
    expect(await keyOf(18)).toBe('51b99718c07472f867642053105eaa03f73e63fe9e825427f02f60d06030c509');
    expect(await keyOf(17)).toBe('888e2d1649d2b783c5013ac2128be0ce');
  });

  it.each([
    ['an iteration count of zero', 'pw', 'salt', 0],
    ['a fraction of an iteration', 'pw', 'salt', 1.5],
    ['more iterations than a server may be asked for', 'pw', 'salt', 100_001],
    ['an endless password', 'p'.repeat(5_000), 'salt', 1],
    ['an endless salt', 'pw', 's'.repeat(5_000), 1],
  ])('refuses %s without repeating it', async (_what, password, salt, iterations) => {
    const refused = stringToKey(18, password, salt, iterations);
    await expect(refused).rejects.toThrow(expect.objectContaining({ code: 'KRB_STRING_TO_KEY' }));
    await expect(refused).rejects.not.toThrow(/pppp|ssss/);
  });

  it('refuses an encryption type it cannot compute, by name', async () => {
    await expect(stringToKey(23, 'pw', 'salt')).rejects.toThrow(
      'Encryption type 23 (rc4-hmac) is not supported: use one of 18, 17',
    );
    await expect(stringToKey(99, 'pw', 'salt')).rejects.toThrow(KerberosError);
  });
});

describe('key derivation', () => {
  it('refuses a key of another length', () => {
    expect(() => deriveKey(18, Buffer.alloc(16), Buffer.from('kerberos'))).toThrow(
      expect.objectContaining({ code: 'KRB_KEY_LENGTH' }),
    );
  });
});
