/** The directory's commands on a real log: what is recorded, who is found, what is refused, what a retry gets. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RecordedEvent } from '#event-store';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import {
  CreateAccount,
  DeleteAccount,
  DisableAccount,
  EnableAccount,
  RenameAccount,
  SetPassword,
  type AccountDetails,
} from './account/account.commands.js';
import { openDirectory, requestBy, type TestDirectory } from './directory.spec-support.js';
import { delegate, itself } from './facts.spec-support.js';
import { AddDomain, ChangePolicy, CreateForest } from './forest/forest.commands.js';
import { accountStream, forestStream, loadAccount, loadForest, lookupClientByPrincipal, lookupSpn } from './load.js';
import { RegisterSpns, RemoveSpns, ReplaceSpns } from './spn/spn-write.commands.js';

let database: TestDatabase;
let directory: TestDirectory;

beforeAll(async () => {
  database = await createTestDatabase();
  directory = await openDirectory(database.pool);
});
afterAll(async () => {
  await directory.close();
  await database.drop();
});

const load = (stream: string): Promise<RecordedEvent[]> => directory.store.readStream(stream);
const refusal = (code: string) => ({ name: 'DirectoryRefusal', code });

/** A forest of its own for a test. */
async function newForest(): Promise<string> {
  const { forest } = await directory.execute(
    new CreateForest(requestBy(), `f${randomUUID().slice(0, 8)}.example`, `N${randomUUID().slice(0, 8)}`),
  );
  return forest;
}

async function newAccount(
  forest: string,
  samAccountName: string,
  details: Partial<AccountDetails> = {},
): Promise<string> {
  const kind = samAccountName.endsWith('$') ? 'computer' : 'user';
  const created = await directory.execute(
    new CreateAccount(requestBy(), { forest, domain: forest, kind, samAccountName, ...details }),
  );
  return created.account;
}

const register = (account: string, ...spns: string[]) =>
  directory.execute(new RegisterSpns(requestBy(), account, spns));
const holdersOf = async (forest: string, spn: string) => lookupSpn(load, (await loadForest(load, forest))!, spn);
const typesOf = async (stream: string) => (await load(stream)).map(({ type }) => type);

describe('forests', () => {
  it('have domains that belong to one forest, forest-wide and between forests', async () => {
    const forest = await newForest();
    const other = await newForest();
    await directory.execute(new AddDomain(requestBy(), forest, `emea.${forest}`));
    expect(await loadForest(load, forest)).toMatchObject({
      domains: [{ domain: forest }, { domain: `emea.${forest}` }],
    });
    await expect(directory.execute(new AddDomain(requestBy(), other, `emea.${forest}`))).rejects.toMatchObject(
      refusal('DIR_DOMAIN_EXISTS'),
    );
    await expect(directory.execute(new CreateForest(requestBy(), `emea.${forest}`))).rejects.toMatchObject(
      refusal('DIR_DOMAIN_EXISTS'),
    );
    await expect(directory.execute(new CreateForest(requestBy(), forest))).rejects.toMatchObject(
      refusal('DIR_FOREST_EXISTS'),
    );
  });

  it('are changed by their administrators only, and observed ones by nobody', async () => {
    const forest = await newForest();
    const caller = { actor: 'kim', administers: { forest, domains: [forest] } };
    await expect(directory.execute(new ChangePolicy(requestBy(caller), forest, {}))).rejects.toMatchObject({
      ...refusal('DIR_FORBIDDEN'),
      kind: 'forbidden',
    });
    await expect(directory.execute(new ChangePolicy(requestBy(), 'observed:lab.example', {}))).rejects.toMatchObject(
      refusal('DIR_FOREST_OBSERVED'),
    );
    await expect(directory.execute(new ChangePolicy(requestBy(), 'none.example', {}))).rejects.toMatchObject(
      refusal('DIR_FOREST_UNKNOWN'),
    );
    await directory.execute(new ChangePolicy(requestBy(), forest, { enforcement: 'audit' }));
    expect(await typesOf(forestStream(forest))).toEqual(['ForestCreated', 'DomainAdded', 'PolicyChanged']);
  });
});

describe('accounts', () => {
  it('are found as clients by UPN and by sAMAccountName, computers also without the $', async () => {
    const forest = await newForest();
    const state = (await loadForest(load, forest))!;
    const find = (name: string) => lookupClientByPrincipal(load, directory.nameKey, state, name);
    const alice = await newAccount(forest, 'alice', { userPrincipalName: `a.smith@mail.${forest}` });
    const web1 = await newAccount(forest, 'WEB1$');
    for (const name of [`A.Smith@mail.${forest}`, `alice@${forest.toUpperCase()}`, 'ALICE'])
      expect(await find(name)).toEqual({ outcome: 'found', accounts: [alice] });
    for (const name of [`web1@${forest}`, 'WEB1$'])
      expect(await find(name)).toEqual({ outcome: 'found', accounts: [web1] });
    for (const name of ['bob', 'alice@else.example', `mail@${forest}`])
      expect(await find(name)).toMatchObject({ outcome: 'unknown' });
  });

  it('cannot take the name of another: not its sAMAccountName, not its UPN, not one through the other', async () => {
    const forest = await newForest();
    await newAccount(forest, 'alice', { userPrincipalName: `alison@${forest}` });
    await expect(newAccount(forest, 'ALICE')).rejects.toMatchObject(refusal('DIR_NAME_TAKEN'));
    await expect(newAccount(forest, 'bob', { userPrincipalName: `Alison@${forest}` })).rejects.toMatchObject(
      refusal('DIR_NAME_TAKEN'),
    );
    await expect(newAccount(forest, 'bob', { userPrincipalName: `alice@${forest}` })).rejects.toMatchObject(
      refusal('DIR_NAME_TAKEN'),
    );
    await expect(newAccount(forest, 'alison')).rejects.toMatchObject(refusal('DIR_NAME_TAKEN'));
  });

  it('that share a name where the profile lets them are ambiguous, so nobody logs on as another', async () => {
    const forest = await newForest();
    await directory.execute(new ChangePolicy(requestBy(), forest, { ruleProfile: 'permissive' }));
    await newAccount(forest, 'alice');
    await newAccount(forest, 'mallory', { userPrincipalName: `alice@${forest}` });
    const state = (await loadForest(load, forest))!;
    expect(await lookupClientByPrincipal(load, directory.nameKey, state, `alice@${forest}`)).toMatchObject({
      outcome: 'ambiguous',
    });
  });

  it('have keys per password: versions rise, each can be read back, the log holds types and salts', async () => {
    const forest = await newForest();
    const account = await newAccount(forest, 'alice', { password: 'first' });
    const second = await directory.execute(new SetPassword(requestBy(), account, 'second'));
    expect(second).toMatchObject({ account, kvno: 2 });
    expect(await loadAccount(load, account)).toMatchObject({
      kvno: 2,
      keyVersions: [1, 2],
      keys: [18, 17].map((etype) => ({ etype, salt: `${forest.toUpperCase()}alice` })),
    });
    const [first, current] = await Promise.all([1, 2].map((kvno) => directory.keyStore.get(account, kvno)));
    expect([...current!].map(([etype, key]) => [etype, key.length])).toEqual([
      [18, 32],
      [17, 16],
    ]);
    expect(first!.get(18)).not.toEqual(current!.get(18));
    expect(await directory.keyStore.unsettled(10)).toEqual([]);
  });

  it('are changed by who administers them only', async () => {
    const forest = await newForest();
    const account = await newAccount(forest, 'alice');
    const other = { actor: 'x', administers: { domains: [`emea.${forest}`] } };
    const commands = [
      new SetPassword(requestBy(other), account, 'x'),
      new DisableAccount(requestBy(other), account),
      new EnableAccount(requestBy(other), account),
      new RenameAccount(requestBy(other), account, { samAccountName: 'x' }),
      new DeleteAccount(requestBy(itself(account)), account),
      new CreateAccount(requestBy(delegate(account)), { forest, domain: forest, kind: 'user', samAccountName: 'x' }),
    ];
    for (const command of commands)
      await expect(directory.execute<unknown>(command)).rejects.toMatchObject(refusal('DIR_FORBIDDEN'));
    expect(await typesOf(accountStream(account))).toEqual(['AccountCreated']);
    await directory.execute(new DisableAccount(requestBy(delegate(account)), account));
    expect(await loadAccount(load, account)).toMatchObject({ enabled: false });
  });

  it('take their SPNs, names and keys with them when they are deleted', async () => {
    const forest = await newForest();
    const account = await newAccount(forest, 'WEB1$', { password: 'p', dnsHostName: `web1.${forest}` });
    await register(account, `HTTP/web1.${forest}`, `host/web1.${forest}`);
    await directory.execute(new DeleteAccount(requestBy(), account));
    expect(await loadAccount(load, account)).toMatchObject({ deleted: true, spns: [], keys: [] });
    expect(await holdersOf(forest, `HTTP/web1.${forest}`)).toMatchObject({ outcome: 'unknown' });
    expect((await directory.keyStore.get(account, 1)).size).toBe(0);
    await expect(directory.execute(new EnableAccount(requestBy(), account))).rejects.toMatchObject(
      refusal('DIR_ACCOUNT_DELETED'),
    );
    expect(await newAccount(forest, 'web1$')).not.toBe(account);
  });
});

describe('service names', () => {
  it('are found by the KDC from the moment the command is answered', async () => {
    const forest = await newForest();
    const account = await newAccount(forest, 'svc-web');
    const reply = await register(account, `HTTP/www.${forest}`);
    expect(reply).toMatchObject({ outcome: 'accepted', registered: [`HTTP/www.${forest}`], conflicts: [] });
    expect(reply.position).toBe(await directory.store.head());
    expect(await holdersOf(forest, `http/WWW.${forest}`)).toMatchObject({ outcome: 'found', holders: [{ account }] });
    await directory.execute(new RemoveSpns(requestBy(), account, [`http/www.${forest}`]));
    expect(await holdersOf(forest, `HTTP/www.${forest}`)).toMatchObject({ outcome: 'unknown' });
  });

  it('cannot be held twice, in any domain of the forest; another forest is another scope', async () => {
    const [forest, elsewhere] = [await newForest(), await newForest()];
    await directory.execute(new AddDomain(requestBy(), forest, `emea.${forest}`));
    const first = await newAccount(forest, 'first');
    const second = await newAccount(forest, 'second', { domain: `emea.${forest}` });
    await register(first, 'HTTP/portal');
    expect(await register(second, 'http/PORTAL')).toMatchObject({
      outcome: 'refused',
      status: 8647,
      holders: [{ account: first, spn: 'HTTP/portal', by: 'exact' }],
    });
    expect(await typesOf(accountStream(second))).toEqual(['AccountCreated', 'SpnRegistrationRefused']);
    expect(await register(await newAccount(elsewhere, 'first'), 'HTTP/portal')).toMatchObject({ outcome: 'accepted' });
  });

  it('in audit are registered all the same, and then ambiguous', async () => {
    const forest = await newForest();
    const [first, second] = [await newAccount(forest, 'first'), await newAccount(forest, 'second')];
    await directory.execute(new ChangePolicy(requestBy(), forest, { enforcement: 'audit' }));
    await register(first, 'HTTP/portal');
    expect(await register(second, 'HTTP/portal')).toMatchObject({
      outcome: 'accepted',
      conflicts: [{ spn: 'HTTP/portal', holders: [{ account: first, by: 'exact' }] }],
    });
    expect(await holdersOf(forest, 'HTTP/portal')).toMatchObject({ outcome: 'ambiguous' });
  });

  it('tell of a UPN that is their text, since a KDC searches UPNs too', async () => {
    const forest = await newForest();
    const odd = await newAccount(forest, 'odd', { userPrincipalName: 'HTTP/portal' });
    expect(await register(await newAccount(forest, 'svc'), 'http/Portal')).toMatchObject({
      outcome: 'accepted',
      conflicts: [{ holders: [{ account: odd, by: 'upn' }] }],
    });
  });

  it('are replaced as a whole, in one append', async () => {
    const forest = await newForest();
    const account = await newAccount(forest, 'svc');
    await register(account, 'HTTP/a', 'HTTP/b');
    await directory.execute(new ReplaceSpns(requestBy(), account, ['HTTP/b', 'HTTP/c']));
    expect(await loadAccount(load, account)).toMatchObject({ spns: ['HTTP/b', 'HTTP/c'] });
    expect(await holdersOf(forest, 'HTTP/a')).toMatchObject({ outcome: 'unknown' });
  });

  it('follow their computer when it is renamed; the rename fails whole when one would clash', async () => {
    const forest = await newForest();
    const web1 = await newAccount(forest, 'WEB1$', { dnsHostName: `web1.${forest}` });
    const web2 = await newAccount(forest, 'WEB2$', { dnsHostName: `web2.${forest}` });
    await register(web1, `HTTP/web1.${forest}`, 'HTTP/WEB1');
    await register(web2, `HTTP/web2.${forest}`);
    const clash = await directory.execute(new RenameAccount(requestBy(), web1, { dnsHostName: `web2.${forest}` }));
    expect(clash).toMatchObject({ outcome: 'refused', status: 8647, holders: [{ account: web2 }] });
    expect(await loadAccount(load, web1)).toMatchObject({ dnsHostName: `web1.${forest}` });

    const renamed = await directory.execute(
      new RenameAccount(requestBy(), web1, { samAccountName: 'WEB3$', dnsHostName: `web3.${forest}` }),
    );
    expect(renamed).toMatchObject({ outcome: 'accepted', registered: [`HTTP/web3.${forest}`, 'HTTP/WEB3'] });
    expect(await holdersOf(forest, 'HTTP/web1')).toMatchObject({ outcome: 'unknown' });
    expect(await holdersOf(forest, 'HTTP/web3')).toMatchObject({ outcome: 'found', holders: [{ account: web1 }] });
    expect(await newAccount(forest, 'WEB1$')).not.toBe(web1);
  });

  it('of an account that never was are refused and recorded apart', async () => {
    const before = (await load('operation-directory')).length;
    expect(await register('nobody', 'HTTP/x')).toMatchObject({ outcome: 'refused', status: 32, code: 'noSuchObject' });
    const recorded = await load('operation-directory');
    expect(recorded).toHaveLength(before + 1);
    expect(recorded.at(-1)).toMatchObject({
      type: 'SpnRegistrationRefused',
      data: { account: 'nobody', spns: ['HTTP/x'] },
    });
    expect(await typesOf(accountStream('nobody'))).toEqual([]);
  });
});

describe('a request that is asked again', () => {
  it('gets its first reply and adds nothing', async () => {
    const forest = await newForest();
    const details = { forest, domain: forest, kind: 'user', samAccountName: 'alice', password: 'p' } as const;
    const request = requestBy();
    const first = await directory.execute(new CreateAccount(request, details));
    expect(await directory.execute(new CreateAccount(request, details))).toEqual(first);
    const registration = requestBy();
    const accepted = await directory.execute(new RegisterSpns(registration, first.account, ['HTTP/a']));
    await directory.execute(new RemoveSpns(requestBy(), first.account, ['HTTP/a']));
    const head = await directory.store.head();
    expect(await directory.execute(new RegisterSpns(registration, first.account, ['HTTP/a']))).toEqual(accepted);
    expect(await directory.store.head()).toBe(head);
  });

  it('gets the first refusal too', async () => {
    const account = await newAccount(await newForest(), 'alice');
    const request = requestBy();
    const refused = await directory.execute(new RegisterSpns(request, account, ['nonsense']));
    expect(refused).toMatchObject({ outcome: 'refused' });
    expect(await directory.execute(new RegisterSpns(request, account, ['nonsense']))).toEqual(refused);
  });

  it('is refused when it asks for something else, another password or as somebody else included', async () => {
    const account = await newAccount(await newForest(), 'alice');
    const request = requestBy();
    await directory.execute(new SetPassword(request, account, 'one'));
    const reused = { code: 'ES_REQUEST_ID_REUSED' };
    await expect(directory.execute(new SetPassword(request, account, 'two'))).rejects.toMatchObject(reused);
    await expect(directory.execute(new DisableAccount(request, account))).rejects.toMatchObject(reused);
    const somebodyElse = { ...request, caller: { ...request.caller, actor: 'else' } };
    await expect(directory.execute(new SetPassword(somebodyElse, account, 'one'))).rejects.toMatchObject(reused);
  });
});
