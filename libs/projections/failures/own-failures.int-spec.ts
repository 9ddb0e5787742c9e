/** Failures of exchanges of our own, from the events that the commands decide, with the directory that they decided on. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RecordedEvent } from '#event-store';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { applyProjection } from '../apply-projection.spec-support.js';
import { attemptsProjection } from '../attempts/attempts.projection.js';
import { getAttempt } from '../attempts/attempts.query.js';
import { directoryProjection } from '../spn-directory/directory.projection.js';
import { findFailures, findFailuresParameters, type FailureView } from './failures.query.js';

type Decided = readonly [stream: string, second: number, type: string, data: Record<string, unknown>];

const spn = 'HTTP/web1.corp.example';
const alice = { client: 'a1', clientName: 'alice@CORP.EXAMPLE' };

const account = (id: string, samAccountName: string): Decided[] => [
  [
    `account-${id}`,
    0,
    'AccountCreated',
    { account: id, domain: 'corp.example', kind: 'user', samAccountName, enabled: true },
  ],
];
const registers = (second: number, id: string, value = spn): Decided => [
  `account-${id}`,
  second,
  'SpnRegistered',
  { account: id, domain: 'corp.example', spn: value },
];
const asks = (second: number, request: string, value = spn): Decided => [
  `exchange-${request}`,
  second,
  'ServiceTicketRequested',
  { request, logon: 'L1', ...alice, spn: value },
];
const refused = (second: number, request: string, code: string, value = spn): Decided => [
  `exchange-${request}`,
  second,
  'ServiceTicketRefused',
  { request, ...alice, spn: value, code, reason: 'told' },
];
const ticket = { ticket: 'A1', etype: 18, kvno: 1 };
/** Asked, issued with the key of `holder`, presented by `service`. */
const presents = (second: number, id: string, holder: string, service: string): Decided[] => [
  asks(second, `${id}-request`),
  [
    `exchange-${id}-request`,
    second,
    'SpnResolved',
    { request: `${id}-request`, spn, account: holder, registeredSpn: spn, by: 'exact' },
  ],
  [
    `exchange-${id}-request`,
    second,
    'ServiceTicketIssued',
    { request: `${id}-request`, ...alice, spn, account: holder, ...ticket },
  ],
  [
    `exchange-${id}`,
    second + 1,
    'TicketPresented',
    { presentation: id, request: `${id}-request`, ticket: 'A1', spn, service },
  ],
];
const rejects = (second: number, id: string, code: string): Decided => [
  `exchange-${id}`,
  second,
  'ClientRejected',
  { presentation: id, request: `${id}-request`, ticket: 'A1', spn, code, reason: 'told' },
];

const decided: Decided[] = [
  ...account('a1', 'alice'),
  ...account('w1', 'svc-web'),
  ...account('o1', 'svc old'),
  [
    'exchange-L1',
    1,
    'TgtIssued',
    { logon: 'L1', ...alice, service: 'krbtgt/CORP.EXAMPLE', expiresAt: '2026-11-22T20:00:00Z' },
  ],
  asks(2, 'unknown'),
  ['exchange-unknown', 2, 'SpnNotFound', { request: 'unknown', spn }],
  refused(2, 'unknown', 'KDC_ERR_S_PRINCIPAL_UNKNOWN'),
  registers(10, 'w1'),
  ...presents(12, 'wrong-key', 'w1', 'w1'),
  rejects(14, 'wrong-key', 'KRB_AP_ERR_BAD_INTEGRITY'),
  ...presents(15, 'misplaced', 'w1', 'o1'),
  rejects(17, 'misplaced', 'KRB_AP_ERR_BAD_INTEGRITY'),
  ...presents(18, 'outside', 'w1', 'agent-of-somebody'),
  rejects(20, 'outside', 'KRB_AP_ERR_BADKEYVER'),
  registers(30, 'o1', 'http/WEB1.corp.example'),
  asks(32, 'duplicate'),
  ['exchange-duplicate', 32, 'SpnAmbiguous', { request: 'duplicate', spn, by: 'exact', holders: [] }],
  refused(32, 'duplicate', 'KDC_ERR_PRINCIPAL_NOT_UNIQUE'),
  [
    'exchange-L2',
    40,
    'TgtRefused',
    { logon: 'L2', ...alice, service: 'krbtgt/CORP.EXAMPLE', code: 'KDC_ERR_PREAUTH_FAILED', reason: 'told' },
  ],
];

let database: TestDatabase;
let failures: Map<string, FailureView>;

beforeAll(async () => {
  database = await createTestDatabase();
  const versions = new Map<string, number>();
  const events = decided.map(([stream, second, type, data], index): RecordedEvent => {
    const version = (versions.get(stream) ?? 0) + 1;
    versions.set(stream, version);
    const at = `2026-11-22T10:00:${String(second).padStart(2, '0')}.000000Z`;
    return {
      id: `00000000-0000-7000-8000-${String(index).padStart(12, '0')}`,
      stream,
      version,
      position: index + 1,
      type,
      schemaVersion: 1,
      occurredAt: at,
      recordedAt: at,
      data: { forest: 'own', ...data } as RecordedEvent['data'],
      metadata: { origin: 'decided', actor: 'kim' },
    };
  });
  await applyProjection(database.pool, directoryProjection, events);
  await applyProjection(database.pool, attemptsProjection, events);
  const { rows } = await findFailures(database.prisma, findFailuresParameters.parse({ kind: 'all' }));
  failures = new Map(rows.map((row) => [row.attempt.id, row]));
});
afterAll(() => database.drop());

describe('failures of our own exchanges', () => {
  it.each([
    ['unknown', 'S3', 'KDC_ERR_S_PRINCIPAL_UNKNOWN', 'spn-not-held', 'observed'],
    ['duplicate', 'S4', 'KDC_ERR_PRINCIPAL_NOT_UNIQUE', 'spn-duplicate', 'observed'],
    ['wrong-key', 'S7', 'KRB_AP_ERR_BAD_INTEGRITY', 'wrong-key', 'observed'],
    ['misplaced', 'S7', 'KRB_AP_ERR_BAD_INTEGRITY', 'spn-on-other-account', 'inferred'],
    ['outside', 'S7', 'KRB_AP_ERR_BADKEYVER', 'stale-key', 'observed'],
    ['L2', 'S1', 'KDC_ERR_PREAUTH_FAILED', 'wrong-password', 'observed'],
  ])('%s: %s, %s, %s', (id, failedStep, code, cause, confidence) => {
    expect(failures.get(id)).toMatchObject({ cause, confidence, attempt: { failedStep, code } });
  });

  it('are all there is', () => {
    expect(failures.size).toBe(6);
  });

  it('are repaired by kerbtrail, with names that a shell would split in quotes', () => {
    expect(failures.get('duplicate')?.repair?.commands).toEqual([
      "kerbtrail spn delete 'svc old' http/WEB1.corp.example",
    ]);
    expect(failures.get('misplaced')?.repair?.commands).toEqual([
      `kerbtrail spn delete svc-web ${spn}`,
      `kerbtrail spn add 'svc old' ${spn}`,
    ]);
  });

  it('rest on the logon that the request names, which was observed', async () => {
    const attempt = await getAttempt(database.prisma, 'wrong-key');
    expect(attempt?.steps.slice(0, 2)).toMatchObject([
      { step: 'S0', state: 'observed', at: '2026-11-22T10:00:10.000000Z' },
      { step: 'S1', state: 'observed', at: '2026-11-22T10:00:01.000000Z' },
    ]);
  });
});
