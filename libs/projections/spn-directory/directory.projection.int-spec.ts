/** The sample recording through the projection: equal tables whatever the order, the pages and the mixture of its sources. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { instantToNanos, type RecordedEvent } from '#event-store';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { applyProjection } from '../apply-projection.spec-support.js';
import { findDuplicates, findDuplicatesParameters } from '../duplicates/duplicates.query.js';
import { arriving, sampleEvents, sampleFiles } from '../sample-recording.spec-support.js';
import { tableDigest } from '../table-digest.js';
import { directoryProjection } from './directory.projection.js';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(() => empty());

async function empty(): Promise<void> {
  await database.pool.query(`TRUNCATE ${directoryProjection.tables.map((table) => `read.${table}`).join(', ')}`);
}

async function project(events: readonly RecordedEvent[], pageSize = 1_000): Promise<void> {
  await applyProjection(database.pool, directoryProjection, events, pageSize);
}

async function digests(): Promise<[string, string][]> {
  const found: [string, string][] = [];
  for (const table of directoryProjection.tables) found.push([table, await tableDigest(database.pool, table)]);
  return found;
}

describe('the sample recording', () => {
  const file = (index: number): string => sampleFiles[index]!;

  it.each([
    ['backwards', [4, 3, 2, 1, 0], 1_000],
    ['with the log in the middle', [3, 1, 0, 4, 2], 1_000],
    ['with the log last, in pages of seven', [1, 2, 3, 4, 0], 7],
    ['with the dumps backwards, in pages of three', [0, 4, 3, 2, 1], 3],
  ])('gives equal tables when its files come %s', async (_, order, pageSize) => {
    await project(await sampleEvents());
    const expected = await digests();
    await empty();
    await project(await sampleEvents(order.map(file)), pageSize);
    expect(await digests()).toEqual(expected);
  });

  it('gives equal tables when its events come in any order at all', async () => {
    const events = await sampleEvents();
    await project(events);
    const expected = await digests();
    await empty();
    const shuffled = events.map((event, index) => ({ event, key: (index * 7_919) % 1_009 }));
    await project(arriving(shuffled.toSorted((a, b) => a.key - b.key).map(({ event }) => event)), 23);
    expect(await digests()).toEqual(expected);
  });

  it('leaves what is known of it: holdings, accounts, duplicates, the forest', async () => {
    await project(await sampleEvents());
    const counts = await database.pool.query<{ holders: number; held: number; accounts: number; duplicates: number }>(`
      SELECT (SELECT count(DISTINCT account) FROM read.spn_holding) AS holders,
             (SELECT count(*) FROM read.spn_holding WHERE ended_by IS NULL) AS held,
             (SELECT count(*) FROM read.account) AS accounts,
             (SELECT count(*) FROM read.spn_duplicate) AS duplicates`);
    expect(counts.rows[0]).toEqual({ holders: 10, held: 30, accounts: 22, duplicates: 2 });
    const forest = await database.prisma.forest.findMany();
    expect(forest).toMatchObject([{ forest: 'observed:corp.example', name: 'corp.example', origin: 'observed' }]);
    expect(forest[0]?.auditedFrom).toBe(instantToNanos('2026-11-22T10:53:00.986526Z'));
  });
});

describe('an own forest', () => {
  const forest = 'corp.test';
  const policy = (aliases: { target: string; aliases: string[] }[]) => ({ ruleProfile: 'permissive', aliases });
  let position = 0;

  function event(stream: string, second: number, type: string, data: Record<string, unknown>): RecordedEvent {
    position += 1;
    const at = `2026-12-01T00:00:0${second}.000000Z`;
    return {
      id: `00000000-0000-7000-8000-${String(position).padStart(12, '0')}`,
      stream,
      version: position,
      position,
      type,
      schemaVersion: 1,
      occurredAt: at,
      recordedAt: at,
      data: { forest, ...data } as RecordedEvent['data'],
      metadata: { origin: 'decided' },
    };
  }

  const account = (name: string, spn: string): RecordedEvent[] => [
    event(`account-${name}`, 2, 'AccountCreated', {
      account: name,
      domain: forest,
      kind: 'user',
      samAccountName: name,
      enabled: true,
    }),
    event(`account-${name}`, 3, 'SpnRegistered', { account: name, domain: forest, spn }),
  ];

  it('clashes by alias while its policy maps the class, also when the policy changes afterwards', async () => {
    const events = [
      event('forest-corp.test', 1, 'ForestCreated', { name: forest, policy: policy([]) }),
      ...account('a', 'host/h'),
      ...account('b', 'vnc/h'),
      event('forest-corp.test', 5, 'PolicyChanged', { policy: policy([{ target: 'host', aliases: ['vnc'] }]) }),
      event('forest-corp.test', 7, 'PolicyChanged', { policy: policy([]) }),
    ];
    await project(events, 1);
    const ask = async (second: string) =>
      findDuplicates(database.prisma, findDuplicatesParameters.parse({ asOf: `2026-12-01T00:00:0${second}Z` }));
    expect((await ask('4.999999')).rows).toEqual([]);
    expect((await ask('5')).rows).toMatchObject([
      { kind: 'alias', answer: 'yes', isAliasMapAssumed: false, spn: 'vnc/h' },
    ]);
    expect((await ask('7')).rows).toEqual([]);
    expect((await findDuplicates(database.prisma, findDuplicatesParameters.parse({}))).rows).toEqual([]);
  });

  it('says no of an account before it was made', async () => {
    await project([
      event('forest-corp.test', 1, 'ForestCreated', { name: forest, policy: policy([]) }),
      ...account('a', 'HTTP/h'),
      ...account('b', 'http/H'),
    ]);
    const before = findDuplicatesParameters.parse({ asOf: '2020-01-01T00:00:00Z' });
    expect((await findDuplicates(database.prisma, before)).rows).toEqual([]);
    const { rows } = await findDuplicates(database.prisma, findDuplicatesParameters.parse({}));
    expect(rows).toMatchObject([
      {
        kind: 'exact',
        answer: 'yes',
        beganAfter: '2026-12-01T00:00:03.000000Z',
        beganBy: '2026-12-01T00:00:03.000000Z',
      },
    ]);
    expect(rows[0]?.holders.map(({ account, spn }) => [account, spn])).toEqual([
      ['a', 'HTTP/h'],
      ['b', 'http/H'],
    ]);
  });

  it('tells the name that every krbtgt holds from one that somebody else took', async () => {
    const domain = (name: string): RecordedEvent[] =>
      account(name, 'kadmin/changepw').map((one) =>
        one.type === 'AccountCreated' ? { ...one, data: { ...one.data, samAccountName: 'krbtgt' } } : one,
      );
    await project([...domain('root'), ...domain('child')]);
    const byDesign = await findDuplicates(database.prisma, findDuplicatesParameters.parse({}));
    expect(byDesign.rows.map(({ isByDesign }) => isByDesign)).toEqual([true]);
    await project(account('mallory', 'kadmin/changepw'));
    const taken = await findDuplicates(database.prisma, findDuplicatesParameters.parse({}));
    expect(taken.rows.map(({ isByDesign }) => isByDesign)).toEqual([false]);
    expect(taken.rows[0]?.holders).toHaveLength(3);
  });
});
