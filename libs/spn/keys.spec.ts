import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { aliasesOf, defaultAliasMap, lookupCandidates, parseAliasEntry, resolveAlias } from './aliases.js';
import { lookupKey, lookupName, rawKey, splitLookupName, spnKeys, writeKey } from './keys.js';
import { relation, type SpnRelation } from './relation.js';
import { parseSpn, type Spn } from './spn.js';
import { SpnSyntaxError } from './spn.error.js';

/** Few characters that fold to each other or vanish, so that equal keys are common among random SPNs. */
const part = fc
  .array(fc.constantFrom('a', 'A', 'á', 'Å', 'ツ', 'つ', '㋡', 'ø', 'O', '0', '\u200c', '\u0301', '\u2060', ':', ' '), {
    minLength: 1,
    maxLength: 3,
  })
  .map((pieces) => pieces.join(''));
const serviceClass = fc.constantFrom('host', 'HOST', 'hōst', 'ho\u200cst', 'cifs', 'CIFS', 'http', 'x');
const arbitrarySpn = fc
  .tuple(serviceClass, part, fc.option(part, { nil: undefined }))
  .map(([first, ...rest]) => parseSpn([first, ...rest.filter((text) => text !== undefined)].join('/')));

describe('SPN keys', () => {
  it('of one SPN', () => {
    expect(spnKeys('HTTP/Wēb1.Corp.Example\u200c:8080/Name')).toEqual({
      raw: 'HTTP/Wēb1.Corp.Example\u200c:8080/Name',
      write: 'http/web1.corp.example\u200c:8080/name',
      lookup: 'http/web1.corp.example:8080/name',
      serviceClass: 'http',
      name: 'web1.corp.example:8080/name',
    });
  });

  it('give a port no special meaning: dns/h and dns/h:53 may sit on different accounts', () => {
    expect(spnKeys('dns/h').lookup).not.toBe(spnKeys('dns/h:53').lookup);
  });

  it('count an empty middle part', () => {
    expect(spnKeys('cifs//h').write).toBe(spnKeys('CIFS//H').write);
    expect(spnKeys('cifs//h').lookup).not.toBe(spnKeys('cifs/h').lookup);
  });

  it('throw SpnSyntaxError for what is no SPN', () => {
    expect(() => spnKeys('web1')).toThrow(SpnSyntaxError);
  });

  it('are split where the text is: class, then everything after it', () => {
    fc.assert(
      fc.property(arbitrarySpn, (spn) => {
        const { serviceClass: folded, name } = splitLookupName(spn);
        expect(`${folded}/${name}`).toBe(lookupKey(spn));
        expect(folded).not.toContain('/');
        expect(lookupName(spn)).toBe(name);
        expect(spnKeys(spn.raw)).toEqual({
          raw: rawKey(spn),
          write: writeKey(spn),
          lookup: lookupKey(spn),
          serviceClass: folded,
          name,
        });
      }),
    );
  });

  it('nest: raw-equal implies write-equal implies lookup-equal implies one name stream', () => {
    fc.assert(
      fc.property(arbitrarySpn, arbitrarySpn, (a, b) => {
        expect(rawKey(a) !== rawKey(b) || writeKey(a) === writeKey(b)).toBe(true);
        expect(writeKey(a) !== writeKey(b) || lookupKey(a) === lookupKey(b)).toBe(true);
        expect(lookupKey(a) !== lookupKey(b) || lookupName(a) === lookupName(b)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  it('are their own keys: folding twice changes nothing', () => {
    fc.assert(
      fc.property(arbitrarySpn, (spn) => {
        expect(writeKey(parseSpn(writeKey(spn)))).toBe(writeKey(spn));
        expect(lookupKey(parseSpn(lookupKey(spn)))).toBe(lookupKey(spn));
      }),
    );
  });
});

describe('relation of two SPNs', () => {
  const of = (a: string, b: string): SpnRelation => relation(parseSpn(a), parseSpn(b), defaultAliasMap);

  it.each<[string, string, SpnRelation]>([
    ['HTTP/web1', 'HTTP/web1', 'same'],
    ['HTTP/web1', 'http/WEB1', 'write-equal'],
    [' /HōST', ' /host', 'write-equal'],
    ['¯\\_(ツ)_/¯', '¯\\_(㋡)_/¯', 'write-equal'],
    ['cifs/dc1', 'cifs/dc1\u200c', 'unicode'],
    ['cifs/dc1', 'CIFS/d\u2060c1', 'unicode'],
    ['host/ws1', 'cifs/ws1', 'alias'],
    ['HOST/WS1', 'http/ws1\u200c', 'alias'],
    ['cifs/ws1', 'http/ws1', 'none'],
    ['host/ws1', 'ldap/ws1', 'none'],
    ['host/ws1', 'cifs/ws2', 'none'],
    ['host/ws1', 'cifs/ws1:445', 'none'],
    [' /host', ' /H0ST', 'none'],
    [' /host', '\u00a0/host', 'none'],
  ])('%j and %j: %s', (a, b, expected) => {
    expect(of(a, b)).toBe(expected);
    expect(of(b, a)).toBe(expected);
  });

  it('is symmetric, and each equality is reflexive and transitive', () => {
    const atMost =
      (...kinds: SpnRelation[]) =>
      (a: Spn, b: Spn): boolean =>
        kinds.includes(relation(a, b, defaultAliasMap));
    const equalities = [atMost('same'), atMost('same', 'write-equal'), atMost('same', 'write-equal', 'unicode')];
    fc.assert(
      fc.property(arbitrarySpn, arbitrarySpn, arbitrarySpn, (a, b, c) => {
        expect(relation(a, b, defaultAliasMap)).toBe(relation(b, a, defaultAliasMap));
        for (const equal of equalities) {
          expect(equal(a, a)).toBe(true);
          expect(!equal(a, b) || !equal(b, c) || equal(a, c)).toBe(true);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('CVE-2026-25177: a zero-width character passes the write check and meets the other name in the lookup', () => {
    const [victim, twin] = [spnKeys('cifs/dc1.corp.example'), spnKeys('cifs/dc1.corp.example\u200c')];
    expect(twin.write).not.toBe(victim.write);
    expect(twin.lookup).toBe(victim.lookup);
    expect(of('host/dc1.corp.example', 'cifs/dc1.corp.example\u200c')).toBe('alias');
  });
});

describe('aliases', () => {
  it('are 52 classes of host by default', () => {
    expect(defaultAliasMap).toHaveLength(1);
    expect(new Set(aliasesOf(defaultAliasMap, 'HOST')).size).toBe(52);
    expect(resolveAlias(defaultAliasMap, 'CIFS')).toBe('host');
    for (const known of ['host', 'ldap', 'msdtc', 'MSSQLSvc'])
      expect(resolveAlias(defaultAliasMap, known)).toBeUndefined();
  });

  it('are read from sPNMappings values, folded', () => {
    expect(parseAliasEntry('HOST= Alerter,CIFS')).toEqual({ target: 'host', aliases: ['alerter', 'cifs'] });
  });

  it.each([
    '',
    'host',
    '=a',
    'host=',
    'host=a,,b',
    'host=a/b',
    'a/b=c',
    'host=a=b',
    ' =a',
    `host=${'a'.repeat(256)}`,
    `h=${'a,'.repeat(1_024)}a`,
  ])('are refused as %.40j', (text) => {
    expect(() => parseAliasEntry(text)).toThrow(
      expect.objectContaining({ code: 'SPN_ALIAS_ENTRY', offset: expect.any(Number) }),
    );
  });

  it('throw nothing but the coded error', () => {
    const outcome = (text: string): unknown => {
      try {
        return parseAliasEntry(text);
      } catch (error) {
        return error instanceof SpnSyntaxError && error.code;
      }
    };
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(outcome(text)).toBeTruthy();
      }),
    );
  });

  it('resolve to the first match in map order, once only', () => {
    const map = ['host=http,cifs', 'web=http,www', 'top=host'].map(parseAliasEntry);
    expect(resolveAlias(map, 'http')).toBe('host');
    expect(resolveAlias(map.toReversed(), 'http')).toBe('web');
    expect(aliasesOf(map, 'host')).toEqual(['http', 'cifs']);
    expect(aliasesOf(map, 'web')).toEqual(['www']);
    expect(aliasesOf(map, 'nobody')).toEqual([]);
    expect(resolveAlias(map, 'host')).toBe('top');
    expect(lookupCandidates(map, parseSpn('CIFS/ws1'))).toEqual(['cifs/ws1', 'host/ws1']);
  });

  it('give the keys of a lookup in order, the exact one first', () => {
    expect(lookupCandidates(defaultAliasMap, parseSpn('CIFS/WS1:445\u200c/x'))).toEqual([
      'cifs/ws1:445/x',
      'host/ws1:445/x',
    ]);
    expect(lookupCandidates(defaultAliasMap, parseSpn('ldap/dc1'))).toEqual(['ldap/dc1']);
    expect(lookupCandidates([], parseSpn('cifs/ws1'))).toEqual(['cifs/ws1']);
  });

  it('are a relation both of whose directions agree', () => {
    const entry = fc.tuple(
      fc.constantFrom('a', 'b', 'c'),
      fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { minLength: 1 }),
    );
    fc.assert(
      fc.property(fc.array(entry), fc.constantFrom('a', 'b', 'c', 'd', 'e'), (entries, known) => {
        const map = entries.map(([target, aliases]) => ({ target, aliases }));
        const target = resolveAlias(map, known);
        for (const other of ['a', 'b', 'c']) expect(aliasesOf(map, other).includes(known)).toBe(other === target);
      }),
    );
  });
});
