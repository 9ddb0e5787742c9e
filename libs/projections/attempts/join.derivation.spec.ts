/** The join rules as facts, and what holds of them for any evidence in any order. */
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { Attempt } from './attempt.js';
import {
  evidence,
  loggedLogon,
  refusal,
  refusedLogon,
  rejection,
  status,
  ticket,
  type Told,
} from './attempt-events.spec-support.js';
import { familyOf, type Evidence } from './evidence.js';
import { deriveAttempts } from './join.derivation.js';
import { reach } from './join-rules.js';

const join = (...told: Told[]): Attempt[] => deriveAttempts(evidence(told));
const steps = (attempt: Attempt | undefined): Record<string, string> =>
  Object.fromEntries(
    (attempt?.steps ?? []).map(({ step, state, outcome }) => [step, [state, outcome].join(' ').trim()]),
  );

describe('a service ticket without an answer', () => {
  it('is an attempt whose service was not seen', () => {
    const [attempt, ...others] = join(ticket('21.613815', 'bob', 'HTTP/web1.corp.example', 23));
    expect(others).toEqual([]);
    expect(attempt).toMatchObject({ kind: 'service', outcome: 'ticket-issued', failedStep: null, asks: 1, rules: [] });
    expect(steps(attempt)).toEqual({
      S2: 'inferred passed',
      S3: 'inferred passed',
      S4: 'inferred passed',
      S5: 'observed passed',
      S6: 'missing',
      S7: 'missing',
      S8: 'missing',
      S9: 'missing',
      application: 'missing',
    });
  });
});

describe("an acceptor's failure (J3, J4)", () => {
  const failure = [rejection('35.577807'), status('35.577892')];

  it('belongs to the latest ticket of its encryption type; client and SPN are inferred, the AP-REQ is missing', () => {
    const attempts = join(
      ticket('33.966204', 'carol', 'HTTP/web1', 23),
      ticket('35.571125', 'alice', 'cifs/files.corp.example', 23),
      ticket('35.575000', 'bob', 'ldap/dc1.corp.example', 18),
      ...failure,
    );
    expect(attempts.map(({ outcome }) => outcome).toSorted()).toEqual(['failed', 'ticket-issued', 'ticket-issued']);
    const failed = attempts.find(({ outcome }) => outcome === 'failed');
    expect(failed).toMatchObject({
      clientName: 'alice@CORP.EXAMPLE',
      spn: 'cifs/files.corp.example',
      service: 'DC1$@CORP.EXAMPLE',
      failedStep: 'S7',
      code: 'NT_STATUS_LOGON_FAILURE',
      serviceKvno: 2,
      serviceEtype: 23,
      rules: ['J3', 'J4'],
      confidence: 'likely',
    });
    expect(failed?.evidence).toHaveLength(3);
    expect(steps(failed)).toMatchObject({ S5: 'inferred passed', S6: 'missing', S7: 'observed failed', S9: 'missing' });
  });

  it('stays without client and SPN when no ticket of its encryption type was issued within three seconds', () => {
    const attempts = join(
      ticket('32.577806', 'alice', 'cifs/files.corp.example', 23),
      ticket('35.571125', 'alice', 'cifs/files.corp.example', 18),
      ...failure,
    );
    const failed = attempts.find(({ outcome }) => outcome === 'failed');
    expect(failed).toMatchObject({ clientName: null, spn: null, code: 'NT_STATUS_LOGON_FAILURE', rules: ['J4'] });
    expect(steps(failed)).toMatchObject({ S2: 'missing', S5: 'missing', S7: 'observed failed' });
    expect(attempts).toHaveLength(3);
  });

  it('may be the second one on the same ticket: a ticket is not an attempt', () => {
    const attempts = join(
      ticket('35.571125', 'alice', 'cifs/files', 23),
      rejection('35.577807'),
      rejection('35.600000'),
    );
    expect(attempts.map(({ spn, outcome }) => [spn, outcome])).toEqual([
      ['cifs/files', 'failed'],
      ['cifs/files', 'failed'],
    ]);
  });

  it('reports what the acceptor said when no status line follows, and only then', () => {
    expect(join(rejection('35.577807'))[0]).toMatchObject({ code: 'KEYTAB_ENTRY_NOT_FOUND', rules: [] });
    expect(join(rejection('35.577807'), status('35.577892', 'samba/other'))).toHaveLength(2);
    expect(join(rejection('35.577807'), status('35.700000'))).toHaveLength(2);
    expect(join(status('35.577892'))[0]).toMatchObject({ failedStep: 'S7', code: 'NT_STATUS_LOGON_FAILURE' });
  });
});

describe('a refusal that was asked twice (J2)', () => {
  const spn = 'ldap/old-dc.corp.example';

  it('is one attempt, from its first refusal', () => {
    const attempts = join(refusal('29.671987', 'alice', spn, 48920), refusal('29.662395', 'alice', spn, 48916));
    expect(attempts).toHaveLength(1);
    expect(attempts[0]).toMatchObject({
      outcome: 'failed',
      failedStep: 'S5',
      code: 'KDC_ERR_S_PRINCIPAL_UNKNOWN',
      asks: 2,
      rules: ['J2'],
      confidence: 'strong',
    });
    expect(attempts[0]?.at).toBe(attempts[0]?.failedAt);
    expect(steps(attempts[0])).toMatchObject({
      S2: 'inferred passed',
      S3: 'missing',
      S4: 'missing',
      S5: 'observed failed',
    });
  });

  it.each([
    ['51 ms apart', refusal('29.713396', 'alice', spn, 48920)],
    ['from the same port', refusal('29.671987', 'alice', spn, 48916)],
  ])('is two attempts when %s', (_, second) => {
    expect(join(refusal('29.662395', 'alice', spn, 48916), second)).toHaveLength(2);
  });

  it('folds no more than two of many together', () => {
    const many = ['29.662', '29.670', '29.680', '29.688'].map((at, index) => refusal(at, 'alice', spn, 48900 + index));
    expect(join(...many).map(({ asks }) => asks)).toEqual([2, 2]);
    expect(join(...many.slice(0, 3)).map(({ asks }) => asks)).toEqual([2, 1]);
  });

  it('for krbtgt is a refused security context, not an attempt at a service', () => {
    expect(join(refusal('29.6', 'alice', 'krbtgt/CORP.EXAMPLE', 1))[0]).toMatchObject({
      kind: 'logon',
      failedStep: 'S1',
    });
  });
});

describe('a refused logon (J5)', () => {
  it('is one attempt with its second log line, whichever came first', () => {
    const attempts = join(loggedLogon('24.209632', 'bob', 54190), refusedLogon('24.209997', 'bob', 54190));
    expect(attempts).toHaveLength(1);
    expect(attempts[0]).toMatchObject({ kind: 'logon', code: 'KDC_ERR_PREAUTH_FAILED', spn: null, rules: ['J5'] });
    expect(attempts[0]?.evidence).toHaveLength(2);
  });

  it('that only the second log tells of reports that status', () => {
    expect(join(loggedLogon('26.343659', 'dave', 52716, 'NT_STATUS_ACCOUNT_DISABLED'))[0]).toMatchObject({
      outcome: 'failed',
      failedStep: 'S1',
      code: 'NT_STATUS_ACCOUNT_DISABLED',
    });
  });
});

describe('for any evidence', () => {
  /** Close enough for the rules' windows to meet, and often equal. */
  const within = (spanMs: number) => fc.integer({ min: 0, max: spanMs }).map((ms) => (10 + ms / 1000).toFixed(3));
  const port = fc.integer({ min: 1, max: 3 });
  const etype = fc.constantFrom(18, 23);
  const answers = fc.oneof(
    fc.record({ at: within(12_000), etype }).map((one) => ticket(one.at, 'alice', 'cifs/files', one.etype)),
    fc.record({ at: within(12_000), etype }).map((one) => rejection(one.at, one.etype)),
    within(12_000).map((at) => status(at)),
  );
  const refusals = fc.record({ at: within(400), port }).map((one) => refusal(one.at, 'alice', 'cifs/files', one.port));
  const logons = fc
    .record({ at: within(4_000), logged: fc.boolean() })
    .map((one) => (one.logged ? loggedLogon(one.at, 'bob', 7) : refusedLogon(one.at, 'bob', 7)));
  const families = fc.oneof(
    ...[answers, refusals, logons].map((one) => fc.array(one, { minLength: 1, maxLength: 40 })),
  );
  const byId = (attempts: Attempt[]): Attempt[] => attempts.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const rests = (rows: Evidence[], id: string): bigint => rows.find((row) => row.id === id)!.occurredAt;

  it('the order of arrival makes no difference', () => {
    const shuffled = families.chain((told) =>
      fc.tuple(fc.constant(told), fc.shuffledSubarray(evidence(told), { minLength: told.length })),
    );
    fc.assert(
      fc.property(shuffled, ([told, rows]) =>
        expect(byId(deriveAttempts(rows))).toEqual(byId(deriveAttempts(evidence(told)))),
      ),
    );
  });

  it('every record is in an attempt, and only a ticket is in more than one', () => {
    fc.assert(
      fc.property(families, (told) => {
        const rows = evidence(told);
        const uses = deriveAttempts(rows).flatMap((attempt) => attempt.evidence);
        for (const { id, type } of rows) {
          const count = uses.filter((used) => used === id).length;
          expect(type === 'ServiceTicketIssued' ? Math.min(count, 1) : count).toBe(1);
        }
      }),
    );
  });

  it('an attempt depends only on what lies within reach of the record it rests on', () => {
    fc.assert(
      fc.property(families, fc.nat(), (told, seed) => {
        const rows = evidence(told);
        const middle = rows[seed % rows.length]!.occurredAt;
        const far = reach[familyOf(rows[0]!) as keyof typeof reach];
        const within = (row: Evidence): boolean => row.occurredAt >= middle - far && row.occurredAt <= middle + far;
        const central = (attempts: Attempt[]): Attempt[] =>
          byId(attempts.filter(({ id }) => rests(rows, id) === middle));
        expect(central(deriveAttempts(rows.filter(within)))).toEqual(central(deriveAttempts(rows)));
      }),
    );
  });

  it('no attempt claims more than was seen', () => {
    fc.assert(
      fc.property(families, (told) => {
        for (const attempt of deriveAttempts(evidence(told))) {
          expect(attempt.outcome).not.toBe('mutually-authenticated');
          expect(attempt.steps.filter(({ state }) => state === 'observed').every(({ event }) => event)).toBe(true);
          expect(attempt.steps.find(({ step }) => step === 'S6')?.state ?? 'missing').toBe('missing');
        }
      }),
    );
  });
});
