/** LDIF by RFC 2849, and what a dump of Active Directory says in it. */
import { describe, expect, it } from '@jest/globals';
import type { Fact, Reading } from '../fact.js';
import { LineSplitter } from '../lines.js';
import { LdifDump } from './ldif-dump.js';

const at = '2026-11-22T10:53:20.804Z';
const dn = 'CN=svc-web,CN=Users,DC=corp,DC=example';
const user = ['objectClass: top', 'objectClass: user', 'sAMAccountName: svc-web'];

function read(
  lines: readonly (string | Buffer)[],
  { whole = true, max = 100_000 } = {},
): { readings: Reading[]; dump: LdifDump } {
  const dump = new LdifDump(at, max);
  const content = Buffer.concat(lines.flatMap((line) => [Buffer.from(line), Buffer.from('\n')]));
  const readings = new LineSplitter(max).push(content).flatMap((line) => dump.read(line));
  return { readings: [...readings, ...dump.end(whole)], dump };
}

const facts = (lines: readonly (string | Buffer)[]): Fact[] =>
  read(lines).readings.flatMap((reading) => (reading.kind === 'facts' ? reading.facts : []));
const accounts = (lines: readonly (string | Buffer)[]): object[] =>
  facts(lines)
    .filter(({ type }) => type === 'AccountListed')
    .map(({ data }) => data);
const reasons = (lines: readonly (string | Buffer)[], max?: number): [number, string][] =>
  read(lines, { ...(max && { max }) }).readings.flatMap((reading) =>
    reading.kind === 'unreadable' ? [[reading.line, reading.reason]] : [],
  );
const base64 = (bytes: Buffer | string): string => Buffer.from(bytes).toString('base64');

describe('a record', () => {
  it('is read with folded lines, base64, comments, any case of attributes and a version', () => {
    const lines = [
      'version: 1',
      '# a comment',
      '  that goes on',
      `DN:: ${base64(dn)}`,
      'OBJECTCLASS: us',
      ' er',
      '# within',
      `sAMAccountName:: ${base64('svc-wéb')}`,
      'servicePrincipalName: HTTP/web1.corp.exam',
      ' ple',
      'servicePrincipalName;lang-de: HTTP/web1',
      '',
    ];
    expect(accounts(lines)).toMatchObject([
      { account: dn, samAccountName: 'svc-wéb', spns: ['HTTP/web1.corp.example', 'HTTP/web1'] },
    ]);
    expect(read(lines).readings[0]).toMatchObject({ record: 4, firstItem: 0 });
  });

  it('says what it says, and nothing about what it leaves out', () => {
    expect(accounts([`dn: ${dn}`, ...user, ''])).toEqual([
      { account: dn, domain: 'corp.example', kind: 'user', samAccountName: 'svc-web', spns: [], part: 1, parts: 1 },
    ]);
  });

  it('has the same meaning in the binary forms of other tools', () => {
    const sid = Buffer.from('010500000000000515000000e7b8444e63a327ee2ec93f7f51040000', 'hex');
    const guid = Buffer.from('679dce44bc62674790a0d5cedec1ec53', 'hex');
    const lines = [
      `dn: ${dn}`,
      ...user,
      `objectSid:: ${base64(sid)}`,
      `objectGUID:: ${base64(guid)}`,
      'userAccountControl: 514',
      'pwdLastSet: 134398183868246280',
      'whenChanged: 20261122105313.0Z',
      'uSNChanged: 4069',
      '',
    ];
    expect(accounts(lines)).toMatchObject([
      {
        sid: 'S-1-5-21-1313126631-3995575139-2134886702-1105',
        guid: '44ce9d67-62bc-4767-90a0-d5cedec1ec53',
        enabled: false,
        passwordChangedAt: '2026-11-22T10:53:06.8246280Z',
        changedAt: '2026-11-22T10:53:13Z',
        updateSequence: '4069',
      },
    ]);
    const never = [`dn: ${dn}`, ...user, 'pwdLastSet: 0', 'whenChanged: soon', 'objectSid: <>', ''];
    expect(
      Object.keys(accounts(never)[0] ?? {}).filter(
        (key) => /sid|changedAt/i.test(key) && (accounts(never)[0] as Record<string, unknown>)[key],
      ),
    ).toEqual([]);
  });

  it('is an account by its class, or without one by what only accounts have', () => {
    expect(accounts([`dn: ${dn}`, 'objectClass: group', 'sAMAccountName: g', ''])).toEqual([]);
    expect(accounts([`dn: ${dn}`, 'servicePrincipalName: a/b', ''])).toMatchObject([{ spns: ['a/b'] }]);
    expect(
      accounts([`dn: ${dn}`, 'objectClass: msDS-GroupManagedServiceAccount', 'objectClass: computer', '']),
    ).toMatchObject([{ kind: 'managedService' }]);
  });

  it('with a long list is told in parts', () => {
    const spns = Array.from({ length: 2_000 }, (_, index) => `HTTP/host-${index}.corp.example`);
    const parts = accounts([`dn: ${dn}`, ...user, ...spns.map((spn) => `servicePrincipalName: ${spn}`), '']) as {
      spns: string[];
      part: number;
      parts: number;
    }[];
    expect(parts.map(({ part, parts: of }) => `${part}/${of}`)).toEqual(['1/3', '2/3', '3/3']);
    expect(parts.flatMap(({ spns: some }) => some)).toEqual(spns);
    expect(
      facts([`dn: ${dn}`, ...user, ...spns.map((spn) => `servicePrincipalName: ${spn}`), '']).at(-1),
    ).toMatchObject({ data: { accounts: 1, spns: 2_000 } });
  });
});

describe('a block that is no object', () => {
  it('is skipped when it is a referral, or nothing but comments', () => {
    const { readings, dump } = read([
      '# Referral',
      'ref: ldap://corp.example/CN=Configuration',
      '',
      '# 22 entries',
      '',
      '',
    ]);
    expect(readings).toEqual([]);
    expect(dump).toMatchObject({ records: 1, unmapped: 1 });
  });

  it.each<[string, (string | Buffer)[], RegExp]>([
    ['a change', [`dn: ${dn}`, 'changetype: modify', 'add: servicePrincipalName', ''], /a change, not an object/],
    ['without dn', ['objectClass: user', ''], /no "dn:" line/],
    ['with a line that is none', [`dn: ${dn}`, 'nonsense', ''], /line 5 is not "attribute: value"/],
    ['with a continuation first', [' folded', ''], /begins with a continuation/],
    ['with damaged base64', [`dn: ${dn}`, 'objectClass:: %%%', ''], /objectClass: its value is not base64/],
    ['with a value by URL', [`dn: ${dn}`, 'jpegPhoto:< file:///etc/passwd', ''], /which is not fetched/],
    ['with bytes that are no text', [`dn: ${dn}`, Buffer.from([0x61, 0x3a, 0x20, 0xff]), ''], /line 5 is not UTF-8/],
    [
      'with binary where text belongs',
      [`dn: ${dn}`, ...user, `servicePrincipalName:: ${base64(Buffer.from([0xff]))}`, ''],
      /not UTF-8/,
    ],
    [
      'with a part of a list',
      [`dn: ${dn}`, ...user, 'servicePrincipalName;range=0-1499: a/b', ''],
      /only the part "range=0-1499"/,
    ],
    ['without a domain', ['dn: CN=x,O=y', ...user, ''], /names no domain/],
    ['at the end, without an empty line', [`dn: ${dn}`, ...user], /no empty line follows/],
  ])('is quarantined: %s', (_, lines, reason) => {
    const before = [`dn: CN=before,DC=corp,DC=example`, 'objectClass: user', ''];
    expect(reasons([...before, ...lines])).toEqual([[4, expect.stringMatching(reason)]]);
    expect(accounts([...before, ...lines])).toHaveLength(1);
    expect(facts([...before, ...lines]).map(({ type }) => type)).not.toContain('DirectoryDumped');
  });

  it('is quarantined when it is too large, whether by its lines or by one', () => {
    const long = [`dn: ${dn}`, ...Array.from({ length: 100 }, () => `description: ${'x'.repeat(50)}`), ''];
    expect(reasons([...long, `dn: ${dn}`, ...user, ''], 5_000)).toEqual([
      [1, 'the record has 6443 bytes, more than 5000'],
    ]);
    const line = [`dn: ${dn}`, `description: ${'x'.repeat(5_000)}`, ''];
    expect(reasons([...line, `dn: ${dn}`, ...user, ''], 5_000)).toEqual([
      [1, 'the record has 5057 bytes, more than 5000'],
    ]);
  });

  it('is taken whole from a range that reaches the end', () => {
    expect(accounts([`dn: ${dn}`, ...user, 'servicePrincipalName;range=0-*: a/b', ''])).toMatchObject([
      { spns: ['a/b'] },
    ]);
  });
});

describe('the dump', () => {
  it('is summed up for each of its domains', () => {
    const lines = [
      `dn: ${dn}`,
      ...user,
      'servicePrincipalName: a/b',
      '',
      'dn: CN=x,DC=child,DC=corp,DC=example',
      ...user,
      '',
    ];
    expect(
      facts(lines)
        .filter(({ type }) => type === 'DirectoryDumped')
        .map(({ data, occurredAt }) => ({ ...data, occurredAt })),
    ).toEqual([
      { domain: 'corp.example', accounts: 1, spns: 1, occurredAt: at },
      { domain: 'child.corp.example', accounts: 1, spns: 0, occurredAt: at },
    ]);
  });

  it('that breaks off inside a line says nothing about the whole', () => {
    expect(read([`dn: ${dn}`, ...user, ''], { whole: false }).readings).toHaveLength(1);
  });
});
