/**
 * What may honestly be claimed of the sample recording (samples/lab-samba-ad), asked of a real server over HTTP after its
 * five files were imported, the dumps before the log. Each figure was computed from the raw files by independent readers.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { type Json, query, startServer, type TestServer } from './support/server.js';

const FOLDER = 'samples/lab-samba-ad';
const DAY = '2026-11-22T';

let database: TestDatabase;
let server: TestServer;

beforeAll(async () => {
  database = await createTestDatabase();
  server = await startServer({ databaseUrl: database.url });
  const observedAt = JSON.parse(await readFile(`${FOLDER}/observed-at.json`, 'utf8')) as Record<string, string>;
  const dumps = Object.keys(observedAt).toReversed();
  for (const name of [...dumps, 'log.samba.gz']) {
    const raw = new Uint8Array(await readFile(`${FOLDER}/${name}`));
    const headers = { 'content-type': 'application/octet-stream' };
    const path = query('/v1/imports', { name, observedAt: observedAt[name] });
    const { body } = await server.api.call<readonly Json[]>('POST', path, { raw, headers });
    const { finished } = body.at(-1) as { finished?: { position: number; quarantined: number } };
    if (finished?.quarantined !== 0) throw new Error(`${name}: ${JSON.stringify(body.at(-1))}`);
    position = finished.position;
  }
}, 60_000);
afterAll(async () => {
  await server.dispose();
  await database.drop();
});

let position = 0;

async function rows(path: string, parameters: Record<string, string | number> = {}): Promise<Json[]> {
  const answer = await server.api.get<{ rows: Json[]; next: string | null }>(
    query(path, { limit: 1000, after: position, ...parameters }),
  );
  expect(answer.status).toBe(200);
  expect(answer.body.next).toBeNull();
  return answer.body.rows;
}

describe('the sample recording', () => {
  it('has 24 service tickets by SPN, and 53 forwarded TGTs that are no service tickets', async () => {
    const counted = await rows('/v1/tickets');
    const bySpn = Object.fromEntries(
      counted.map(({ kind, spn, tickets }) => [`${String(kind)} ${String(spn)}`, tickets]),
    );
    expect(bySpn).toEqual({
      'forwarded-tgt krbtgt/CORP.EXAMPLE': 53,
      'service HTTP/web1.corp.example': 5,
      'service MSSQLSvc/sql1.corp.example:1433': 4,
      'service cifs/files.corp.example': 4,
      'service app/app1.corp.example:8443': 3,
      'service ldap/dc1.corp.example': 2,
      'service cifs/dc1.corp.example': 2,
      'service HTTP/legacy.corp.example': 1,
      'service rep/rpt1.corp.example': 1,
      'service mon/mon1.corp.example': 1,
      'service HTTP/web1': 1,
    });
  });

  it('has 8 refusals that are 4 attempts, each asked twice, with the cause of that instant', async () => {
    expect(await rows('/v1/events', { type: 'ServiceTicketRefused' })).toHaveLength(8);
    const refused = (await rows('/v1/failures', { code: 'KDC_ERR_S_PRINCIPAL_UNKNOWN', order: 'asc' })).map(
      (failure) => {
        const { clientName, spn, asks } = failure['attempt'] as Json;
        return [clientName, spn, asks, failure['cause']];
      },
    );
    expect(refused).toEqual([
      ['alice@CORP.EXAMPLE', 'ldap/old-dc.corp.example', 2, 'spn-unknown'],
      ['alice@CORP.EXAMPLE', 'HTTP/nosuch.corp.example', 2, 'spn-unknown'],
      ['carol@CORP.EXAMPLE', 'HTTP/web1.corp.example', 2, 'spn-duplicate'],
      ['carol@CORP.EXAMPLE', 'cifs/files.corp.example', 2, 'spn-not-held'],
    ]);
  });

  it('has two failed mutual authentications on the misplaced SPN: failure observed, client and SPN inferred', async () => {
    const failed = await rows('/v1/failures', { code: 'NT_STATUS_LOGON_FAILURE', order: 'asc' });
    expect(
      failed.map(({ attempt }) => [(attempt as Json)['at'], (attempt as Json)['clientName'], (attempt as Json)['spn']]),
    ).toEqual([
      [`${DAY}10:53:35.577807Z`, 'alice@CORP.EXAMPLE', 'cifs/files.corp.example'],
      [`${DAY}10:53:35.884123Z`, 'carol@CORP.EXAMPLE', 'cifs/files.corp.example'],
    ]);
    for (const { cause, confidence, attempt, facts } of failed) {
      expect([cause, confidence]).toEqual(['spn-on-other-account', 'inferred']);
      const steps = new Map((attempt as { steps: Json[] }).steps.map((step) => [step['step'], step['state']]));
      expect([steps.get('S6'), steps.get('S7'), steps.get('S8'), steps.get('S9')]).toEqual([
        'missing',
        'observed',
        'missing',
        'missing',
      ]);
      expect(JSON.stringify(facts)).toContain(
        `svc-rep held cifs/files.corp.example from ${DAY}10:53:35.176360Z until ${DAY}10:53:36.372303Z`,
      );
      expect(JSON.stringify(facts)).toContain(
        `DC1$ held cifs/files.corp.example by ${DAY}10:53:19.885672Z (begin not known) until ${DAY}10:53:34.416211Z`,
      );
    }
  });

  it('claims no success and no code that nobody saw', async () => {
    const attempts = await rows('/v1/attempts');
    expect(attempts).toHaveLength(28);
    const outcomes = attempts.map(({ outcome }) => outcome);
    expect(outcomes.filter((outcome) => outcome === 'ticket-issued')).toHaveLength(22);
    expect(outcomes.filter((outcome) => outcome === 'failed')).toHaveLength(6);
    const steps = attempts.flatMap((attempt) => (attempt as { steps: Json[] }).steps);
    expect(steps.filter(({ step, state }) => step === 'S9' && state !== 'missing')).toEqual([]);
    expect(JSON.stringify(attempts)).not.toMatch(/KRB_AP_ERR|8647|21C7/);
  });

  it('has 22 modifications of SPNs, 2 of them refused with constraint violation', async () => {
    const of = async (type: string) => rows('/v1/events', { type });
    const source = (event: Json) => (event['metadata'] as { source: { record: number } }).source.record;
    const written = [...(await of('SpnRegistered')), ...(await of('SpnRemoved')), ...(await of('SpnsReplaced'))].filter(
      ({ metadata }) => (metadata as { source: { kind: string } }).source.kind === 'samba',
    );
    expect(new Set(written.map(source)).size).toBe(20);
    const refused = await of('SpnRegistrationRefused');
    expect(refused.map(({ data }) => data)).toMatchObject([
      { spns: ['HOST/WEB1'], status: 19, code: 'constraintViolation' },
      { spns: ['HOST/web1.corp.example'], status: 19, code: 'constraintViolation' },
    ]);
  });

  it.each([
    ['10:53:20.804', [], []],
    ['10:53:32.933391', [], []],
    ['10:53:33.000', ['not-known'], ['yes']],
    ['10:53:34.000', ['yes'], ['yes']],
    ['10:53:35.176', ['yes'], ['yes']],
    ['10:53:36.171', ['yes'], ['yes']],
    ['10:53:37.000', ['not-known'], ['yes']],
    ['10:53:37.403306', [], []],
    ['10:53:38.377', [], []],
  ])('as of %s the exact duplicate is %j, the alias clash %j', async (time, exact, alias) => {
    const asOf = `${DAY}${time}Z`;
    const answers = async (kind: string) => (await rows('/v1/duplicates', { asOf, kind })).map(({ answer }) => answer);
    expect(await answers('exact')).toEqual(exact);
    expect(await answers('alias')).toEqual(alias);
    expect(await answers('unicode')).toEqual([]);
  });

  it('bounds the exact duplicate by its evidence and knows the alias clash exactly', async () => {
    const during = { since: `${DAY}10:00:00Z`, until: `${DAY}11:00:00Z` };
    expect(await rows('/v1/duplicates', during)).toMatchObject([
      {
        kind: 'exact',
        spn: 'HTTP/web1.corp.example',
        beganAfter: `${DAY}10:53:32.933392Z`,
        beganBy: `${DAY}10:53:33.568000Z`,
        endedAfter: `${DAY}10:53:36.171000Z`,
        endedBy: `${DAY}10:53:37.403306Z`,
      },
      {
        kind: 'alias',
        isAliasMapAssumed: true,
        beganAfter: `${DAY}10:53:32.933392Z`,
        beganBy: `${DAY}10:53:32.933392Z`,
        endedAfter: `${DAY}10:53:37.403306Z`,
        endedBy: `${DAY}10:53:37.403306Z`,
      },
    ]);
  });

  it('reports the write that no audit record tells of', async () => {
    expect(await rows('/v1/findings', { kind: 'unaudited-write' })).toMatchObject([
      { samAccountName: 'svc-old', spn: 'HTTP/web1.corp.example', beganBy: `${DAY}10:53:33.568000Z` },
    ]);
  });
});
