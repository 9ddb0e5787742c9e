/** Who holds a name, and whom a KDC finds under it. */
import { describe, expect, it } from '@jest/globals';
import { assert, constantFrom, property, string } from 'fast-check';
import { defaultAliasMap, spnKeys } from '#spn';
import { foldDomainName, foldName, resolveSpn, type Holding } from './name.decider.js';
import { spnStream } from './name-streams.js';
import type { NameEvent } from './name.events.js';

const took = (account: string, spn?: string): NameEvent => ({ type: 'NameTaken', data: { account, spn } });
const released = (account: string, spn?: string): NameEvent => ({ type: 'NameReleased', data: { account, spn } });

describe('holdings of a name', () => {
  it('are what was taken and not released', () => {
    expect(foldName([took('a', 'http/h'), took('b', 'cifs/h'), released('a', 'http/h'), took('b', 'host/h')])).toEqual([
      { account: 'b', spn: 'cifs/h' },
      { account: 'b', spn: 'host/h' },
    ]);
    expect(foldName([took('a'), released('a'), took('b')])).toEqual([{ account: 'b' }]);
  });

  it("a domain is its first forest's", () => {
    expect(foldDomainName([])).toBeNull();
    expect(foldDomainName([{ type: 'DomainNameTaken', data: { forest: 'corp.example' } }])).toBe('corp.example');
  });
});

describe("the KDC's search", () => {
  const search = (spn: string, ...held: Required<Holding>[]) => resolveSpn(held, defaultAliasMap, spn);
  const held = (account: string, spn: string) => ({ account, spn });

  it('finds the holder of the name', () => {
    expect(search('HTTP/web1', held('a', 'http/WEB1'))).toEqual({
      outcome: 'found',
      by: 'exact',
      holders: [held('a', 'http/WEB1')],
    });
  });

  it('finds nobody under another class, port or name', () => {
    expect(search('HTTP/web1')).toEqual({ outcome: 'unknown', by: null, holders: [] });
    expect(search('HTTP/web1', held('a', 'ldap/web1')).outcome).toBe('unknown');
    expect(search('host/web1', held('a', 'http/web1')).outcome).toBe('unknown');
  });

  it('maps the class when nobody holds the name itself; an explicit holder always wins', () => {
    expect(search('cifs/web1', held('a', 'host/web1'))).toMatchObject({ outcome: 'found', by: 'alias' });
    expect(search('cifs/web1', held('a', 'host/web1'), held('b', 'cifs/web1'))).toMatchObject({
      outcome: 'found',
      by: 'exact',
      holders: [{ account: 'b' }],
    });
  });

  it('is ambiguous when several accounts hold it, also through the alias or an invisible code point', () => {
    expect(search('HTTP/web1', held('a', 'http/web1'), held('b', 'HTTP/web1'))).toMatchObject({
      outcome: 'ambiguous',
      by: 'exact',
    });
    expect(search('cifs/web1', held('a', 'host/web1'), held('b', 'HOST/web1'))).toMatchObject({
      outcome: 'ambiguous',
      by: 'alias',
    });
    expect(search('HTTP/web1', held('a', 'HTTP/web1'), held('b', 'HTTP/web1\u200c'))).toMatchObject({
      outcome: 'ambiguous',
      holders: [{ account: 'a' }, { account: 'b' }],
    });
  });

  it('finds the one account that holds it twice', () => {
    expect(search('HTTP/web1', held('a', 'HTTP/web1'), held('a', 'HTTP/web1\u200c'))).toMatchObject({
      outcome: 'found',
    });
  });

  it('is diverted by an invisible code point when the target was only an alias (CVE-2026-25177)', () => {
    expect(search('cifs/dc1', held('dc1', 'host/dc1'), held('mallory', 'cifs/dc1\u200c'))).toMatchObject({
      outcome: 'found',
      by: 'exact',
      holders: [{ account: 'mallory' }],
    });
  });
});

describe('the stream of a service name', () => {
  it('is one for all classes, spellings and invisible code points of a host, and another per port', () => {
    const stream = spnStream('corp.example', 'HTTP/web1.corp.example');
    expect(stream).toBe('name-corp.example/spn/web1.corp.example');
    for (const spn of ['host/WEB1.corp.example', 'cifs/web1.corp.example\u200c', 'X/wéb1.corp.example'])
      expect(spnStream('corp.example', spn)).toBe(stream);
    expect(spnStream('corp.example', 'HTTP/web1.corp.example:80')).not.toBe(stream);
    expect(spnStream('other.example', 'HTTP/web1.corp.example')).not.toBe(stream);
  });

  it('is printable, bounded, and differs exactly when the look-up name does', () => {
    const text = string({
      unit: constantFrom('a', 'b', '/', '%', '\n', '\u2028', 'é', ' ', '\u200c', 'x'.repeat(300)),
      maxLength: 4,
    });
    const name = text.map((tail) => `c/a${tail.replaceAll('/', ':')}`);
    assert(
      property(name, name, (a, b) => {
        const [left, right] = [spnStream('f', a), spnStream('f', b)];
        expect(left).toMatch(/^[a-z]+-[^\p{Cc}\p{Cs}]+$/u);
        expect(Buffer.byteLength(left)).toBeLessThan(1_024);
        expect(left === right).toBe(spnKeys(a).name === spnKeys(b).name);
      }),
    );
  });
});
