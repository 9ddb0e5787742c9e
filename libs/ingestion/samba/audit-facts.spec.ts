/** One JSON audit line, its facts. */
import { describe, expect, it } from '@jest/globals';
import type { Fact } from '../fact.js';
import { RecentTransactions, readAuditFacts } from './audit-facts.js';
import { readAuditLine } from './audit-json.js';

const at = '2026-11-22T10:53:32.933392Z';
const version = { major: 1, minor: 0 };
const account = 'CN=svc-web,CN=Users,DC=corp,DC=example';
type Action = {
  action: string;
  values?: { value: string; truncated?: boolean; base64?: boolean }[];
  redacted?: boolean;
};

function line(type: string, body: object): string {
  return JSON.stringify({ timestamp: '2026-11-22T10:53:32.933392+0000', type, [type]: { version, ...body } });
}

function change(attributes: Record<string, Action[]>, rest: object = {}): string {
  const named = Object.fromEntries(Object.entries(attributes).map(([name, actions]) => [name, { actions }]));
  const body = {
    statusCode: 0,
    status: 'Success',
    operation: 'Modify',
    userSid: 'S-1-5-18',
    dn: account,
    transactionId: 't-1',
    attributes: named,
  };
  return line('dsdbChange', { ...body, ...rest });
}

const values = (action: string, ...list: string[]): Action => ({ action, values: list.map((value) => ({ value })) });
const read = (text: string, recent = new RecentTransactions()): readonly Fact[] =>
  readAuditFacts(readAuditLine(text), at, recent)?.facts ?? [];
const said = (text: string): unknown[] => read(text).map(({ type, data }) => [type, data]);
const unreadable = expect.objectContaining({ code: 'ING_UNREADABLE_RECORD' });

describe('a change of the SPNs', () => {
  const place = { account, domain: 'corp.example' };

  it('adds and deletes value by value, in the order of the actions', () => {
    expect(said(change({ servicePrincipalName: [values('delete', 'a/x'), values('add', 'A/x', 'b/x')] }))).toEqual([
      ['SpnRemoved', { ...place, spn: 'a/x' }],
      ['SpnRegistered', { ...place, spn: 'A/x' }],
      ['SpnRegistered', { ...place, spn: 'b/x' }],
    ]);
  });

  it('replaces the whole list, also by an empty one', () => {
    expect(said(change({ servicePrincipalName: [values('replace', 'a/x', 'b/x')] }))).toEqual([
      ['SpnsReplaced', { ...place, spns: ['a/x', 'b/x'] }],
    ]);
    expect(said(change({ servicePrincipalName: [{ action: 'replace' }] }))).toEqual([
      ['SpnsReplaced', { ...place, spns: [] }],
    ]);
    expect(said(change({ servicePrincipalName: [{ action: 'delete' }] }))).toEqual([
      ['SpnsReplaced', { ...place, spns: [] }],
    ]);
  });

  it('that was refused changed nothing', () => {
    const refused = { statusCode: 50, status: 'insufficient access rights' };
    expect(said(change({ servicePrincipalName: [values('add', 'a/x')] }, refused))).toEqual([
      [
        'SpnRegistrationRefused',
        {
          ...place,
          operation: 'add',
          spns: ['a/x'],
          status: 50,
          code: 'insufficientAccessRights',
          reason: refused.status,
          holders: [],
        },
      ],
    ]);
    expect(
      said(
        change(
          { unicodePwd: [{ action: 'replace', redacted: true }], userAccountControl: [values('replace', '514')] },
          refused,
        ),
      ),
    ).toEqual([]);
  });

  it('may come as base64, and in any case of the attribute', () => {
    const action = { action: 'add', values: [{ value: Buffer.from('HTTP/bücher').toString('base64'), base64: true }] };
    expect(said(change({ serviceprincipalname: [action] }))).toEqual([
      ['SpnRegistered', { ...place, spn: 'HTTP/bücher' }],
    ]);
  });

  it('names who did it and in which transaction', () => {
    expect(read(change({ servicePrincipalName: [values('add', 'a/x')] }))[0]).toMatchObject({
      occurredAt: at,
      actor: 'S-1-5-18',
      correlationId: 't-1',
    });
  });

  it('is not read when the log cut off a value, or names no action that there is', () => {
    const cut = { action: 'replace', values: [{ value: 'a/x' }, { value: 'b/', truncated: true }] };
    expect(() => read(change({ servicePrincipalName: [cut] }))).toThrow(unreadable);
    expect(() => read(change({ servicePrincipalName: [values('increment', '1')] }))).toThrow(unreadable);
    expect(said(change({ description: [cut, values('increment', '1')] }))).toEqual([]);
  });
});

describe('a change of an account', () => {
  const made = { operation: 'Add' };
  const place = { account, domain: 'corp.example' };
  const user = { objectClass: [values('add', 'user')], sAMAccountName: [values('add', 'svc-web')] };

  it('makes it, disabled unless userAccountControl says otherwise, with the SPNs it was given', () => {
    expect(said(change(user, made))).toEqual([
      ['AccountCreated', { ...place, kind: 'user', samAccountName: 'svc-web', enabled: false }],
    ]);
    const computer = {
      objectClass: [values('add', 'top', 'user', 'computer')],
      sAMAccountName: [values('add', 'WEB$')],
      userAccountControl: [values('add', '4096')],
      dNSHostName: [values('add', 'web.corp.example')],
      servicePrincipalName: [values('add', 'HOST/web')],
    };
    expect(said(change(computer, made))).toEqual([
      [
        'AccountCreated',
        { ...place, kind: 'computer', samAccountName: 'WEB$', dnsHostName: 'web.corp.example', enabled: true },
      ],
      ['SpnsReplaced', { ...place, spns: ['HOST/web'] }],
    ]);
  });

  it('of a group, or of what names no domain, says nothing', () => {
    expect(said(change({ ...user, objectClass: [values('add', 'group')] }, made))).toEqual([]);
    expect(said(change(user, { ...made, dn: 'CN=x' }))).toEqual([]);
  });

  it('deletes it', () => {
    expect(said(change({}, { operation: 'Delete' }))).toEqual([['AccountDeleted', place]]);
    expect(said(change({}, { operation: 'Delete', dn: 'OU=Old,DC=corp,DC=example' }))).toEqual([]);
  });

  it('renames it, takes names away, enables and disables it', () => {
    expect(
      said(change({ sAMAccountName: [values('replace', 'svc-new')], userPrincipalName: [{ action: 'delete' }] })),
    ).toEqual([['AccountRenamed', { account, samAccountName: 'svc-new', userPrincipalName: null }]]);
    expect(said(change({ userAccountControl: [values('delete', '512'), values('add', '514')] }))).toEqual([
      ['AccountDisabled', { account }],
    ]);
    expect(said(change({ userAccountControl: [values('replace', '512')] }))).toEqual([['AccountEnabled', { account }]]);
    expect(said(change({ userAccountControl: [values('delete', '512'), values('add', '66048')] }))).toEqual([]);
  });
});

describe('a password', () => {
  const twin = line('passwordChange', { statusCode: 0, action: 'Reset', dn: account, transactionId: 't-1' });

  it('is told twice and counts once', () => {
    const recent = new RecentTransactions();
    expect(
      read(change({ unicodePwd: [{ action: 'replace', redacted: true }] }), recent).map(({ type }) => type),
    ).toEqual(['PasswordChanged']);
    expect(read(twin, recent)).toEqual([]);
  });

  it('counts by its second line when the first is not logged', () => {
    expect(said(twin)).toEqual([['PasswordChanged', { account }]]);
    expect(said(line('passwordChange', { statusCode: 19, action: 'Change', dn: account }))).toEqual([]);
    expect(said(line('passwordChange', { statusCode: 0, action: 'Auth info change', dn: account }))).toEqual([]);
  });
});

describe('other lines', () => {
  it('an authentication is a twin of what the KDC logged', () => {
    const body = {
      status: 'NT_STATUS_OK',
      remoteAddress: 'ipv4:10.0.0.1:1',
      serviceDescription: 'Kerberos KDC',
      authDescription: 'ENC-TS Pre-authentication',
      clientDomain: null,
      clientAccount: 'a@R',
      becameSid: 'S-1-5-21-1',
    };
    expect(said(line('Authentication', body))).toEqual([
      [
        'AuthenticationLogged',
        {
          clientName: 'a@R',
          service: 'Kerberos KDC',
          description: 'ENC-TS Pre-authentication',
          status: 'NT_STATUS_OK',
          sid: 'S-1-5-21-1',
          address: '10.0.0.1:1',
        },
      ],
    ]);
    expect(said(line('Authentication', { ...body, clientDomain: 'CORP', clientAccount: 'a' }))).toMatchObject([
      [expect.anything(), { clientName: 'CORP\\a' }],
    ]);
    expect(said(line('Authentication', { ...body, clientAccount: null }))).toEqual([]);
  });

  it('a transaction rolled back after its changes were read is for a human to look at', () => {
    const rollback = line('dsdbTransaction', { action: 'rollback', transactionId: 't-1' });
    const recent = new RecentTransactions();
    read(change({ servicePrincipalName: [values('add', 'a/x')] }), recent);
    expect(() => read(rollback, recent)).toThrow(/t-1 was rolled back .* did not take place/);
    expect(read(line('dsdbTransaction', { action: 'commit', transactionId: 't-1' }), recent)).toEqual([]);
  });

  it('a refused write is rolled back as a matter of course', () => {
    const rollback = line('dsdbTransaction', { action: 'rollback', transactionId: 't-1' });
    const recent = new RecentTransactions();
    read(change({ servicePrincipalName: [values('add', 'a/x')] }, { statusCode: 19 }), recent);
    expect(read(rollback, recent)).toEqual([]);
  });

  it('an unknown kind says nothing; a known kind of an unknown version, or without its fields, cannot be read', () => {
    expect(said(line('replicatedUpdate', {}))).toEqual([]);
    expect(said(line('constructor', {}))).toEqual([]);
    expect(() => read(line('dsdbChange', { version: { major: 2 }, statusCode: 0 }))).toThrow(
      /dsdbChange line: version\.major/,
    );
    expect(() => read(line('dsdbChange', { statusCode: 0, status: '', operation: 'Modify' }))).toThrow(
      /dsdbChange line: dn/,
    );
    for (const text of ['{"timestamp": 1}', '[]', '{"timestamp": "x", "type": "dsdbChange"', 'null'])
      expect(() => readAuditLine(text)).toThrow(unreadable);
  });
});
