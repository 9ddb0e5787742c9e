/** Wrapping under the key-encryption key, its file, and the log's name key. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { loadKeyEncryptionKeyFile, readKeyEncryptionKey } from './key-encryption-key.js';
import { nameKeyOf } from './name-key.js';

const newKek = () => readKeyEncryptionKey(randomBytes(32).toString('base64'), 'test');

describe('a wrapped key', () => {
  const kek = newKek();
  const key = randomBytes(32);
  const wrapped = kek.wrap(key, 'account a/1/18');

  it('opens under the same key and label, and every wrap is another text', () => {
    expect(kek.unwrap(wrapped, 'account a/1/18')).toEqual(key);
    expect(kek.wrap(key, 'account a/1/18')).not.toEqual(wrapped);
    expect(wrapped.includes(key)).toBe(false);
  });

  it('opens nowhere else: not for another account, not under another key, not damaged, not cut', () => {
    const failure = expect.objectContaining({ code: 'KEY_UNWRAP_FAILED' });
    expect(() => kek.unwrap(wrapped, 'account b/1/18')).toThrow(failure);
    expect(() => newKek().unwrap(wrapped, 'account a/1/18')).toThrow(failure);
    for (let at = 0; at < wrapped.length; at++) {
      const damaged = Buffer.from(wrapped);
      damaged[at]! ^= 1;
      expect(() => kek.unwrap(damaged, 'account a/1/18')).toThrow(failure);
      expect(() => kek.unwrap(wrapped.subarray(0, at), 'account a/1/18')).toThrow(failure);
    }
  });
});

describe('the key-encryption key', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kek-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('is 32 bytes of base64 and nothing else; the error does not show what was given', () => {
    for (const text of [
      '',
      'secret-password',
      randomBytes(31).toString('base64'),
      randomBytes(33).toString('base64'),
      'é'.repeat(43),
    ]) {
      expect(() => readKeyEncryptionKey(text, 'KERBTRAIL_KEK')).toThrow(
        'KERBTRAIL_KEK does not hold a key-encryption key: it must be the base64 of exactly 32 bytes',
      );
    }
  });

  it('is made once, readable for its owner only, and is the same for processes that start together', async () => {
    const file = join(folder, 'kek');
    const keys = await Promise.all(Array.from({ length: 5 }, () => loadKeyEncryptionKeyFile(file)));
    expect(new Set(keys.map(({ fingerprint }) => fingerprint)).size).toBe(1);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await readFile(file, 'utf8')).trim()).toBe(keys[0]!.export());
  });

  it('is never replaced when its file is broken', async () => {
    const file = join(folder, 'broken');
    await writeFile(file, 'not a key');
    await expect(loadKeyEncryptionKeyFile(file)).rejects.toMatchObject({ code: 'KEY_ENCRYPTION_KEY_INVALID' });
    expect(await readFile(file, 'utf8')).toBe('not a key');
  });

  it('has a fingerprint that tells keys apart and is no part of them', () => {
    const [a, b] = [newKek(), newKek()];
    expect(a.fingerprint).toMatch(/^[0-9a-f]{32}$/);
    expect(a.fingerprint).not.toBe(b.fingerprint);
    expect(readKeyEncryptionKey(a.export(), 'again').fingerprint).toBe(a.fingerprint);
  });
});

describe('the name key', () => {
  it('hides names, and digests requests under another key than names', () => {
    const key = nameKeyOf(randomBytes(32));
    expect(key.hmac('alice')).toMatch(/^[0-9a-f]{64}$/);
    expect(key.hmac('alice')).not.toBe(nameKeyOf(randomBytes(32)).hmac('alice'));
    expect(key.requestDigest({ a: 1, b: 2 })).toEqual(key.requestDigest({ b: 2, a: 1 }));
    expect(key.requestDigest({ a: 1 })).not.toEqual(key.requestDigest({ a: 2 }));
    expect(key.requestDigest({ a: 1 }).toString('hex')).not.toBe(key.hmac('{"a":1}'));
  });
});
