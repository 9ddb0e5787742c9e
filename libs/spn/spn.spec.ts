import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { composeSpn, type SpnParts } from './compose.js';
import { parseSpn, printSpn, SPN_LENGTH_MAX, validateSpn } from './spn.js';
import { SpnSyntaxError, type SpnErrorCode } from './spn.error.js';

/** What a call throws, as [code, offset]; fails if it throws anything but SpnSyntaxError. */
function refusal(call: () => unknown): [SpnErrorCode, number] | 'accepted' {
  try {
    call();
    return 'accepted';
  } catch (error) {
    if (!(error instanceof SpnSyntaxError)) throw error;
    return [error.code, error.offset];
  }
}

const utf16 = fc.array(fc.nat(0xffff), { maxLength: 40 }).map((units) => String.fromCharCode(...units));
const spnLike = fc
  .array(fc.constantFrom('/', ':', '@', '\\', ' ', 'a', 'Z', '0', '80', 'é', 'ħ', '\u200c', 'ツ', '\n', '.', '$'), {
    maxLength: 12,
  })
  .map((pieces) => pieces.join(''));
const anyText = fc.oneof(utf16, spnLike, fc.string({ unit: 'binary' }));

describe('parseSpn', () => {
  it.each([
    ['HTTP/web1.corp.example', { serviceClass: 'HTTP', host: 'web1.corp.example' }],
    ['MSSQLSvc/sql1.corp.example:1433', { serviceClass: 'MSSQLSvc', host: 'sql1.corp.example', port: 1433 }],
    ['MSSQLSvc/sql1:INSTANCE', { serviceClass: 'MSSQLSvc', host: 'sql1', instanceName: 'INSTANCE' }],
    ['ldap/dc1/corp.example', { serviceClass: 'ldap', host: 'dc1', serviceName: 'corp.example' }],
    ['GC/dc1:3268/corp.example', { serviceClass: 'GC', host: 'dc1', port: 3268, serviceName: 'corp.example' }],
    ['a/h:65535', { serviceClass: 'a', host: 'h', port: 65535 }],
    ['a/h:65536', { serviceClass: 'a', host: 'h', instanceName: '65536' }],
    ['a/h:080', { serviceClass: 'a', host: 'h', instanceName: '080' }],
    ['a/h:', { serviceClass: 'a', host: 'h', instanceName: '' }],
    ['a/h:b:c', { serviceClass: 'a', host: 'h', instanceName: 'b:c' }],
    ['a/h/', { serviceClass: 'a', host: 'h', serviceName: '' }],
  ])('reads %s', (text, parts) => {
    expect(parseSpn(text)).toStrictEqual({ raw: text, ...parts });
  });

  it.each([
    'cifs/',
    '/host/x',
    ' /host',
    ':/:80',
    '\n/\n',
    'cifs//h',
    '\\/h',
    ' //',
    '|//|',
    'a@b/a@b/a@b',
    '\u00a0/host',
    '/x',
  ])('accepts %j, as Windows does', (text) => {
    expect(refusal(() => parseSpn(text))).toBe('accepted');
  });

  it.each<[string, SpnErrorCode, number]>([
    ['cifs', 'SPN_PART_COUNT', 4],
    ['', 'SPN_PART_COUNT', 0],
    ['cifs／host', 'SPN_PART_COUNT', 9],
    ['a/b/c/d', 'SPN_PART_COUNT', 5],
    ['a/b/c/d/e', 'SPN_PART_COUNT', 5],
    [' ///', 'SPN_PART_COUNT', 3],
    [' /\\//', 'SPN_PART_COUNT', 4],
    ['//', 'SPN_BLANK', 0],
    ['/', 'SPN_BLANK', 0],
    ['a/b\0c', 'SPN_CHARACTER', 3],
    ['a/\ud800', 'SPN_CHARACTER', 2],
    [`a/${'b'.repeat(SPN_LENGTH_MAX)}`, 'SPN_TOO_LONG', SPN_LENGTH_MAX],
  ])('refuses %j with %s', (text, code, offset) => {
    expect(refusal(() => parseSpn(text))).toEqual([code, offset]);
  });

  it('says what to write instead, and quotes a long text only in part', () => {
    expect(() => parseSpn('web1')).toThrow('write class/host[:port][/name], such as HTTP/web1.corp.example');
    expect(() => parseSpn('x'.repeat(100_000))).toThrow(/^"x{80}…" has 100000 characters.{1,100}$/);
  });

  it('prints back to the text it was read from, and throws nothing but the coded error', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(refusal(() => parseSpn(text)) !== 'accepted' || printSpn(parseSpn(text)) === text).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it('reads back the parts that were printed', () => {
    const part = fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }).filter((text) => !/[/:\0]/.test(text));
    const parts = fc.record(
      { serviceClass: part, host: part, port: fc.integer({ min: 1, max: 65_535 }), serviceName: part },
      { requiredKeys: ['serviceClass', 'host'] },
    );
    fc.assert(fc.property(parts, (spn) => expect(parseSpn(printSpn(spn))).toEqual({ raw: printSpn(spn), ...spn })));
  });
});

describe('validateSpn', () => {
  it.each([
    'HTTP/web1.corp.example',
    'HOST/WEB1',
    'Microsoft Virtual Console Service/hv1.corp.example',
    'MSSQLSvc/sql1.corp.example:INST$1',
    'E3514235-4B06-11D1-AB04-00C04FC2DCD2/7453c109-22a2-48c7-b196-567e6772b986/corp.example',
    'svc/host/CN=app,OU=Größe,DC=corp,DC=example',
    'HTTP/bücher.example',
    'host/10.0.0.1',
    'kadmin/changepw',
  ])('accepts %s', (text) => {
    expect(validateSpn(text)).toEqual(parseSpn(text));
  });

  it.each<[string, SpnErrorCode, number]>([
    ['cifs/', 'SPN_EMPTY_PART', 5],
    ['/host/x', 'SPN_EMPTY_PART', 0],
    ['cifs/h/', 'SPN_EMPTY_PART', 7],
    ['HTTP/ web1', 'SPN_WHITE_SPACE', 5],
    ['HTTP /web1', 'SPN_WHITE_SPACE', 0],
    ['HTTP/web1/\u00a0x', 'SPN_WHITE_SPACE', 10],
    ['HTTP/we\nb1', 'SPN_CHARACTER', 7],
    ['HTTP/web1@CORP.EXAMPLE', 'SPN_CHARACTER', 9],
    ['a@b/web1', 'SPN_CHARACTER', 1],
    ['HTTP/web1\u200c', 'SPN_IGNORABLE', 9],
    ['HTTP/we b1', 'SPN_HOST', 5],
    ['HTTP/we\\b1', 'SPN_HOST', 5],
    ['HTTP/:80', 'SPN_HOST', 5],
    ['HTTP/[::1]', 'SPN_HOST', 5],
    [`HTTP/${'a'.repeat(256)}`, 'SPN_HOST', 5],
    ['HTTP/web1:', 'SPN_PORT', 10],
    ['HTTP/web1:0', 'SPN_PORT', 10],
    ['HTTP/web1:65536', 'SPN_PORT', 10],
    ['HTTP/web1:0080', 'SPN_PORT', 10],
    ['MSSQLSvc/sql1:A B', 'SPN_INSTANCE', 14],
    ['MSSQLSvc/sql1:A:1', 'SPN_INSTANCE', 14],
    ['web1', 'SPN_PART_COUNT', 4],
  ])('refuses %j with %s', (text, code, offset) => {
    expect(refusal(() => validateSpn(text))).toEqual([code, offset]);
  });

  it('throws nothing but the coded error, and accepts only what parseSpn accepts', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(refusal(() => validateSpn(text)) !== 'accepted' || refusal(() => parseSpn(text)) === 'accepted').toBe(
          true,
        );
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('composeSpn', () => {
  it.each<[SpnParts, string]>([
    [{ kind: 'host', serviceClass: 'HTTP', host: 'web1.corp.example' }, 'HTTP/web1.corp.example'],
    [{ kind: 'host', serviceClass: 'MSSQLSvc', host: 'sql1', port: 1433 }, 'MSSQLSvc/sql1:1433'],
    [{ kind: 'replicable', serviceClass: 'app', host: 'r1', serviceName: 'CN=app,DC=x' }, 'app/r1/CN=app,DC=x'],
    [
      { kind: 'replicable', serviceClass: 'app', host: 'r1', port: 8443, serviceName: '_app._tcp.x' },
      'app/r1:8443/_app._tcp.x',
    ],
    [
      { kind: 'domain', serviceClass: 'ldap', host: 'dc1.corp.example', domain: 'corp.example' },
      'ldap/dc1.corp.example/corp.example',
    ],
  ])('composes %j as %s', (parts, text) => {
    expect(composeSpn(parts)).toEqual(parseSpn(text));
  });

  it.each<[SpnParts, SpnErrorCode, number]>([
    [{ kind: 'host', serviceClass: 'HT/TP', host: 'web1' }, 'SPN_CHARACTER', 2],
    [{ kind: 'host', serviceClass: 'HTTP', host: 'web1/x' }, 'SPN_CHARACTER', 9],
    [{ kind: 'host', serviceClass: 'HTTP', host: 'web1:80' }, 'SPN_CHARACTER', 9],
    [{ kind: 'replicable', serviceClass: 'a', host: 'h', serviceName: 'n/m' }, 'SPN_CHARACTER', 5],
    [{ kind: 'replicable', serviceClass: 'a', host: 'h', port: 80, serviceName: 'n/m' }, 'SPN_CHARACTER', 8],
    [{ kind: 'domain', serviceClass: 'a', host: 'h', domain: '' }, 'SPN_EMPTY_PART', 4],
    [{ kind: 'host', serviceClass: '', host: 'h' }, 'SPN_EMPTY_PART', 0],
    [{ kind: 'host', serviceClass: 'a', host: 'h', port: 0 }, 'SPN_PORT', 4],
    [{ kind: 'host', serviceClass: 'a', host: 'h', port: 1.5 }, 'SPN_PORT', 4],
    [{ kind: 'host', serviceClass: 'a', host: 'h', port: NaN }, 'SPN_PORT', 4],
    [{ kind: 'host', serviceClass: 'a', host: 'h\u200c' }, 'SPN_IGNORABLE', 3],
  ])('refuses %j with %s', (parts, code, offset) => {
    expect(refusal(() => composeSpn(parts))).toEqual([code, offset]);
  });
});
