import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { stringToKey } from './derive-key.js';
import { KerberosError } from './kerberos.error.js';
import { computerSalt, defaultSalt, parsePrincipal, printPrincipal } from './principal.js';

describe('principal names', () => {
  it.each([
    ['alice@CORP.EXAMPLE', ['alice'], 'CORP.EXAMPLE'],
    ['HTTP/web1.corp.example@CORP.EXAMPLE', ['HTTP', 'web1.corp.example'], 'CORP.EXAMPLE'],
    ['krbtgt/B.EXAMPLE@A.EXAMPLE', ['krbtgt', 'B.EXAMPLE'], 'A.EXAMPLE'],
    ['alice\\@corp.example@CORP.EXAMPLE', ['alice@corp.example'], 'CORP.EXAMPLE'],
    ['a\\/b/c\\\\d@R', ['a/b', 'c\\d'], 'R'],
    ['tab\\tline\\nback\\bnul\\0@R', ['tab\tline\nback\bnul\0'], 'R'],
    ['host/@R', ['host', ''], 'R'],
    ['WS1$@O=Corp\\/OU=x', ['WS1$'], 'O=Corp/OU=x'],
  ])('%s is read and printed', (text, components, realm) => {
    expect(parsePrincipal(text)).toEqual({ components, realm });
    expect(printPrincipal({ components, realm })).toBe(text);
  });

  it('take the default realm only if they have none', () => {
    expect(parsePrincipal('alice', 'CORP.EXAMPLE').realm).toBe('CORP.EXAMPLE');
    expect(parsePrincipal('alice@X', 'CORP.EXAMPLE').realm).toBe('X');
  });

  it.each([
    '',
    'alice',
    '@R',
    '/@R',
    'alice@',
    'a@b@c',
    'a@b/c',
    'a\\',
    'a@R\\',
    `${'a'.repeat(1_025)}@R`,
    `${'a/'.repeat(32)}a@R`,
  ])('are not %.40j', (text) => {
    expect(() => parsePrincipal(text)).toThrow(expect.objectContaining({ code: 'KRB_PRINCIPAL_SYNTAX' }));
  });

  it('are read back from their printed form', () => {
    const part = fc.string({
      unit: fc.constantFrom('a', '/', '@', '\\', '\n', '\0', 'n', '0', ' ', 'é'),
      maxLength: 6,
    });
    const named = fc
      .array(part, { minLength: 1, maxLength: 4 })
      .filter((components) => components.some((text) => text !== ''));
    fc.assert(
      fc.property(
        named,
        part.filter((text) => text !== ''),
        (components, realm) => {
          expect(parsePrincipal(printPrincipal({ components, realm }))).toEqual({ components, realm });
        },
      ),
    );
  });

  it('of any text throw nothing but the coded error', () => {
    const outcome = (text: string): string => {
      try {
        return typeof parsePrincipal(text).realm;
      } catch (error) {
        return error instanceof KerberosError ? 'string' : String(error);
      }
    };
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(outcome(text)).toBe('string');
      }),
    );
  });
});

describe('salts', () => {
  it('are realm and components without separators', () => {
    expect(defaultSalt('AUDIT.TEST', ['alice'])).toBe('AUDIT.TESTalice');
    expect(defaultSalt('AUDIT.TEST', ['gss', 'localhost'])).toBe('AUDIT.TESTgsslocalhost');
  });

  it('of a computer name its host', () => {
    expect(computerSalt('corp.example', 'WS1$')).toBe('CORP.EXAMPLEhostws1.corp.example');
    expect(computerSalt('CORP.EXAMPLE', 'Web$1')).toBe('CORP.EXAMPLEhostweb$1.corp.example');
  });

  it('keep case: another case is another key', async () => {
    const [upper, lower] = await Promise.all(
      ['CORP.EXAMPLEAlice', 'CORP.EXAMPLEalice'].map((salt) => stringToKey(18, 'pw', salt, 1)),
    );
    expect(upper).not.toEqual(lower);
  });
});
