/** What an honest reader may say of the sample recording's directory (samples/lab-samba-ad/README.md), asked of the queries. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { findAccounts, findAccountsParameters, getAccount } from '../accounts/accounts.query.js';
import { applyProjection } from '../apply-projection.spec-support.js';
import { findDuplicates, findDuplicatesParameters } from '../duplicates/duplicates.query.js';
import { findFindings, findFindingsParameters } from '../findings/findings.query.js';
import { findForests, findForestsParameters } from '../forests/forests.query.js';
import { sampleEvents } from '../sample-recording.spec-support.js';
import { checkSpn } from './check-spn.query.js';
import { directoryProjection } from './directory.projection.js';
import { getSpnHistory, getSpnHistoryParameters, getSpnHolders } from './holders.query.js';
import { AsKnownNeedsKey, findSpns, findSpnsParameters } from './spns.query.js';

let database: TestDatabase;

/** The log was recorded at :00 of the import's minute, the dumps t0 to t3 at :01 to :04. */
const knownWith = { log: '2026-12-01T00:00:00.5Z', t1: '2026-12-01T00:00:02Z', all: '2026-12-01T00:00:04Z' };
const WEB = 'HTTP/web1.corp.example';
const FILES = 'cifs/files.corp.example';

const at = (second: string): string => `2026-11-22T10:53:${second}Z`;
const dn = (name: string, parent = 'CN=Users'): string => `CN=${name},${parent},DC=corp,DC=example`;

beforeAll(async () => {
  database = await createTestDatabase();
  await applyProjection(database.pool, directoryProjection, await sampleEvents());
});
afterAll(() => database.drop());

async function duplicates(parameters: object) {
  return (await findDuplicates(database.prisma, findDuplicatesParameters.parse(parameters))).rows;
}

async function holders(spn: string, second: string, asKnown?: string): Promise<Record<string, string>> {
  const found = await getSpnHolders(database.prisma, { spn, asOf: at(second), asKnown });
  return Object.fromEntries(found.holders.map(({ samAccountName, answer, by }) => [`${samAccountName} ${by}`, answer]));
}

describe('duplicates as of an instant', () => {
  it.each([
    ['20.804', 'no', 'no'],
    ['32.933391', 'no', 'no'],
    ['33.000', 'not-known', 'yes'],
    ['34.000', 'yes', 'yes'],
    ['35.176', 'yes', 'yes'],
    ['36.171', 'yes', 'yes'],
    ['37.000', 'not-known', 'yes'],
    ['37.403306', 'no', 'no'],
    ['38.377', 'no', 'no'],
  ])('10:53:%s: exact duplicate %s, alias clash %s', async (second, exact, alias) => {
    const rows = await duplicates({ asOf: at(second) });
    const answer = (kind: string) => rows.find((row) => row.kind === kind)?.answer ?? 'no';
    expect([answer('exact'), answer('alias')]).toEqual([exact, alias]);
    expect(rows).toHaveLength([exact, alias].filter((one) => one !== 'no').length);
    const known = await duplicates({ asOf: at(second), asKnown: knownWith.all });
    expect(known).toEqual(rows);
  });

  it('has the exact one between bounds and the alias clash exactly, and none now', async () => {
    expect(await duplicates({})).toEqual([]);
    const rows = await duplicates({ since: at('00'), until: at('59') });
    expect(rows.map(({ kind, spn, answer }) => [kind, spn, answer])).toEqual([
      ['exact', WEB, 'yes'],
      ['alias', 'HTTP/ws1.corp.example', 'yes'],
    ]);
    expect(rows[0]).toMatchObject({
      beganAfter: at('32.933392'),
      beganBy: at('33.568000'),
      endedAfter: at('36.171000'),
      endedBy: at('37.403306'),
      isAliasMapAssumed: false,
    });
    expect(rows[0]?.holders.map(({ samAccountName, provenance }) => [samAccountName, provenance])).toEqual([
      ['svc-old', 'dump-only'],
      ['svc-web', 'audited'],
    ]);
    expect(rows[1]).toMatchObject({
      beganAfter: at('32.933392'),
      beganBy: at('32.933392'),
      endedAfter: at('37.403306'),
      endedBy: at('37.403306'),
      isAliasMapAssumed: true,
    });
    expect(rows[1]?.holders.map(({ samAccountName, spn }) => [samAccountName, spn])).toEqual([
      ['WS1$', 'host/ws1.corp.example'],
      ['svc-old', 'HTTP/ws1.corp.example'],
    ]);
  });

  it('as known before the dumps were imported is what the log alone tells', async () => {
    const asOf = at('34');
    expect((await duplicates({ asOf, asKnown: knownWith.log })).map(({ kind }) => kind)).toEqual(['alias']);
    const withT1 = await duplicates({ asOf, asKnown: knownWith.t1 });
    expect(withT1.map(({ kind, answer }) => [kind, answer])).toEqual([
      ['exact', 'not-known'],
      ['alias', 'yes'],
    ]);
    expect(await duplicates({ asOf, asKnown: '2026-11-30T00:00:00Z' })).toEqual([]);
  });

  it('is paged and filtered, as known too', async () => {
    for (const asKnown of [undefined, knownWith.all]) {
      const parameters = findDuplicatesParameters.parse({ asOf: at('34'), limit: 1, asKnown });
      const first = await findDuplicates(database.prisma, parameters);
      const second = await findDuplicates(database.prisma, { ...parameters, cursor: first.next ?? '' });
      expect([...first.rows, ...second.rows].map(({ kind }) => kind)).toEqual(['exact', 'alias']);
      expect(second.next).toBeNull();
      const ws1 = await findDuplicates(database.prisma, { ...parameters, spn: 'HOST/WS1.corp.example' });
      expect(ws1.rows.map(({ kind }) => kind)).toEqual(['alias']);
      expect((await findDuplicates(database.prisma, { ...parameters, kind: 'unicode' })).rows).toEqual([]);
      expect((await findDuplicates(database.prisma, { ...parameters, forest: 'other' })).rows).toEqual([]);
    }
  });
});

describe('holders as of an instant', () => {
  it('follow an SPN from account to account', async () => {
    expect(await holders(FILES, '19')).toMatchObject({ 'DC1$ exact': 'not-known' });
    expect(await holders(FILES, '30')).toMatchObject({ 'DC1$ exact': 'yes', 'svc-rep exact': 'no' });
    expect(await holders(FILES, '34.698')).toMatchObject({ 'DC1$ exact': 'no', 'svc-rep exact': 'no' });
    expect(await holders(FILES, '35.571125')).toMatchObject({ 'DC1$ exact': 'no', 'svc-rep exact': 'yes' });
    expect(await holders(FILES, '36.757320')).toMatchObject({ 'DC1$ exact': 'yes', 'svc-rep exact': 'no' });
    const none = await getSpnHolders(database.prisma, { spn: FILES, asOf: at('34.698') });
    expect(none.answer).toBe('no');
  });

  it('do not know when DC1 got what its first list has', async () => {
    const { holders: found } = await getSpnHolders(database.prisma, { spn: 'ldap/dc1.corp.example' });
    expect(found).toMatchObject([{ beganAfter: null, beganBy: at('19.885672'), endedBy: null, answer: 'yes' }]);
  });

  it('have no gap where WS1 changed the spelling', async () => {
    for (const second of ['32.932919', '32.932920', '32.932921'])
      expect(await holders('host/WS1.corp.example', second)).toEqual({ 'WS1$ exact': 'yes' });
    const spellings = await Promise.all(
      ['32.932919', '32.932920'].map((second) =>
        findSpns(database.prisma, findSpnsParameters.parse({ spn: 'host/ws1.corp.example', asOf: at(second) })),
      ),
    );
    expect(spellings.map(({ rows }) => rows.map(({ spn }) => spn))).toEqual([
      ['HOST/ws1.corp.example'],
      ['host/ws1.corp.example'],
    ]);
  });

  it('count by alias, as a KDC looks an SPN up', async () => {
    expect(await holders('cifs/ws1.corp.example', '34')).toEqual({ 'WS1$ alias': 'yes' });
    expect(await holders('http/ws1.corp.example', '34')).toEqual({ 'WS1$ alias': 'yes', 'svc-old exact': 'yes' });
    expect(await holders('ldap/ws1.corp.example', '34')).toEqual({});
  });

  it('are those that were known', async () => {
    expect(await holders(WEB, '34', knownWith.log)).toEqual({ 'svc-web exact': 'yes' });
    expect(await holders(WEB, '34', knownWith.t1)).toEqual({ 'svc-web exact': 'yes', 'svc-old exact': 'not-known' });
    expect(await holders(WEB, '34')).toEqual({ 'svc-web exact': 'yes', 'svc-old exact': 'yes' });
  });

  it('of all times make a history', async () => {
    const parameters = getSpnHistoryParameters.parse({ spn: FILES, limit: 2 });
    const first = await getSpnHistory(database.prisma, parameters);
    const second = await getSpnHistory(database.prisma, { ...parameters, cursor: first.next ?? '' });
    const rows = [...first.rows, ...second.rows];
    expect(rows.map(({ samAccountName, beganBy, endedBy }) => [samAccountName, beganBy, endedBy])).toEqual([
      ['DC1$', at('19.885672'), at('34.416211')],
      ['svc-rep', at('35.176360'), at('36.372303')],
      ['DC1$', at('36.757320'), null],
    ]);
  });
});

describe('SPNs', () => {
  const find = async (parameters: object) =>
    (await findSpns(database.prisma, findSpnsParameters.parse(parameters))).rows.map(({ spn }) => spn);

  it('are as many as the last dump has', async () => expect(await find({})).toHaveLength(30));

  it('are found by pattern and by any name of an account', async () => {
    expect(await find({ spn: '*/ws1*' })).toEqual(['HOST/WS1', 'host/ws1.corp.example']);
    for (const account of ['WS1$', 'ws1', dn('WS1', 'CN=Computers'), dn('WS1', 'CN=Computers').toLowerCase()])
      expect(await find({ account })).toEqual(['HOST/WS1', 'host/ws1.corp.example']);
    expect(await find({ account: 'nobody' })).toEqual([]);
  });

  it('are read in pages', async () => {
    const all = await find({});
    const paged: string[] = [];
    for (let cursor: string | undefined = ''; cursor !== undefined;) {
      const parameters = findSpnsParameters.parse({ limit: 7, ...(cursor && { cursor }) });
      const page = await findSpns(database.prisma, parameters);
      paged.push(...page.rows.map(({ spn }) => spn));
      cursor = page.next ?? undefined;
    }
    expect(paged).toEqual(all);
  });

  it('as known need a key', async () => {
    await expect(find({ asKnown: knownWith.all })).rejects.toThrow(AsKnownNeedsKey);
    expect(await find({ asKnown: knownWith.log, account: 'svc-old', asOf: at('34') })).toEqual([
      'HTTP/legacy.corp.example',
      'HTTP/ws1.corp.example',
    ]);
    expect(await find({ asKnown: knownWith.all, account: 'svc-old', spn: '*web1*', asOf: at('34') })).toEqual([WEB]);
  });
});

describe('a check before a registration', () => {
  it('names what would clash: exactly, by alias in both directions, by invisible characters', async () => {
    const check = await checkSpn(database.prisma, {
      spns: [
        'http/WEB1.corp.example',
        'HOST/web1.corp.example',
        'cifs/ws1.corp.example',
        `${WEB}\u200c`,
        'HTTP/new.corp.example',
      ],
    });
    expect(check.map(({ clashes }) => clashes.map(({ samAccountName, by }) => `${samAccountName} ${by}`))).toEqual([
      ['svc-web exact'],
      ['svc-web alias'],
      ['WS1$ alias'],
      ['svc-web unicode'],
      [],
    ]);
    expect(check.map(({ invalid }) => invalid?.code ?? null)).toEqual([null, null, null, 'SPN_IGNORABLE', null]);
  });

  it('knows what the account has itself', async () => {
    const [web, host] = await checkSpn(database.prisma, { spns: [WEB, 'HOST/web1.corp.example'], account: 'svc-web' });
    expect(web?.clashes.map(({ by }) => by)).toEqual(['held']);
    expect(host?.clashes).toEqual([]);
  });
});

describe('findings', () => {
  it('are the unaudited write, with its bounds and evidence, and the assumed alias map', async () => {
    const { rows } = await findFindings(database.prisma, findFindingsParameters.parse({}));
    expect(rows.map(({ kind }) => kind)).toEqual(['alias-map-assumed', 'unaudited-write']);
    expect(rows[1]).toMatchObject({
      account: dn('svc-old'),
      samAccountName: 'svc-old',
      spn: WEB,
      beganAfter: at('32.933392'),
      beganBy: at('33.568000'),
      evidence: [
        { type: 'SpnsReplaced', occurredAt: at('32.933392'), source: 'samba/corp.example' },
        { type: 'AccountListed', occurredAt: at('33.568000'), source: 'ldif/corp.example' },
      ],
    });
    expect(rows[0]).toMatchObject({ account: null, forest: 'observed:corp.example', detail: { clashes: 1 } });
  });

  it('are filtered', async () => {
    const find = async (parameters: object) =>
      (await findFindings(database.prisma, findFindingsParameters.parse(parameters))).rows.map(({ kind }) => kind);
    expect(await find({ account: 'svc-old' })).toEqual(['unaudited-write']);
    expect(await find({ account: 'svc-web' })).toEqual([]);
    expect(await find({ spn: WEB, since: at('36') })).toEqual(['unaudited-write']);
    expect(await find({ spn: WEB, since: at('38') })).toEqual([]);
    expect(await find({ kind: 'alias-map-assumed' })).toEqual(['alias-map-assumed']);
  });
});

describe('accounts', () => {
  it('are those of the dumps, found by kind and name', async () => {
    const find = async (parameters: object) =>
      (await findAccounts(database.prisma, findAccountsParameters.parse(parameters))).rows;
    expect(await find({})).toHaveLength(22);
    expect((await find({ kind: 'computer' })).map(({ samAccountName }) => samAccountName).toSorted()).toEqual([
      'DC1$',
      'WEB1$',
      'WS1$',
      'WS2$',
    ]);
    expect(await find({ name: 'ALICE' })).toMatchObject([
      { account: dn('alice'), domain: 'corp.example', enabled: true },
    ]);
  });

  it('are as they were at an instant', async () => {
    const old = await getAccount(database.prisma, { account: 'svc-old', asOf: at('34') });
    expect(old?.spns.map(({ spn, answer }) => [spn, answer])).toEqual([
      ['HTTP/legacy.corp.example', 'yes'],
      [WEB, 'yes'],
      ['HTTP/ws1.corp.example', 'yes'],
    ]);
    const now = await getAccount(database.prisma, { account: 'svc-old' });
    expect(now?.spns.map(({ spn }) => spn)).toEqual(['HTTP/legacy.corp.example']);
    expect(await getAccount(database.prisma, { account: 'svc-old', asOf: at('00') })).toBeNull();
    expect(await getAccount(database.prisma, { account: 'nobody' })).toBeNull();
  });

  it('stand in a forest that sources told of', async () => {
    const { rows } = await findForests(database.prisma, findForestsParameters.parse({}));
    expect(rows).toMatchObject([
      { name: 'corp.example', origin: 'observed', policy: null, domains: [{ domain: 'corp.example' }] },
    ]);
  });
});
