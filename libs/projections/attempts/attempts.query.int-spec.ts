/** The attempts and tickets of the sample recording: every figure of its README, and what was known before the log came. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { applyProjection } from '../apply-projection.spec-support.js';
import { sampleEvents } from '../sample-recording.spec-support.js';
import { directoryProjection } from '../spn-directory/directory.projection.js';
import type { AttemptView } from './attempt-view.js';
import { attemptsProjection } from './attempts.projection.js';
import { findAttempts, findAttemptsParameters, getAttempt } from './attempts.query.js';
import { countTickets, countTicketsParameters } from './tickets.query.js';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  const events = await sampleEvents();
  await applyProjection(database.pool, directoryProjection, events);
  await applyProjection(database.pool, attemptsProjection, events);
});
afterAll(() => database.drop());

async function attempts(parameters: Record<string, unknown> = {}): Promise<readonly AttemptView[]> {
  const { rows } = await findAttempts(database.prisma, findAttemptsParameters.parse({ order: 'asc', ...parameters }));
  return rows;
}

function counted<T>(rows: readonly T[], key: (row: T) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const row of rows) counts[key(row)] = (counts[key(row)] ?? 0) + 1;
  return counts;
}

describe('tickets', () => {
  const tickets = (parameters: object = {}) => countTickets(database.prisma, countTicketsParameters.parse(parameters));

  it('are 24 service tickets by SPN, and 53 forwarded TGTs apart', async () => {
    const { rows } = await tickets();
    expect(Object.fromEntries(rows.map(({ spn, tickets: count }) => [spn, count]))).toEqual({
      'HTTP/web1.corp.example': 5,
      'MSSQLSvc/sql1.corp.example:1433': 4,
      'cifs/files.corp.example': 4,
      'app/app1.corp.example:8443': 3,
      'ldap/dc1.corp.example': 2,
      'cifs/dc1.corp.example': 2,
      'HTTP/legacy.corp.example': 1,
      'rep/rpt1.corp.example': 1,
      'mon/mon1.corp.example': 1,
      'HTTP/web1': 1,
      'krbtgt/CORP.EXAMPLE': 53,
    });
    expect(
      rows.filter(({ kind }) => kind === 'forwarded-tgt').map(({ tickets: count, clients }) => [count, clients]),
    ).toEqual([[53, 4]]);
  });

  it('are counted for one client, one SPN, one time, and page by page', async () => {
    const forwarded = await tickets({ client: 'administrator@corp.example', kind: 'forwarded-tgt' });
    expect(forwarded.rows[0]?.tickets).toBe(50);
    const files = await tickets({ spn: 'CIFS/files.corp.example', since: '2026-11-22T10:53:30Z' });
    expect(files.rows[0]).toMatchObject({ tickets: 3, clients: 2 });
    const first = await tickets({ limit: 6 });
    const second = await tickets({ limit: 6, cursor: first.next });
    expect(first.rows.length + second.rows.length).toBe(11);
    expect(second.next).toBeNull();
  });
});

describe('attempts at services', () => {
  it('are 28: 24 tickets, of which two met a failure of the service, and 4 refusals that were asked twice', async () => {
    const rows = await attempts();
    expect(counted(rows, ({ outcome, failedStep, asks }) => [outcome, failedStep ?? '', asks].join(' '))).toEqual({
      'ticket-issued  1': 22,
      'failed S7 1': 2,
      'failed S5 2': 4,
    });
  });

  it('claim no mutual authentication: acceptors log no success', async () => {
    for (const { steps } of await attempts()) {
      const seen = new Map(steps.map(({ step, state }) => [step, state]));
      expect([seen.get('S6'), seen.get('S8'), seen.get('S9')]).toEqual(['missing', 'missing', 'missing']);
    }
    const [smb] = await attempts({ spn: 'cifs/files.corp.example', until: '2026-11-22T10:53:24Z' });
    expect(smb).toMatchObject({ at: '2026-11-22T10:53:23.576979Z', outcome: 'ticket-issued' });
  });

  it('rest on the registration and on the latest TGT of the client', async () => {
    const [last] = await attempts({ spn: 'cifs/files.corp.example', since: '2026-11-22T10:53:38Z' });
    expect(last?.steps.slice(0, 2)).toMatchObject([
      { step: 'S0', state: 'observed', at: '2026-11-22T10:53:36.757320Z', verifier: 'directory' },
      { step: 'S1', state: 'inferred', at: '2026-11-22T10:53:37.683616Z', rule: 'J6' },
    ]);
  });

  it.each([
    ['an account, whatever its case', { account: 'ALICE@corp.example' }, 6],
    ['the account that a service runs as', { account: 'DC1$@CORP.EXAMPLE' }, 2],
    ['an SPN', { spn: 'HTTP/WEB1.corp.example' }, 6],
    ['a code', { code: 'NT_STATUS_LOGON_FAILURE' }, 2],
    ['an outcome', { outcome: 'failed' }, 6],
    ['a time', { since: '2026-11-22T10:53:35.571125Z', until: '2026-11-22T10:53:35.884123Z' }, 1],
    ['a forest', { forest: 'observed:elsewhere.example' }, 0],
    ['all kinds', { kind: 'all' }, 44],
  ])('are found by %s', async (_, parameters, count) => {
    expect(await attempts(parameters)).toHaveLength(count);
  });

  it('are read page by page, either way', async () => {
    for (const order of ['asc', 'desc'] as const) {
      const ids: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await findAttempts(database.prisma, findAttemptsParameters.parse({ order, limit: 5, cursor }));
        ids.push(...page.rows.map(({ id }) => id));
        cursor = page.next ?? undefined;
      } while (cursor);
      expect(ids).toEqual((await attempts({ order })).map(({ id }) => id));
    }
  });

  it('are found by their id, and by that of any event in them', async () => {
    const [failed] = await attempts({ code: 'NT_STATUS_LOGON_FAILURE' });
    expect(await getAttempt(database.prisma, failed!.id)).toEqual(failed);
    for (const event of failed!.evidence) expect((await getAttempt(database.prisma, event))?.id).toBe(failed!.id);
    expect(await getAttempt(database.prisma, 'nobody')).toBeNull();
  });
});

describe('attempts as known', () => {
  const all = { since: '2026-11-22T10:52:00Z', until: '2026-11-22T10:54:00Z', kind: 'all', limit: 1_000 };
  const withoutRegistration = (rows: readonly AttemptView[]) =>
    rows.map((row) => ({ ...row, steps: row.steps.filter(({ step }) => step !== 'S0') }));

  it('before the log came are none, and after it all', async () => {
    expect(await attempts({ ...all, asKnown: '2026-11-30T23:59:59Z' })).toEqual([]);
    const known = await attempts({ ...all, asKnown: '2026-12-01T00:00:00Z' });
    expect(withoutRegistration(known)).toEqual(withoutRegistration(await attempts(all)));
  });

  it('are filtered as those of today', async () => {
    const parameters = { ...all, kind: 'service', account: 'carol@CORP.EXAMPLE', outcome: 'failed' };
    const known = await attempts({ ...parameters, asKnown: '2026-12-02T00:00:00Z' });
    expect(withoutRegistration(known)).toEqual(withoutRegistration(await attempts(parameters)));
    expect(known).toHaveLength(3);
  });

  it('must say of which time', () => {
    expect(findAttemptsParameters.safeParse({ asKnown: '2026-12-02T00:00:00Z' }).success).toBe(false);
  });
});
