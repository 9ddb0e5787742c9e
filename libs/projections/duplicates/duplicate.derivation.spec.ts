import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { defaultAliasMap, parseAliasEntry, resolveAlias } from '#spn';
import { answerAt, type Answer } from '../interval.js';
import { instant } from '../spn-directory/evidence.spec-support.js';
import { spnIndexKeys } from '../spn-directory/spn-index-keys.js';
import {
  type AliasPeriod,
  deriveDuplicates,
  type Duplicate,
  type DuplicateKind,
  type Member,
} from './duplicate.derivation.js';

const always: AliasPeriod[] = [{ from: null, map: defaultAliasMap }];
type End = number | null;

function member(
  account: string,
  spn: string,
  beganAfter: End,
  beganBy: number,
  endedAfter: End = null,
  endedBy: End = null,
): Member {
  const at = (end: End) => (end === null ? null : instant(end));
  return {
    account,
    ...spnIndexKeys(spn),
    beganAfter: at(beganAfter),
    beganBy: instant(beganBy),
    endedAfter: at(endedAfter),
    endedBy: at(endedBy),
  };
}

const exact = (account: string, spn: string, from: number, to: End = null) => member(account, spn, from, from, to, to);

function answer(duplicates: readonly Duplicate[], kind: DuplicateKind, at: bigint): Answer {
  const answers = duplicates
    .filter((duplicate) => duplicate.kind === kind)
    .map(({ possible, certain }): Answer => {
      const within = (span: { from: bigint | null; to: bigint | null }) =>
        (span.from === null || span.from <= at) && (span.to === null || at < span.to);
      return certain && within(certain) ? 'yes' : within(possible) ? 'not-known' : 'no';
    });
  return answers.includes('yes') ? 'yes' : answers.includes('not-known') ? 'not-known' : 'no';
}

const kinds = (members: Member[], periods = always) =>
  deriveDuplicates(members, periods).map(({ kind, key }) => [kind, key]);

describe('duplicate SPNs', () => {
  it.each<[string, Member[], [DuplicateKind, string][]]>([
    ['two accounts with one value', [exact('A', 'HTTP/h', 1), exact('B', 'http/H', 2)], [['exact', 'http/h']]],
    ['one account with two spellings', [exact('A', 'HTTP/h', 1), exact('A', 'HTTP/h\u200c', 2)], []],
    ['an invisible character apart', [exact('A', 'HTTP/h', 1), exact('B', 'HTTP/h\u200c', 2)], [['unicode', 'http/h']]],
    ['a class and its alias', [exact('A', 'host/h', 1), exact('B', 'http/h', 2)], [['alias', 'http/h']]],
    ['a class and its alias on one account', [exact('A', 'host/h', 1), exact('A', 'http/h', 2)], []],
    ['two aliases of one class', [exact('A', 'cifs/h', 1), exact('B', 'http/h', 2)], []],
    ['a class that is nobody’s alias', [exact('A', 'host/h', 1), exact('B', 'ldap/h', 2)], []],
    ['one after the other', [exact('A', 'HTTP/h', 1, 5), exact('B', 'HTTP/h', 5)], []],
    [
      'all ways at once',
      [exact('A', 'host/h', 1), exact('B', 'HTTP/h', 1), exact('C', 'HTTP/h', 1), exact('D', 'HTTP/h\u200c', 1)],
      [
        ['alias', 'http/h'],
        ['exact', 'http/h'],
        ['unicode', 'http/h'],
      ],
    ],
  ])('%s', (_, members, expected) => expect(kinds(members)).toEqual(expected));

  it('has the exact overlap of exact intervals', () => {
    const [duplicate] = deriveDuplicates([exact('A', 'HTTP/h', 1, 8), exact('B', 'HTTP/h', 3, 6)], always);
    const span = { from: instant(3), to: instant(6) };
    expect(duplicate).toMatchObject({ episode: 1, possible: span, certain: span, lookupKeys: ['http/h'] });
  });

  it('is certain where both were seen, and possible around it', () => {
    const [duplicate] = deriveDuplicates([exact('A', 'HTTP/h', 1), member('B', 'HTTP/h', 3, 5, 7, 9)], always);
    expect(duplicate?.possible).toEqual({ from: instant(3) + 1n, to: instant(9) });
    expect(duplicate?.certain).toEqual({ from: instant(5), to: instant(7) + 1n });
  });

  it('may be possible and certain at no instant', () => {
    const duplicates = deriveDuplicates([exact('A', 'HTTP/h', 1, 4), member('B', 'HTTP/h', 2, 5)], always);
    expect(duplicates).toMatchObject([{ certain: null, possible: { from: instant(2) + 1n, to: instant(4) } }]);
  });

  it('goes on while its holders change, and begins anew after a time without', () => {
    const members = [
      exact('A', 'HTTP/h', 1, 4),
      exact('B', 'HTTP/h', 2),
      exact('C', 'HTTP/h', 3, 6),
      exact('D', 'HTTP/h', 8),
    ];
    expect(
      deriveDuplicates(members, always).map(({ episode, certain }) => [episode, certain?.from, certain?.to]),
    ).toEqual([
      [1, instant(2), instant(6)],
      [2, instant(8), null],
    ]);
  });

  it('clashes by alias only while the forest maps the class', () => {
    const members = [exact('A', 'host/h', 1), exact('B', 'vnc/h', 1)];
    const mapped = [...defaultAliasMap, parseAliasEntry('host=vnc')];
    const periods: AliasPeriod[] = [
      { from: instant(0), map: defaultAliasMap },
      { from: instant(3), map: mapped },
      { from: instant(5), map: mapped },
      { from: instant(7), map: [] },
    ];
    expect(deriveDuplicates(members, periods)).toMatchObject([
      { kind: 'alias', lookupKeys: ['host/h', 'vnc/h'], certain: { from: instant(3), to: instant(7) } },
    ]);
  });
});

const end = fc.integer({ min: 0, max: 9 });
const anyMember = fc
  .tuple(
    fc.constantFrom('A', 'B', 'C'),
    fc.constantFrom('HTTP/h', 'HTTP/h\u200c', 'host/h', 'cifs/h'),
    fc.tuple(end, end, end, end),
    fc.boolean(),
    fc.boolean(),
  )
  .map(([account, spn, ends, isOpen, isUnknown]) => {
    const [a = 0, b = 0, c = 0, d = 0] = ends.toSorted((x, y) => x - y);
    return member(account, spn, isUnknown ? null : a, b, isOpen ? null : c, isOpen ? null : d);
  });

/** The definition, by brute force: over all pairs, the answer of "both held". */
function expectedAnswer(members: readonly Member[], kind: DuplicateKind, at: bigint): Answer {
  const clash = (a: Member, b: Member) =>
    a.account !== b.account &&
    (kind === 'exact'
      ? a.writeKey === b.writeKey
      : kind === 'unicode'
        ? a.lookupKey === b.lookupKey && a.writeKey !== b.writeKey
        : resolveAlias(defaultAliasMap, a.serviceClass) === b.serviceClass);
  let answer: Answer = 'no';
  for (const a of members) {
    for (const b of members) {
      if (!clash(a, b)) continue;
      const both = [answerAt(a, at), answerAt(b, at)];
      if (both.every((one) => one === 'yes')) return 'yes';
      if (!both.includes('no')) answer = 'not-known';
    }
  }
  return answer;
}

describe('duplicate SPNs of any holdings', () => {
  it('answer at every instant what the pairs of holders answer', () => {
    fc.assert(
      fc.property(fc.array(anyMember, { maxLength: 7 }), (members) => {
        const duplicates = deriveDuplicates(members, always);
        for (let second = -1; second <= 10; second++) {
          for (const at of [instant(second), instant(second) + 1n]) {
            for (const kind of ['exact', 'unicode', 'alias'] as const)
              expect([kind, at, answer(duplicates, kind, at)]).toEqual([kind, at, expectedAnswer(members, kind, at)]);
          }
        }
      }),
    );
  });

  it('do not depend on the order of the holdings', () => {
    fc.assert(
      fc.property(
        fc
          .array(anyMember, { maxLength: 7 })
          .chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length }))),
        ([all, shuffled]) => expect(deriveDuplicates(shuffled, always)).toEqual(deriveDuplicates(all, always)),
      ),
    );
  });
});
