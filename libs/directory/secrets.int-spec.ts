/**
 * No secret leaves the key store: after a run through every command that carries one, refusals and failures included, the
 * whole database (all rows of all tables) and everything that was logged or thrown holds neither a password nor a key.
 */
import { createHash, randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Command } from '@nestjs/cqrs';
import { stringToKey } from '#kerberos';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { CreateAccount, DeleteAccount, RenameAccount, SetPassword } from './account/account.commands.js';
import { openDirectory, requestBy, type TestDirectory } from './directory.spec-support.js';
import { CreateForest } from './forest/forest.commands.js';
import { readKeyEncryptionKey } from './secret/key-encryption-key.js';
import { createKeyStore } from './secret/key-store.js';

const forest = 'corp.example';
const kekBase64 = randomBytes(32).toString('base64');
const passwords = ['correct horse battery', 'Pässwörd-№2', 'refused-and-lost', 'x'.repeat(1_025)];

let database: TestDatabase;
let directory: TestDirectory;
const told: string[] = [];

beforeAll(async () => {
  for (const stream of [process.stdout, process.stderr]) {
    const write = stream.write.bind(stream) as (chunk: string | Uint8Array) => boolean;
    jest.spyOn(stream, 'write').mockImplementation((chunk) => (told.push(String(chunk)), write(chunk)));
  }
  database = await createTestDatabase();
  directory = await openDirectory(database.pool, kekBase64);
});
afterAll(async () => {
  jest.restoreAllMocks();
  await directory.close();
  await database.drop();
});

/** Keeps what was thrown, with its causes and all its properties. */
async function attempt<Reply>(command: Command<Reply>): Promise<Reply | undefined> {
  return directory
    .execute(command)
    .catch((error: unknown) => void told.push(inspect(error, { depth: 10, showHidden: true })));
}

/** A secret as text might hold it. */
function spellings(secret: Uint8Array | string): string[] {
  const bytes = Buffer.from(secret as Uint8Array);
  const digest = createHash('sha256').update(bytes).digest();
  const encodings = ['hex', 'base64', 'base64url'] as const;
  const encoded = [bytes, digest].flatMap((of) =>
    encodings.map((encoding) => of.toString(encoding).replace(/=+$/, '')),
  );
  return [
    ...encoded,
    bytes.toString('hex').toUpperCase(),
    ...(typeof secret === 'string' ? [secret, JSON.stringify(secret).slice(1, -1)] : []),
  ];
}

async function wholeDatabase(): Promise<string> {
  const { rows: tables } = await database.adminPool.query<{ name: string }>(
    "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')",
  );
  const contents = tables.map(async ({ name }) => {
    const { rows } = await database.adminPool.query<{ line: string }>(`SELECT t::text AS line FROM ${name} t`);
    return rows.map(({ line }) => line).join('\n');
  });
  return (await Promise.all(contents)).join('\n');
}

describe('after a run with passwords', () => {
  it('neither events, receipts, wrapped keys, logs nor errors hold a password, a key or a digest of one', async () => {
    const [first, second, refused, tooLong] = passwords as [string, string, string, string];
    await attempt(new CreateForest(requestBy(), forest));
    const details = { forest, domain: forest, kind: 'user', samAccountName: 'alice' } as const;
    const request = requestBy();
    const created = await attempt(new CreateAccount(request, { ...details, password: first }));
    const account = created!.account;
    await attempt(new SetPassword(requestBy(), account, second));
    await attempt(new CreateAccount(requestBy(), { ...details, password: refused })); // the name is taken
    await attempt(new SetPassword(request, account, refused)); // the id is used
    await attempt(new SetPassword(requestBy({ actor: 'nobody', administers: 'none' }), account, refused));
    await attempt(new SetPassword(requestBy(), account, tooLong));
    await attempt(new RenameAccount(requestBy(), account, { samAccountName: 'alison' }));
    const doomed = await attempt(
      new CreateAccount(requestBy(), { ...details, samAccountName: 'doomed', password: first }),
    );
    await attempt(new DeleteAccount(requestBy(), doomed!.account));
    const otherKek = readKeyEncryptionKey(randomBytes(32).toString('base64'), 'test');
    await createKeyStore(database.pool, otherKek)
      .get(account, 1)
      .catch((error: unknown) => told.push(inspect(error, { depth: 10 })));

    const salts = ['CORP.EXAMPLEalice', 'CORP.EXAMPLEdoomed'];
    const keys = await Promise.all(
      [first, second, refused].flatMap((password) =>
        salts.flatMap((salt) => [18, 17].map((etype) => stringToKey(etype, password, salt))),
      ),
    );
    const stored = [...(await directory.keyStore.get(account, 1)).values()];
    expect(keys).toEqual(expect.arrayContaining(stored.map((key) => Buffer.from(key)))); // these are the keys in use

    const everything = `${await wholeDatabase()}\n${told.join('\n')}`;
    expect(everything).toContain('PasswordChanged');
    expect(everything).toContain('DIR_PASSWORD_INVALID');
    expect(everything).toContain('KEY_UNWRAP_FAILED');
    const secrets = [...passwords, ...keys, Buffer.from(kekBase64, 'base64')];
    expect(secrets.flatMap(spellings).filter((spelling) => everything.includes(spelling))).toEqual([]);
  });
});
