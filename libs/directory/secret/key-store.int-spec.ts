/** Keys in schema `secret`: who gets which version, what can be read back, and what a sweep leaves. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { CreateAccount, DeleteAccount, SetPassword } from '../account/account.commands.js';
import { openDirectory, requestBy, type TestDirectory } from '../directory.spec-support.js';
import { CreateForest } from '../forest/forest.commands.js';
import { readKeyEncryptionKey } from './key-encryption-key.js';
import { createKeyStore } from './key-store.js';
import { createNameKey, readNameKey } from './name-key.js';
import { sweepKeys } from './sweep-keys.js';

let database: TestDatabase;
let directory: TestDirectory;
const forest = 'corp.example';

beforeAll(async () => {
  database = await createTestDatabase();
  directory = await openDirectory(database.pool);
  await directory.execute(new CreateForest(requestBy(), forest));
});
afterAll(async () => {
  await directory.close();
  await database.drop();
});

const newKeys = () =>
  new Map([
    [18, randomBytes(32)],
    [17, randomBytes(16)],
  ]);
const newKek = () => readKeyEncryptionKey(randomBytes(32).toString('base64'), 'test');
const newAccount = async (samAccountName: string) => {
  const command = new CreateAccount(requestBy(), {
    forest,
    domain: forest,
    kind: 'user',
    samAccountName,
    password: 'p',
  });
  return (await directory.execute(command)).account;
};

describe('the key store', () => {
  it('gives every writer a version of its own, above the one it knows', async () => {
    const { keyStore } = directory;
    const versions = await Promise.all(Array.from({ length: 8 }, () => keyStore.put('many', 0, newKeys())));
    expect(versions.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(await keyStore.put('many', 20, newKeys())).toBe(21);
  });

  it('gives back what was put, of that version only', async () => {
    const keys = newKeys();
    const kvno = await directory.keyStore.put('one', 0, keys);
    expect(await directory.keyStore.get('one', kvno)).toEqual(keys);
    expect(await directory.keyStore.get('one', kvno + 1)).toEqual(new Map());
  });

  it('holds no key in clear, and opens under its key-encryption key only', async () => {
    const keys = newKeys();
    await directory.keyStore.put('clear', 0, keys);
    const { rows } = await database.pool.query<{ wrapped: Buffer[] }>(
      "SELECT wrapped FROM secret.account_key WHERE account = 'clear'",
    );
    for (const key of keys.values()) expect(Buffer.concat(rows[0]!.wrapped).includes(key)).toBe(false);
    await expect(createKeyStore(database.pool, newKek()).get('clear', 1)).rejects.toMatchObject({
      code: 'KEY_UNWRAP_FAILED',
    });
  });

  it('binds a wrapped key to its account, version and type', async () => {
    await directory.keyStore.put('mallory', 0, newKeys());
    await directory.keyStore.put('victim', 0, newKeys());
    await database.adminPool.query(
      "UPDATE secret.account_key SET wrapped = (SELECT wrapped FROM secret.account_key WHERE account = 'mallory') WHERE account = 'victim'",
    );
    await expect(directory.keyStore.get('victim', 1)).rejects.toMatchObject({ code: 'KEY_UNWRAP_FAILED' });
  });

  it("lets the program insert and delete accounts' keys, update nothing, and keep the log's key for ever", async () => {
    const refused = { code: '42501' };
    await expect(database.pool.query('UPDATE secret.account_key SET kvno = 9')).rejects.toMatchObject(refused);
    await expect(database.pool.query('DELETE FROM secret.log_key')).rejects.toMatchObject(refused);
    await expect(database.pool.query("UPDATE secret.log_key SET wrapped = ''")).rejects.toMatchObject(refused);
  });
});

describe('the name key', () => {
  it('is made once, for processes that start together too', async () => {
    const keys = await Promise.all(
      Array.from({ length: 4 }, () => createNameKey(database.pool, directory.kek, randomBytes)),
    );
    expect(new Set(keys.map(({ fingerprint }) => fingerprint))).toEqual(new Set([directory.nameKey.fingerprint]));
    await expect(readNameKey(database.pool, newKek())).rejects.toMatchObject({ code: 'KEY_UNWRAP_FAILED' });
  });
});

describe('a sweep after a crash', () => {
  const { keys } = { keys: newKeys() };
  const versionsOf = async (account: string) => {
    const { rows } = await database.pool.query<{ kvno: number }>(
      'SELECT kvno FROM secret.account_key WHERE account = $1 ORDER BY kvno',
      [account],
    );
    return rows.map(({ kvno }) => kvno);
  };
  const age = (account: string) =>
    database.adminPool.query(
      "UPDATE secret.unsettled_key SET created_at = created_at - interval '25 hours' WHERE account = $1",
      [account],
    );

  it('keeps what an event names and removes what none can name any more', async () => {
    const account = await newAccount('crashed');
    const superseded = await directory.keyStore.put(account, 1, keys); // before its event
    await directory.execute(new SetPassword(requestBy(), account, 'next'));
    await directory.keyStore.unsettle(account); // as if the process had died before settling
    await sweepKeys(directory.store, directory.keyStore);
    expect(superseded).toBe(2);
    expect(await versionsOf(account)).toEqual([1, 3]);
    const left = await directory.keyStore.unsettled(1_000);
    expect(left.filter((version) => version.account === account)).toEqual([]);
  });

  it('leaves a version that a process may be about to name, for a day', async () => {
    const account = await newAccount('in-flight');
    await directory.keyStore.put(account, 1, keys);
    await directory.keyStore.put('never-created', 0, keys);
    await sweepKeys(directory.store, directory.keyStore);
    expect(await versionsOf(account)).toEqual([1, 2]);
    expect(await versionsOf('never-created')).toEqual([1]);
    await Promise.all([age(account), age('never-created')]);
    await sweepKeys(directory.store, directory.keyStore);
    expect(await versionsOf(account)).toEqual([1]);
    expect(await versionsOf('never-created')).toEqual([]);
  });

  it('finishes a deletion', async () => {
    const account = await newAccount('deleted');
    await directory.execute(new DeleteAccount(requestBy(), account));
    await directory.keyStore.put(account, 1, keys);
    await sweepKeys(directory.store, directory.keyStore);
    expect(await versionsOf(account)).toEqual([]);
  });
});
