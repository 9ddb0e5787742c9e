/** Accounts as facts: what happened, what is asked; then events. */
import { describe, expect, it } from '@jest/globals';
import { accountOf, FOREST, forestOf } from '../facts.spec-support.js';
import {
  changePassword,
  checkNames,
  createAccount,
  deleteAccount,
  disableAccount,
  enableAccount,
  hostRewrite,
  namesAfter,
  passwordSalt,
  renameAccount,
  type NewAccount,
} from './account.decider.js';
import type { AccountEvent } from './account.events.js';
import { foldAccount } from './account-state.js';

const refusal = (code: string) => expect.objectContaining({ name: 'DirectoryRefusal', code });
const nobody = { sam: [], principal: [] };
const alice: NewAccount = {
  account: 'a1',
  domain: FOREST,
  kind: 'user',
  samAccountName: 'alice',
  userPrincipalName: 'alice@corp.example',
  dnsHostName: null,
  enabled: true,
};

describe('creating an account', () => {
  it('records what it is, without the names that it has not', () => {
    const { dnsHostName: _, ...kept } = alice;
    expect(createAccount(forestOf(), nobody, alice)).toEqual([
      { type: 'AccountCreated', data: { forest: FOREST, ...kept } },
    ]);
  });

  it('is refused in a domain that the forest has not', () => {
    expect(() => createAccount(forestOf(), nobody, { ...alice, domain: 'else.example' })).toThrow(
      refusal('DIR_DOMAIN_UNKNOWN'),
    );
  });

  it('is refused under a sAMAccountName that the domain has, in every profile and in audit', () => {
    for (const policy of [{}, { ruleProfile: 'permissive' }, { enforcement: 'audit' }] as const)
      expect(() => createAccount(forestOf(policy), { sam: ['a0'], principal: [] }, alice)).toThrow(
        refusal('DIR_NAME_TAKEN'),
      );
  });

  it('is refused under a principal name of another by profile: 8648 on Windows, 19 on Samba, allowed up to 2012 and in audit', () => {
    const taken = { sam: [], principal: ['a0'] };
    expect(() => createAccount(forestOf(), taken, alice)).toThrow(/8648 ERROR_DS_UPN_VALUE_NOT_UNIQUE_IN_FOREST/);
    expect(() => createAccount(forestOf({ ruleProfile: 'samba' }), taken, alice)).toThrow(/19 constraintViolation/);
    expect(createAccount(forestOf({ ruleProfile: 'permissive' }), taken, alice)).toHaveLength(1);
    expect(createAccount(forestOf({ enforcement: 'audit' }), taken, alice)).toHaveLength(1);
  });

  it.each(['', ' alice', 'alice ', 'al/ice', 'al@ice', 'alice.', 'al\nice', 'x'.repeat(257)])(
    'refuses %j as a sAMAccountName',
    (samAccountName) => {
      expect(() => checkNames('user', { ...alice, samAccountName })).toThrow(refusal('DIR_NAME_INVALID'));
    },
  );

  it('wants a "$" at the end of a computer\'s and a managed service\'s name', () => {
    for (const kind of ['computer', 'managedService'] as const) {
      expect(() => checkNames(kind, { ...alice, samAccountName: 'WEB1' })).toThrow(refusal('DIR_NAME_INVALID'));
      expect(() => checkNames(kind, { ...alice, samAccountName: '$' })).toThrow(refusal('DIR_NAME_INVALID'));
      expect(checkNames(kind, { ...alice, samAccountName: 'WEB1$' }).samAccountName).toBe('WEB1$');
    }
  });
});

describe('renaming an account', () => {
  const web1 = accountOf('c1', {
    kind: 'computer',
    samAccountName: 'WEB1$',
    dnsHostName: 'web1.corp.example',
    spns: [
      'host/web1.corp.example',
      'HOST/WEB1',
      'HTTP/web1.corp.example:8080',
      'HTTP/portal.corp.example',
      'svc/web1/web1',
    ],
  });
  const rename = (changes: Parameters<typeof namesAfter>[1]) => namesAfter(web1, changes);

  it('records only the names that change', () => {
    const names = rename({ samAccountName: 'WEB2$', dnsHostName: null });
    expect(renameAccount(forestOf(), nobody, web1, names)).toEqual([
      { type: 'AccountRenamed', data: { forest: FOREST, account: 'c1', samAccountName: 'WEB2$', dnsHostName: null } },
    ]);
    expect(renameAccount(forestOf(), nobody, web1, rename({ dnsHostName: 'WEB1.corp.example' }))).toEqual([]);
  });

  it('is refused when another has the name', () => {
    expect(() =>
      renameAccount(forestOf(), { sam: ['c2'], principal: [] }, web1, rename({ samAccountName: 'WEB2$' })),
    ).toThrow(refusal('DIR_NAME_TAKEN'));
  });

  it('takes the new host into the SPNs that had the old one, port and service name kept', () => {
    const names = rename({ samAccountName: 'WEB2$', dnsHostName: 'web2.corp.example' });
    const { operation, remove, add } = hostRewrite(web1, names);
    expect(operation).toBe('replace');
    expect(remove).toEqual(['host/web1.corp.example', 'HOST/WEB1', 'HTTP/web1.corp.example:8080', 'svc/web1/web1']);
    expect(add).toEqual(['host/web2.corp.example', 'HOST/WEB2', 'HTTP/web2.corp.example:8080', 'svc/WEB2/web1']);
  });

  it('leaves the SPNs alone when the host stays, goes away, or the account is a user', () => {
    expect(hostRewrite(web1, rename({ userPrincipalName: 'web1@corp.example' })).add).toEqual([]);
    expect(hostRewrite(web1, rename({ dnsHostName: null })).remove).toEqual([]);
    const user = accountOf('u1', { samAccountName: 'web1', spns: ['HTTP/web1'] });
    expect(hostRewrite(user, namesAfter(user, { samAccountName: 'web2' })).remove).toEqual([]);
  });

  it('registers nothing twice when the account held the new name already', () => {
    const account = accountOf('c1', { kind: 'computer', samAccountName: 'WEB1$', spns: ['host/web1', 'host/WEB2'] });
    const { remove, add } = hostRewrite(account, namesAfter(account, { samAccountName: 'web2$' }));
    expect({ remove, add }).toEqual({ remove: ['host/web1'], add: [] });
  });
});

describe('passwords', () => {
  it('make keys of a new version; the event names types and salts', () => {
    const account = accountOf('a1');
    const keys = [{ etype: 18, salt: 'CORP.EXAMPLEalice' }];
    expect(changePassword(account, 1, keys)).toEqual([
      { type: 'PasswordChanged', data: { forest: FOREST, account: 'a1', kvno: 1, keys } },
    ]);
  });

  it('never take a version back', () => {
    expect(() => changePassword({ forest: FOREST, account: 'a1', kvno: 3 }, 3, [])).toThrow(RangeError);
  });

  it('are salted as Active Directory does', () => {
    expect(passwordSalt({ kind: 'user', domain: FOREST, samAccountName: 'Alice' })).toBe('CORP.EXAMPLEAlice');
    expect(passwordSalt({ kind: 'computer', domain: FOREST, samAccountName: 'WEB1$' })).toBe(
      'CORP.EXAMPLEhostweb1.corp.example',
    );
  });

  it('keep their salt over a rename', () => {
    const keys = [{ etype: 18, salt: 'CORP.EXAMPLEalice' }];
    const account = accountOf('a1', { samAccountName: 'alice' }, [
      { type: 'PasswordChanged', data: { forest: FOREST, account: 'a1', kvno: 1, keys } },
      { type: 'AccountRenamed', data: { forest: FOREST, account: 'a1', samAccountName: 'alison' } },
    ]);
    expect(account).toMatchObject({ samAccountName: 'alison', kvno: 1, keys });
  });
});

describe('disabling, enabling, deleting', () => {
  const account = accountOf('a1', { spns: ['HTTP/a', 'HTTP/b'] });
  const then = (events: readonly AccountEvent[]) => accountOf('a1', { spns: ['HTTP/a', 'HTTP/b'] }, events);

  it('decide nothing the second time', () => {
    const disabled = disableAccount(account);
    expect(disabled).toEqual([{ type: 'AccountDisabled', data: { forest: FOREST, account: 'a1' } }]);
    expect(disableAccount(then(disabled))).toEqual([]);
    expect(enableAccount(account)).toEqual([]);
    expect(enableAccount(then(disabled))).toHaveLength(1);
  });

  it('a deleted account has released everything first and holds nothing', () => {
    const events = deleteAccount(account);
    expect(events.map(({ type }) => type)).toEqual(['SpnRemoved', 'SpnRemoved', 'AccountDeleted']);
    expect(then(events)).toMatchObject({ deleted: true, enabled: false, spns: [], keys: [] });
  });

  it('an account that was never created is not there', () => {
    expect(foldAccount([])).toBeNull();
  });
});
