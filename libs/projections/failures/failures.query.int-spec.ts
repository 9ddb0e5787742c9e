/** The failures of the sample recording: what its README says an honest reader may claim, and nothing beside it. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { applyProjection } from '../apply-projection.spec-support.js';
import { attemptsProjection } from '../attempts/attempts.projection.js';
import { sampleEvents } from '../sample-recording.spec-support.js';
import { directoryProjection } from '../spn-directory/directory.projection.js';
import { findFailures, findFailuresParameters, type FailureView } from './failures.query.js';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  const events = await sampleEvents();
  await applyProjection(database.pool, directoryProjection, events);
  await applyProjection(database.pool, attemptsProjection, events);
});
afterAll(() => database.drop());

async function failures(parameters: Record<string, unknown> = {}): Promise<readonly FailureView[]> {
  const { rows } = await findFailures(database.prisma, findFailuresParameters.parse({ order: 'asc', ...parameters }));
  return rows;
}

const at = (time: string): string => `2026-11-22T10:53:${time}Z`;
const told = ({ facts }: FailureView): string[] => facts.map(({ says }) => says.replaceAll('2026-11-22T10:53:', ''));
const who = ({ attempt }: FailureView): string => attempt.clientName?.replace('@CORP.EXAMPLE', '') ?? '';

describe('failures at services', () => {
  it('are six, each with its code as reported and the cause that the directory of that instant shows', async () => {
    const rows = await failures();
    expect(
      rows.map((row) => [row.attempt.failedAt, who(row), row.attempt.spn, row.attempt.code, row.cause, row.confidence]),
    ).toEqual([
      [at('29.662395'), 'alice', 'ldap/old-dc.corp.example', 'KDC_ERR_S_PRINCIPAL_UNKNOWN', 'spn-unknown', 'inferred'],
      [at('29.845517'), 'alice', 'HTTP/nosuch.corp.example', 'KDC_ERR_S_PRINCIPAL_UNKNOWN', 'spn-unknown', 'inferred'],
      [at('33.786150'), 'carol', 'HTTP/web1.corp.example', 'KDC_ERR_S_PRINCIPAL_UNKNOWN', 'spn-duplicate', 'inferred'],
      [at('34.698268'), 'carol', 'cifs/files.corp.example', 'KDC_ERR_S_PRINCIPAL_UNKNOWN', 'spn-not-held', 'inferred'],
      [
        at('35.577807'),
        'alice',
        'cifs/files.corp.example',
        'NT_STATUS_LOGON_FAILURE',
        'spn-on-other-account',
        'inferred',
      ],
      [
        at('35.884123'),
        'carol',
        'cifs/files.corp.example',
        'NT_STATUS_LOGON_FAILURE',
        'spn-on-other-account',
        'inferred',
      ],
    ]);
  });

  it('name no error code that was not on the wire', async () => {
    const text = JSON.stringify(await failures({ kind: 'all' }));
    for (const invented of ['KRB_AP_ERR_MODIFIED', 'KRB_AP_ERR_BADKEYVER', 'KRB_AP_ERR_NOKEY', '8647'])
      expect(text).not.toContain(invented);
  });

  it('of the duplicate name both holders, with the bounds of the second', async () => {
    const [duplicate] = await failures({ spn: 'http/WEB1.corp.example' });
    expect(told(duplicate!)).toEqual([
      'the KDC refused the ticket: KDC_ERR_S_PRINCIPAL_UNKNOWN (Service principal unknown)',
      'svc-web held HTTP/web1.corp.example from 13.221160Z, still',
      'svc-old held HTTP/web1.corp.example from between 32.933392Z and 33.568000Z until between 36.171000Z and 37.403306Z',
    ]);
    expect(duplicate?.repair).toEqual({
      commands: ['setspn -D HTTP/web1.corp.example svc-old'],
      doneAt: at('37.403306'),
    });
  });

  it('of the SPN that nobody held say when it was removed and when it came back', async () => {
    const [removed] = await failures({ spn: 'cifs/files.corp.example', code: 'KDC_ERR_S_PRINCIPAL_UNKNOWN' });
    expect(told(removed!)).toContain(
      'DC1$ held cifs/files.corp.example by 19.885672Z (begin not known) until 34.416211Z',
    );
    expect(told(removed!)).toContain('svc-rep held cifs/files.corp.example from 35.176360Z until 36.372303Z');
    expect(removed?.repair?.doneAt).toBe(at('35.176360'));
  });

  it('of the misplaced SPN: failure observed, client and SPN inferred, AP-REQ missing, the holder another account', async () => {
    const [misplaced] = await failures({ account: 'alice@CORP.EXAMPLE', code: 'NT_STATUS_LOGON_FAILURE' });
    const state = Object.fromEntries(misplaced!.attempt.steps.map((step) => [step.step, step]));
    expect(state['S5']).toMatchObject({ state: 'inferred', rule: 'J3', at: at('35.571125') });
    expect(state['S6']).toMatchObject({ state: 'missing' });
    expect(state['S7']).toMatchObject({ state: 'observed', outcome: 'failed', at: at('35.577807') });
    expect(state['S9']).toMatchObject({ state: 'missing' });
    expect(misplaced?.attempt.rules.map(({ id }) => id)).toEqual(['J3', 'J4']);
    expect(misplaced?.rule?.id).toBe('D2');
    expect(told(misplaced!)).toEqual(
      expect.arrayContaining([
        'DC1$@CORP.EXAMPLE looked for key version 2 of etype 23',
        'svc-rep held cifs/files.corp.example from 35.176360Z until 36.372303Z',
        'DC1$ held cifs/files.corp.example by 19.885672Z (begin not known) until 34.416211Z',
        'DC1$ held cifs/files.corp.example from 36.757320Z, still',
        'an earlier ticket for this SPN was made with etype 18',
      ]),
    );
    expect(misplaced?.repair).toEqual({
      commands: ['setspn -D cifs/files.corp.example svc-rep', "setspn -S cifs/files.corp.example 'DC1$'"],
      doneAt: at('36.372303'),
    });
  });

  it('give the events that show each fact', async () => {
    const rows = await failures({ kind: 'all' });
    const ids = new Set(rows.flatMap(({ facts }) => facts.flatMap(({ events }) => events)));
    const known = await database.pool.query<{ id: string }>(
      'SELECT event_id AS id FROM read.attempt_evidence UNION SELECT event_id FROM read.account_evidence',
    );
    const all = new Set(known.rows.map(({ id }) => id));
    expect(rows.flatMap(({ facts }) => facts).every(({ events }) => events.length > 0)).toBe(true);
    expect([...ids].every((id) => all.has(id))).toBe(true);
  });

  it('are read page by page', async () => {
    const first = await findFailures(database.prisma, findFailuresParameters.parse({ limit: 4 }));
    const second = await findFailures(database.prisma, findFailuresParameters.parse({ limit: 4, cursor: first.next }));
    expect(second.next).toBeNull();
    const ids = [...first.rows, ...second.rows].map(({ attempt }) => attempt.id);
    expect(ids.toReversed()).toEqual((await failures()).map(({ attempt }) => attempt.id));
  });
});

describe('refused logons', () => {
  it('are sixteen, apart from the failures at services', async () => {
    const rows = await failures({ kind: 'logon' });
    const counts = new Map<string, number>();
    for (const row of rows) {
      const key = `${who(row)} ${row.cause}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    expect(Object.fromEntries(counts)).toEqual({
      'bob wrong-password': 3,
      'backup client-unknown': 1,
      'scanner client-unknown': 1,
      'dave client-disabled': 1,
      'erin password-expired': 1,
      'frank client-expired': 1,
      'grace wrong-password': 4,
      'grace client-locked': 2,
      'alice clock-skew': 1,
      'heidi wrong-password': 1,
    });
    expect(new Set(rows.map(({ confidence }) => confidence))).toEqual(new Set(['observed']));
  });
});
