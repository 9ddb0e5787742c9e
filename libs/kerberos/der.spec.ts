import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { der, DerReader } from './der.js';
import { DerError, type DerErrorCode } from './kerberos.error.js';

const fromHex = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex');

function refusal(call: () => unknown): [DerErrorCode, number] | 'accepted' {
  try {
    call();
    return 'accepted';
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    return [error.code, error.offset];
  }
}

describe('DER', () => {
  it.each([
    [0, '02 01 00'],
    [127, '02 01 7f'],
    [128, '02 02 00 80'],
    [-1, '02 01 ff'],
    [-128, '02 01 80'],
    [-129, '02 02 ff 7f'],
    [32_768, '02 03 00 80 00'],
    [999_999, '02 03 0f 42 3f'],
    [-2_147_483_648, '02 04 80 00 00 00'],
  ])('writes and reads INTEGER %d as %s', (value, hex) => {
    expect(der.integer(value)).toEqual(fromHex(hex));
    expect(new DerReader(fromHex(hex)).integer()).toBe(value);
  });

  it.each([
    ['02 01', 'KRB_DER_TRUNCATED', 2],
    ['02', 'KRB_DER_TRUNCATED', 1],
    ['', 'KRB_DER_TRUNCATED', 0],
    ['04 01 00', 'KRB_DER_TAG', 0],
    ['02 00', 'KRB_DER_VALUE', 2],
    ['02 02 00 7f', 'KRB_DER_VALUE', 2],
    ['02 02 ff 80', 'KRB_DER_VALUE', 2],
    ['02 05 01 00 00 00 00', 'KRB_DER_VALUE', 2],
    ['02 80 01 00 00', 'KRB_DER_LENGTH', 1],
    ['02 81 01 00', 'KRB_DER_LENGTH', 1],
    ['02 82 00 81 00', 'KRB_DER_LENGTH', 1],
    ['02 85 01 00 00 00 00', 'KRB_DER_LENGTH', 1],
    ['02 84 ff ff ff ff', 'KRB_DER_TRUNCATED', 6],
    ['02 82 01', 'KRB_DER_TRUNCATED', 3],
  ])('refuses %j as an INTEGER', (hex, code, offset) => {
    expect(refusal(() => new DerReader(fromHex(hex)).integer())).toEqual([code, offset]);
  });

  it('counts offsets from the outermost byte', () => {
    const reader = new DerReader(fromHex('30 07 a0 03 02 01 05 05 00')).sequence();
    expect(reader.field(0).integer()).toBe(5);
    expect(refusal(() => reader.end())).toEqual(['KRB_DER_TRAILING', 7]);
    expect(refusal(() => reader.field(1))).toEqual(['KRB_DER_TAG', 7]);
  });

  it('refuses bytes that are not UTF-8 in a UTF8String, and keeps a byte order mark', () => {
    expect(refusal(() => new DerReader(fromHex('0c 02 c3 28')).utf8String())).toEqual(['KRB_DER_VALUE', 2]);
    expect(new DerReader(der.utf8String('\ufeffa')).utf8String()).toBe('\ufeffa');
  });

  it('refuses nesting and input over its bounds', () => {
    const nested = Array.from({ length: 18 }).reduce<Buffer>((inner) => der.sequence(inner), Buffer.alloc(0));
    const descend = (reader: DerReader, left: number): DerReader =>
      left === 0 ? reader : descend(reader.sequence(), left - 1);
    expect(refusal(() => descend(new DerReader(nested), 16))).toBe('accepted');
    expect(refusal(() => descend(new DerReader(nested), 17))).toEqual(['KRB_DER_TOO_DEEP', 34]);
    expect(refusal(() => new DerReader(Buffer.alloc(1_048_577)))).toEqual(['KRB_DER_TOO_LONG', 0]);
  });

  it('reads back what it writes, at every length form', () => {
    const sizes = fc.constantFrom(0, 1, 127, 128, 255, 256, 65_535, 65_536);
    fc.assert(
      fc.property(
        sizes,
        fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
        fc.string({ unit: 'binary' }),
        (size, number, text) => {
          const octets = Buffer.alloc(size, 0xa5);
          const message = der.sequence(
            der.octetString(octets),
            der.field(3, der.integer(number)),
            der.utf8String(text),
          );
          const reader = new DerReader(message).sequence();
          expect(reader.octetString().equals(octets)).toBe(true);
          expect(reader.optionalField(2)).toBeUndefined();
          expect(reader.optionalField(3)?.integer()).toBe(number);
          expect(reader.utf8String()).toBe(text);
          expect(refusal(() => reader.end())).toBe('accepted');
        },
      ),
    );
  });
});
