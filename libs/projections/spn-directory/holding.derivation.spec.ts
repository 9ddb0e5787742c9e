import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { compareEvidence } from '../evidence-order.js';
import { possibleSpan } from '../interval.js';
import type { AccountEvidence } from './account-evidence.js';
import {
  added,
  created,
  deleted,
  dumped,
  dumpedInParts,
  heldAt,
  instant,
  removed,
  replaced,
} from './evidence.spec-support.js';
import { deriveHoldings, foldHoldings, type Holding } from './holding.derivation.js';

const WEB = 'HTTP/web1.corp.example';
const web = 'http/web1.corp.example';
const OLD = 'HTTP/legacy.corp.example';

/** [began after, began by, ended after, ended by] in seconds, null where open. */
function ends(holding: Holding | undefined): (number | null)[] | undefined {
  const seconds = (nanos: bigint | null) => (nanos === null ? null : Number(nanos / 1_000_000_000n));
  return holding && [holding.beganAfter, holding.beganBy, holding.endedAfter, holding.endedBy].map(seconds);
}

function endsOf(evidence: AccountEvidence[], lookupKey = web): (number | null)[][] {
  return deriveHoldings(evidence)
    .filter((holding) => holding.lookupKey === lookupKey)
    .map((holding) => ends(holding) ?? []);
}

describe('holder intervals', () => {
  describe('an audited add or removal is exact', () => {
    it.each<[string, AccountEvidence[], (number | null)[][]]>([
      ['added', [added(5, WEB)], [[5, 5, null, null]]],
      ['added and removed', [added(5, WEB), removed(9, WEB)], [[5, 5, 9, 9]]],
      [
        'added twice over: it went in between',
        [added(5, WEB), added(9, WEB)],
        [
          [5, 5, 5, 9],
          [9, 9, null, null],
        ],
      ],
      ['the same add from two sources', [added(5, WEB), added(5, WEB)], [[5, 5, null, null]]],
      [
        'added where a dump had shown it',
        [dumped(3, WEB), added(5, WEB)],
        [
          [null, 3, 3, 5],
          [5, 5, null, null],
        ],
      ],
      ['removed, seen in a dump only', [dumped(1), dumped(3, WEB), removed(5, WEB)], [[1, 3, 5, 5]]],
      ['removed, never seen', [removed(5, WEB)], [[null, 5, 5, 5]]],
      ['removed, known to be absent before', [dumped(2), removed(5, WEB)], [[2, 5, 5, 5]]],
      ['removed twice', [added(1, WEB), removed(5, WEB), removed(5, WEB)], [[1, 1, 5, 5]]],
      ['added and removed at one instant: it never stood', [added(5, WEB), removed(5, WEB)], [[5, 5, 5, 5]]],
      [
        'added, removed, added again',
        [added(1, WEB), removed(5, WEB), added(7, WEB)],
        [
          [1, 1, 5, 5],
          [7, 7, null, null],
        ],
      ],
    ])('%s', (_, evidence, expected) => expect(endsOf(evidence)).toEqual(expected));
  });

  describe('an audited full list', () => {
    it.each<[string, AccountEvidence[], (number | null)[][]]>([
      ['with the value, no earlier evidence: by', [replaced(5, WEB)], [[null, 5, null, null]]],
      ['with the value, a list lacked it: exact', [replaced(3, OLD), replaced(5, WEB)], [[5, 5, null, null]]],
      ['with the value, a dump lacked it: exact', [dumped(3, OLD), replaced(5, WEB)], [[5, 5, null, null]]],
      [
        'with the value, only another was added before: by',
        [added(3, OLD), replaced(5, OLD, WEB)],
        [[null, 5, null, null]],
      ],
      ['with the value at the creation: exact', [created(3), replaced(3, WEB)], [[3, 3, null, null]]],
      ['with a value that stands: it goes on', [added(3, WEB), replaced(5, WEB, OLD)], [[3, 3, null, null]]],
      ['without a value that was added: exact', [added(3, WEB), replaced(5, OLD)], [[3, 3, 5, 5]]],
      ['without a value that a list had shown: exact', [replaced(3, WEB), replaced(5)], [[null, 3, 5, 5]]],
      ['without a value that only a dump had shown: between', [dumped(3, WEB), replaced(5)], [[null, 3, 3, 5]]],
      [
        'without a value of two dumps: since the last',
        [dumped(1, WEB), dumped(3, WEB), replaced(5)],
        [[null, 1, 3, 5]],
      ],
      [
        'without it, of a dump and an audited list',
        [dumped(1, WEB), replaced(3, WEB), dumped(4, WEB), replaced(5)],
        [[null, 1, 5, 5]],
      ],
      ['the deletion of the account is an empty one', [added(3, WEB), deleted(5)], [[3, 3, 5, 5]]],
      ['a new account of that name has nothing', [added(3, WEB), created(5)], [[3, 3, 3, 5]]],
    ])('%s', (_, evidence, expected) => expect(endsOf(evidence)).toEqual(expected));
  });

  describe('a dump only bounds', () => {
    it.each<[string, AccountEvidence[], (number | null)[][]]>([
      ['shown, no earlier evidence', [dumped(3, WEB)], [[null, 3, null, null]]],
      ['shown, lacked by an audited list', [replaced(1, OLD), dumped(3, OLD, WEB)], [[1, 3, null, null]]],
      ['lacked, shown, lacked', [dumped(1), dumped(3, WEB), dumped(5)], [[1, 3, 3, 5]]],
      ['an audited value that a later dump lacks', [added(1, WEB), dumped(3, WEB), dumped(5)], [[1, 1, 3, 5]]],
      ['two that agree make the state between them known', [dumped(1, WEB), dumped(5, WEB)], [[null, 1, null, null]]],
      ['in several parts', dumpedInParts(3, [OLD], [WEB]), [[null, 3, null, null]]],
      ['in parts of which one is missing: it says nothing', dumpedInParts(3, [WEB], [OLD]).slice(0, 1), []],
    ])('%s', (_, evidence, expected) => expect(endsOf(evidence)).toEqual(expected));
  });

  it('changes the spelling of a value without a gap', () => {
    const holdings = deriveHoldings([
      added('10:53:16.870206', 'HOST/ws1.corp.example'),
      dumped('10:53:20.804', 'HOST/ws1.corp.example'),
      removed('10:53:32.932920', 'host/ws1.corp.example'),
      added('10:53:32.932920', 'host/ws1.corp.example'),
      dumped('10:53:33.568', 'host/ws1.corp.example'),
    ]);
    expect(holdings).toHaveLength(1);
    expect(holdings[0]).toMatchObject({ beganBy: instant('10:53:16.870206'), endedBy: null, provenance: 'audited' });
    expect(holdings[0]?.spellings).toEqual([
      { spn: 'HOST/ws1.corp.example', from: instant('10:53:16.870206') },
      { spn: 'host/ws1.corp.example', from: instant('10:53:32.932920') },
    ]);
    for (const time of ['10:53:32.932919', '10:53:32.932920', '10:53:32.932921'])
      expect(heldAt(holdings, 'host/ws1.corp.example', time)).toBe('yes');
  });

  it('answers as of every instant of an unaudited write as the recording allows', () => {
    const holdings = deriveHoldings([
      created('10:53:08.041529'),
      added('10:53:15.013764', OLD),
      dumped('10:53:20.804', OLD),
      replaced('10:53:32.933392', OLD, 'HTTP/ws1.corp.example'),
      dumped('10:53:33.568', OLD, 'HTTP/ws1.corp.example', WEB),
      dumped('10:53:36.171', OLD, 'HTTP/ws1.corp.example', WEB),
      replaced('10:53:37.403306', OLD),
      dumped('10:53:38.377', OLD),
    ]);
    const answers = ['20.804', '32.933392', '33.000', '33.568', '36.171', '37.000', '37.403306'].map((second) =>
      heldAt(holdings, web, `10:53:${second}`),
    );
    expect(answers).toEqual(['no', 'no', 'not-known', 'yes', 'yes', 'not-known', 'no']);
    expect(holdings.find(({ lookupKey }) => lookupKey === web)?.provenance).toBe('dump-only');
    expect(ends(holdings.find(({ lookupKey }) => lookupKey === 'http/ws1.corp.example'))).toHaveLength(4);
    expect(heldAt(holdings, 'http/ws1.corp.example', '10:53:37.403305')).toBe('yes');
    expect(heldAt(holdings, 'http/ws1.corp.example', '10:53:37.403306')).toBe('no');
  });

  it('keeps a value that is no SPN, and one that is longer than an index entry', () => {
    const long = `HTTP/${'x'.repeat(1_000)}`;
    const holdings = deriveHoldings([dumped(3, 'not an spn', long, `${long}y`)]);
    expect(holdings.map(({ spellings }) => spellings[0]?.spn).toSorted()).toEqual(
      [long, `${long}y`, 'not an spn'].toSorted(),
    );
    for (const { writeKey, lookupKey } of holdings) expect(writeKey.length + lookupKey.length).toBeLessThan(1_400);
  });
});

const spns = ['HTTP/a', 'http/a', 'HTTP/a\u200c', 'HTTP/b', 'cifs/b'];
const anySpn = fc.constantFrom(...spns);
const second = fc.integer({ min: 1, max: 12 });
const anyFact: fc.Arbitrary<AccountEvidence> = fc.oneof(
  fc.tuple(second, anySpn).map(([time, spn]) => added(time, spn)),
  fc.tuple(second, anySpn).map(([time, spn]) => removed(time, spn)),
  fc.tuple(second, fc.subarray(spns)).map(([time, list]) => replaced(time, ...list)),
  fc.tuple(second, fc.subarray(spns)).map(([time, list]) => dumped(time, ...list)),
  second.map((time) => created(time)),
  second.map((time) => deleted(time)),
);

describe('holder intervals of any evidence', () => {
  it('do not depend on the order in which it arrived', () => {
    fc.assert(
      fc.property(
        fc
          .array(anyFact, { maxLength: 12 })
          .chain((facts) => fc.tuple(fc.constant(facts), fc.shuffledSubarray(facts, { minLength: facts.length }))),
        ([facts, shuffled]) => expect(deriveHoldings(shuffled)).toEqual(deriveHoldings(facts)),
      ),
    );
  });

  it('are the same when they are folded on, evidence by evidence, from the last holdings alone', () => {
    fc.assert(
      fc.property(fc.array(anyFact, { maxLength: 12 }), fc.infiniteStream(fc.boolean()), (facts, cuts) => {
        const pages: AccountEvidence[][] = [];
        for (const fact of facts.toSorted(compareEvidence)) {
          if (pages.length === 0 || cuts.next().value) pages.push([]);
          pages.at(-1)?.push(fact);
        }
        let listedAt: bigint | null = null;
        const rows = new Map<string, Holding>();
        for (const page of pages) {
          const last = new Map([...rows.values()].map((row) => [row.writeKey, row]));
          const folded = foldHoldings({ listedAt, last: [...last.values()] }, page);
          listedAt = folded.listedAt;
          for (const row of folded.written) rows.set(`${row.writeKey} ${row.episode}`, row);
        }
        expect(new Set(rows.values())).toEqual(new Set(deriveHoldings(facts)));
      }),
    );
  });

  it('are ordered in themselves and do not overlap within one key', () => {
    fc.assert(
      fc.property(fc.array(anyFact, { maxLength: 16 }), (facts) => {
        const overlaps: Holding[] = [];
        const ended = new Map<string, bigint | null>();
        for (const holding of deriveHoldings(facts)) {
          const { writeKey, beganAfter, beganBy, endedAfter, endedBy } = holding;
          const { from } = possibleSpan(holding);
          const before = ended.get(writeKey);
          const isFree = before === undefined || (before !== null && from !== null && before <= from);
          const hasBegun = beganAfter === null || beganAfter <= beganBy;
          const hasEnd = endedAfter !== null && endedBy !== null && beganBy <= endedBy && endedAfter <= endedBy;
          if (!isFree || !hasBegun || !(hasEnd || (endedAfter === null && endedBy === null))) overlaps.push(holding);
          ended.set(writeKey, endedBy);
        }
        expect(overlaps).toEqual([]);
      }),
    );
  });

  it('agree at every instant with a replay, where every change was audited from the creation on', () => {
    const change = fc.record({
      spn: fc.constantFrom('HTTP/a', 'HTTP/b', 'cifs/b'),
      isList: fc.boolean(),
      list: fc.subarray(['HTTP/a', 'HTTP/b', 'cifs/b']),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 12 }), (changes) => {
        const facts: AccountEvidence[] = [created(0)];
        const states: string[][] = [[]];
        changes.forEach(({ spn, isList, list }, index) => {
          const before = states[index] ?? [];
          const time = index + 1;
          if (isList) facts.push(replaced(time, ...list));
          else facts.push(before.includes(spn) ? removed(time, spn) : added(time, spn));
          states.push(isList ? list : before.includes(spn) ? before.filter((held) => held !== spn) : [...before, spn]);
        });
        const holdings = deriveHoldings(facts);
        states.forEach((state, time) => {
          for (const spn of ['HTTP/a', 'HTTP/b', 'cifs/b'])
            expect(heldAt(holdings, spn.toLowerCase(), time)).toBe(state.includes(spn) ? 'yes' : 'no');
        });
      }),
    );
  });

  it('never contradict a sighting', () => {
    fc.assert(
      fc.property(fc.array(anyFact, { maxLength: 12 }), (facts) => {
        const times = new Set(facts.map(({ occurredAt }) => occurredAt));
        const holdings = deriveHoldings(facts);
        for (const at of times) {
          const now = facts.filter(({ occurredAt }) => occurredAt === at);
          if (now.length !== 1 || !['SpnsReplaced', 'AccountListed'].includes(now[0]?.type ?? '')) continue;
          for (const key of ['http/a', 'http/b', 'cifs/b']) {
            const isShown = now[0]?.spns.some((spn) => spn.toLowerCase().replace('\u200c', '') === key);
            expect(heldAt(holdings, key, at)).toBe(isShown ? 'yes' : 'no');
          }
        }
      }),
    );
  });
});
