/** Canonical JSON against RFC 8785: its own examples, and the reference implementation as the oracle. */
import { describe, expect, it } from '@jest/globals';
import canonicalize from 'canonicalize';
import * as fc from 'fast-check';
import { canonicalJson, NotCanonical } from './canonical-json.js';
import type { Json } from './event.js';

describe('canonical JSON', () => {
  it('is the RFC 8785 §3.2 example', () => {
    const value = JSON.parse(
      String.raw`{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}`,
    );
    expect(canonicalJson(value)).toBe(
      String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
    );
  });

  it('orders keys by UTF-16 code units, as RFC 8785 §3.2.3 does', () => {
    const keys = ['\u20ac', '\r', '\ufb33', 'one', '\ud83d\ude00', '\u0080', '\u00f6'];
    const value = Object.fromEntries(keys.map((key) => [key, true]));
    expect(Object.keys(JSON.parse(canonicalJson(value)))).toEqual([
      '\r',
      'one',
      '\u0080',
      '\u00f6',
      '\u20ac',
      '\ud83d\ude00',
      '\ufb33',
    ]);
  });

  it('is what the reference implementation writes, whatever the value', () => {
    const key = fc
      .string({ unit: 'grapheme', maxLength: 6 })
      .filter((text) => !/^\d+$/.test(text) && text !== '__proto__');
    const { value } = fc.letrec<{ value: Json }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.string({ unit: 'grapheme' }),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(key, tie('value'), { maxKeys: 5, noNullPrototype: true }),
      ),
    }));
    fc.assert(fc.property(value, (json) => expect(canonicalJson(json)).toBe(canonicalize(json))));
  });

  it('leaves out what is undefined', () => {
    expect(canonicalJson({ b: undefined, a: 1, c: { d: undefined } })).toBe('{"a":1,"c":{}}');
  });

  it.each<[why: string, value: unknown]>([
    ['not a number', Number.NaN],
    ['infinite', { a: Number.POSITIVE_INFINITY }],
    ['a bigint', { a: 1n }],
    ['a date', { at: new Date(0) }],
    ['a map', { map: new Map() }],
    ['bytes', Buffer.from('x')],
    ['undefined in a list', [undefined]],
    ['a function', { f: () => 1 }],
    ['an integer-like key', { a: { 0: 'x' } }],
    ['another one', { 4294967296: 'x' }],
    ['half of a surrogate pair', 'a\ud83d'],
    ['the other half, as a key', { '\ude00': 1 }],
    ['nested too deep', JSON.parse(`${'['.repeat(40)}${']'.repeat(40)}`)],
  ])('refuses %s', (_, value) => {
    expect(() => canonicalJson(value as Json)).toThrow(NotCanonical);
  });
});
