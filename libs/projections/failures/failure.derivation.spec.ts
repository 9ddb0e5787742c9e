/** Causes as facts: what was reported, who held the SPN when, and what follows from it. */
import { describe, expect, it } from '@jest/globals';
import { refusal, rejection, status, ticket, evidence, type Told } from '../attempts/attempt-events.spec-support.js';
import type { Attempt } from '../attempts/attempt.js';
import type { Held } from '../attempts/holders.js';
import { deriveAttempts } from '../attempts/join.derivation.js';
import { instant } from '../spn-directory/evidence.spec-support.js';
import { diagnose, type Circumstances, type Diagnosis } from './failure.derivation.js';

const SPN = 'HTTP/web1.corp.example';

/** Exact from the first to the second instant; a pair is a bound: after one, by the other. */
type Bound = string | readonly [string | null, string];
type HeldFact = Circumstances['held'][number];

function held(name: string, began: Bound, ended: Bound | null = null, more: Partial<HeldFact> = {}): HeldFact {
  const ends = (bound: Bound | null): [bigint | null, bigint | null] => {
    if (bound === null) return [null, null];
    const [after, by] = typeof bound === 'string' ? [bound, bound] : bound;
    return [after === null ? null : instant(`10:53:${after}`), instant(`10:53:${by}`)];
  };
  const [beganAfter, beganBy] = ends(began);
  const [endedAfter, endedBy] = ends(ended);
  const interval: Held['interval'] = { beganAfter, beganBy: beganBy!, endedAfter, endedBy };
  const account = `CN=${name}`;
  const names = [account, name].map((one) => one.toLowerCase());
  return { account, name, names, by: 'exact', spn: SPN, interval, events: [], enabled: true, ...more };
}

function failed(...told: Told[]): Attempt {
  const attempt = deriveAttempts(evidence(told)).find(({ outcome }) => outcome === 'failed');
  if (!attempt) throw new Error('none of these attempts failed');
  return attempt;
}

const around = (...facts: HeldFact[]): Circumstances => ({ held: facts, runsAs: null, earlierTicket: null });
const refused = failed(refusal('33.786150', 'carol', SPN, 49000));
const verdict = ({ cause, confidence, rule }: Diagnosis): string => [cause, confidence, rule ?? ''].join(' ').trim();

describe('a refusal with the code that stands for unknown, removed and duplicate alike (D1)', () => {
  it.each<[string, HeldFact[], string]>([
    ['nobody was ever seen to hold it', [], 'spn-unknown inferred D1'],
    ['two accounts held it', [held('web', '13'), held('old', '33')], 'spn-duplicate inferred D1'],
    [
      'another held it with an invisible character in it',
      [held('web', '13'), held('mallory', '33', null, { spn: 'HTTP/web1.corp.example\u200c' })],
      'spn-duplicate-unicode inferred D1',
    ],
    ['a second may have held it', [held('web', '13'), held('old', ['33', '34'])], 'spn-duplicate possible D1'],
    ['it had been removed', [held('web', '13', '33.786149')], 'spn-not-held inferred D1'],
    ['it was removed at that very instant', [held('web', '13', '33.786150')], 'spn-not-held inferred D1'],
    ['it was registered only later', [held('web', '33.786151')], 'spn-not-held inferred D1'],
    ['whether it stood is not known', [held('web', [null, '34'])], 'spn-not-held possible D1'],
    ['its holder was disabled', [held('web', '13', null, { enabled: false })], 'holder-disabled inferred D1'],
    ['one enabled account held it', [held('web', '13')], 'not-known possible'],
    ['one account held it twice over', [held('web', '13', '20'), held('web', '25')], 'not-known possible'],
    [
      'two accounts held the name that its class is an alias of',
      [held('a', '13', null, { by: 'alias' }), held('b', '14', null, { by: 'alias' })],
      'spn-duplicate-alias inferred D1',
    ],
    [
      'an explicit holder beats those of the alias',
      [held('web', '13'), held('a', '13', null, { by: 'alias' }), held('b', '14', null, { by: 'alias' })],
      'not-known possible',
    ],
  ])('when %s', (_, facts, expected) => {
    expect(verdict(diagnose(refused, around(...facts)))).toBe(expected);
  });

  it('of a duplicate is repaired by leaving it with the account that had it first', () => {
    const { repair } = diagnose(refused, around(held('old', '33'), held('web', '13')));
    expect(repair).toEqual({ take: ['old'], give: null, spn: SPN, doneAt: null });
  });

  it('of a removed SPN is repaired by giving it back, and is done once somebody has it again', () => {
    const before = held('web', '13', '30');
    expect(diagnose(refused, around(before)).repair).toMatchObject({ give: 'web', doneAt: null });
    const { repair } = diagnose(refused, around(before, held('rep', '35')));
    expect(repair).toMatchObject({ give: 'web', doneAt: '2026-11-22T10:53:35.000000Z' });
  });
});

describe('another refusal of a ticket', () => {
  it.each([
    ['KDC_ERR_SERVICE_REVOKED', 'holder-disabled observed'],
    ['KDC_ERR_NULL_KEY', 'holder-without-key observed'],
    ['KDC_ERR_ETYPE_NOSUPP', 'no-common-etype observed'],
    ['KDC_ERR_CLIENT_REVOKED', 'client-revoked observed'],
    ['KRB_AP_ERR_TKT_EXPIRED', 'ticket-expired observed'],
    ['KRB_ERR_GENERIC', 'not-known possible'],
  ])('%s', (code, expected) => {
    const attempt = failed(refusal('33', 'carol', SPN, 1, { code }));
    expect(verdict(diagnose(attempt, around(held('web', '13'))))).toBe(expected);
  });
});

describe("an acceptor's failure", () => {
  const attempt = failed(ticket('35.571125', 'alice', SPN, 23), rejection('35.577807'), status('35.577892'));
  const dc1 = { name: 'DC1$', names: ['dc1$@corp.example', 'dc1$'] };

  it('is the other account that held the SPN (D2), and is repaired by moving it', () => {
    const found = diagnose(attempt, { ...around(held('svc-rep', '35.1')), runsAs: dc1 });
    expect(verdict(found)).toBe('spn-on-other-account inferred D2');
    expect(found.repair).toEqual({ take: ['svc-rep'], give: 'DC1$', spn: SPN, doneAt: null });
  });

  it.each<[string, HeldFact[], Circumstances['runsAs']]>([
    ['the service runs as the holder', [held('DC1$', '13')], dc1],
    ['nobody knows who it runs as', [held('svc-rep', '35.1')], null],
    ['the holder of that instant is not known', [held('svc-rep', [null, '36'])], dc1],
    ['two held it', [held('svc-rep', '35.1'), held('DC1$', '13')], dc1],
  ])('claims no cause when %s', (_, facts, runsAs) => {
    expect(verdict(diagnose(attempt, { ...around(...facts), runsAs }))).toBe('not-known possible');
  });

  it('that names no key claims no cause', () => {
    const alone = failed(ticket('35.571125', 'alice', SPN, 23), status('35.577892'));
    expect(verdict(diagnose(alone, { ...around(held('svc-rep', '35.1')), runsAs: dc1 }))).toBe('not-known possible');
  });
});

describe('a presentation of ours', () => {
  const holder = held('web', '13');
  const runsAs = { name: 'web', names: holder.names };
  const exchange = (code: string, key: object = {}, type: Told['type'] = 'ClientRejected'): Attempt => {
    const ids = { request: 'R', presentation: 'P', spn: SPN, ticket: 'A1' };
    const issued = ticket('33', 'alice', SPN, 18, { request: 'R', ticket: 'A1', kvno: 3 });
    const answer = { ...ids, code, reason: 'no', verifier: 'kdc', operation: 'GET /', ...key };
    return failed(
      issued,
      { type: 'TicketPresented', at: '34', data: { ...ids, service: 'CN=web' } },
      { type, at: '35', data: answer },
    );
  };

  it.each<[string, Attempt, string]>([
    [
      'another password of that version',
      exchange('KRB_AP_ERR_BAD_INTEGRITY', { kvno: 3, etype: 18 }),
      'wrong-key observed',
    ],
    [
      'another version, by its number',
      exchange('KRB_AP_ERR_BAD_INTEGRITY', { kvno: 2, etype: 18 }),
      'stale-key inferred D3',
    ],
    ['another version, as it says itself', exchange('KRB_AP_ERR_BADKEYVER'), 'stale-key observed'],
    ['no key of that encryption type', exchange('KRB_AP_ERR_NOKEY'), 'service-without-key observed'],
    ['a ticket for somebody else', exchange('KRB_AP_ERR_NOT_US'), 'not-this-service observed'],
    ['a ticket that the KDC did not make', exchange('KRB_AP_ERR_MODIFIED'), 'ticket-modified observed'],
    ['a replay', exchange('KRB_AP_ERR_REPEAT'), 'replay observed'],
    ['an expired ticket', exchange('KRB_AP_ERR_TKT_EXPIRED'), 'ticket-expired observed'],
    ['clocks apart', exchange('KRB_AP_ERR_SKEW'), 'clock-skew observed'],
    ['a wrong proof', exchange('KRB_AP_ERR_MUT_FAIL', {}, 'ServiceVerificationFailed'), 'proof-mismatch observed'],
    [
      'a proof that came too late',
      exchange('KRB_AP_ERR_TKT_EXPIRED', {}, 'ServiceVerificationFailed'),
      'ticket-expired observed',
    ],
    [
      'application traffic too early',
      exchange('KRB_AP_ERR_MUT_FAIL', {}, 'ApplicationRequestRefused'),
      'not-both-verified observed',
    ],
  ])('failed by %s', (_, attempt, expected) => {
    expect(verdict(diagnose(attempt, { ...around(holder), runsAs }))).toBe(expected);
  });

  it('whose agent runs as another account than the holder is a misplaced SPN before it is a wrong key', () => {
    const other = { name: 'old', names: ['cn=old', 'old'] };
    const found = diagnose(exchange('KRB_AP_ERR_BAD_INTEGRITY', { kvno: 3 }), { ...around(holder), runsAs: other });
    expect(verdict(found)).toBe('spn-on-other-account inferred D2');
  });
});

it('of an attempt that did not fail there is nothing to diagnose', () => {
  const [attempt] = deriveAttempts(evidence([ticket('33', 'alice', SPN, 18)]));
  expect(() => diagnose(attempt!, around())).toThrow(TypeError);
});
