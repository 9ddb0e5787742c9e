import { describe, expect, it } from '@jest/globals';
import { encryptionType, SUPPORTED_ENCRYPTION_TYPES } from './encryption-types.js';
import { errorByName, errorByNumber } from './error-codes.js';
import { KEY_USAGE } from './key-usage.js';

describe('encryption types', () => {
  it.each([
    [18, 'aes256-cts-hmac-sha1-96', false],
    [17, 'aes128-cts-hmac-sha1-96', false],
    [20, 'aes256-cts-hmac-sha384-192', false],
    [23, 'rc4-hmac', true],
    [3, 'des-cbc-md5', true],
    [1, 'des-cbc-crc', true],
  ])('%d is %s', (number, name, weak) => {
    expect(encryptionType(number)).toMatchObject({ number, name, weak });
    expect(encryptionType(name.toUpperCase())).toBe(encryptionType(number));
  });

  it.each([
    ['arcfour-hmac-md5', 23],
    ['arcfour-hmac', 23],
    ['aes256-cts', 18],
    ['des3-hmac-sha1', 16],
  ])('%s is another name of %d', (name, number) => {
    expect(encryptionType(name)?.number).toBe(number);
  });

  it('that the registry does not have are undefined', () => {
    for (const id of [0, 21, 99, -1, 'constructor', '', '18']) expect(encryptionType(id)).toBeUndefined();
  });

  it('named from 1 to 24 except the two that nobody assigned', () => {
    const numbers = Array.from({ length: 24 }, (_, index) => index + 1).filter((number) => encryptionType(number));
    expect(numbers).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 23, 24]);
  });

  it('that can be computed with are strong, the best first', () => {
    expect(SUPPORTED_ENCRYPTION_TYPES).toEqual([18, 17]);
    for (const number of SUPPORTED_ENCRYPTION_TYPES) expect(encryptionType(number)?.weak).toBe(false);
  });
});

describe('error codes', () => {
  it.each([
    [7, 'KDC_ERR_S_PRINCIPAL_UNKNOWN'],
    [25, 'KDC_ERR_PREAUTH_REQUIRED'],
    [41, 'KRB_AP_ERR_MODIFIED'],
    [51, 'KRB_AP_PATH_NOT_ACCEPTED'],
    [60, 'KRB_ERR_GENERIC'],
    [62, 'KDC_ERROR_CLIENT_NOT_TRUSTED'],
  ])('%d is %s, in the krb5 libraries too', (number, name) => {
    expect(errorByNumber(number)?.name).toBe(name);
    expect(errorByNumber(number - 1_765_328_384)?.name).toBe(name);
    expect(errorByName(name)?.number).toBe(number);
  });

  // Spellings found in our recordings of Samba, Heimdal and MIT, and in MIT's error table.
  it.each([
    ['ERR_S_PRINCIPAL_UNKNOWN', 7],
    ['KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN', 6],
    ['KRB5KRB_AP_ERR_MODIFIED', 41],
    ['ERR_KEY_EXPIRED', 23],
    ['KRB5KDC_ERR_KEY_EXP', 23],
    ['krb_ap_err_skew', 37],
    ['KDC_ERR_CLIENT_NOT_TRUSTED', 62],
  ])('%s is %d', (name, number) => {
    expect(errorByName(name)?.number).toBe(number);
  });

  it.each([30, 53, 70, -1, NaN, -1_765_328_385, -1_765_328_384 + 128])('%d is none', (number) => {
    expect(errorByNumber(number)).toBeUndefined();
  });

  it.each(['', 'KDC_', 'constructor', 'S_PRINCIPAL_UNKNOWN'])('%j is no name of one', (name) => {
    expect(errorByName(name)).toBeUndefined();
  });

  it('say which belong to a healthy exchange', () => {
    const routine = Array.from({ length: 70 }, (_, number) => errorByNumber(number)).filter((row) => row?.routine);
    expect(routine.map((row) => row?.number)).toEqual([0, 25, 52]);
  });

  it('have one meaning and one name each, from 0 to 69', () => {
    const rows = Array.from({ length: 70 }, (_, number) => errorByNumber(number)).filter((row) => row !== undefined);
    expect(rows).toHaveLength(62);
    expect(new Set(rows.map((row) => row.name)).size).toBe(62);
    expect(new Set(rows.map((row) => row.meaning)).size).toBe(62);
  });
});

describe('key usages', () => {
  it('are distinct, and the challenge uses a number left to applications', () => {
    const numbers = Object.values(KEY_USAGE);
    expect(new Set(numbers).size).toBe(numbers.length);
    expect(KEY_USAGE.CHALLENGE).toBeGreaterThanOrEqual(1_024);
  });
});
