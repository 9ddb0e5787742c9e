/** One line of text, one fact. */
import { describe, expect, it } from '@jest/globals';
import { endpoint, isKdcLine, readKdcLine } from './kdc-line.js';

const at = '2026-11-22T10:53:33.786000Z';
const read = (text: string): unknown => readKdcLine(text, at)?.facts[0];

describe('a line of the KDC', () => {
  it('issues a TGT: the reply has the first etype, the ticket the second', () => {
    const line =
      'Kerberos: AS-REQ SUCCESS ipv4:10.50.0.21:34774 alice@CORP.EXAMPLE krbtgt/CORP.EXAMPLE@CORP.EXAMPLE pa=ENC-TS etype=23/18 end=1795380770 flags=renewable-ok,forwardable';
    expect(readKdcLine(line, at)).toEqual({
      domain: 'corp.example',
      facts: [
        {
          type: 'TgtIssued',
          occurredAt: at,
          data: {
            domain: 'corp.example',
            clientName: 'alice@CORP.EXAMPLE',
            service: 'krbtgt/CORP.EXAMPLE',
            address: '10.50.0.21:34774',
            preAuthentication: 'ENC-TS',
            replyEtype: 23,
            etype: 18,
            expiresAt: '2026-11-22T20:52:50Z',
          },
        },
      ],
    });
  });

  it('issues a service ticket for the SPN that was asked for, its realm left out', () => {
    const line =
      'Kerberos: TGS-REQ SUCCESS ipv6:fd00::1:50000 bob@CORP.EXAMPLE app/app1.corp.example:8443@CORP.EXAMPLE etype=18/23 flags=canonicalize,renewable';
    expect(read(line)).toMatchObject({
      type: 'ServiceTicketIssued',
      data: {
        clientName: 'bob@CORP.EXAMPLE',
        spn: 'app/app1.corp.example:8443',
        etype: 23,
        flags: ['canonicalize', 'renewable'],
        address: '[fd00::1]:50000',
      },
    });
  });

  it('refuses with the code of RFC 4120 and the reason as free text', () => {
    const line =
      'Kerberos: TGS-REQ ERR_S_PRINCIPAL_UNKNOWN ipv4:10.0.0.1:1 c@R HTTP/x@R elapsed=0.1 reason=Service principal unknown, a=b';
    expect(read(line)).toEqual({
      type: 'ServiceTicketRefused',
      occurredAt: at,
      data: {
        clientName: 'c@R',
        spn: 'HTTP/x',
        address: '10.0.0.1:1',
        code: 'KDC_ERR_S_PRINCIPAL_UNKNOWN',
        reason: 'Service principal unknown, a=b',
      },
    });
    expect(read('Kerberos: TGS-REQ KRB5KRB_AP_ERR_SKEW ipv4:10.0.0.1:1 c@R HTTP/x@R')).toMatchObject({
      data: { code: 'KRB_AP_ERR_SKEW' },
    });
    expect(read('Kerberos: AS-REQ HDB_ERR_NOENTRY ipv4:10.0.0.1:1 c@R krbtgt/R@R')).toMatchObject({
      type: 'TgtRefused',
      data: { code: 'HDB_ERR_NOENTRY' },
    });
  });

  it('does not take the normal first answer for a refusal', () => {
    const line =
      'Kerberos: AS-REQ ERR_PREAUTH_REQUIRED ipv4:10.0.0.1:1 c@R krbtgt/R@R e-text=Need\\sto\\suse\\sPA-ENC-TIMESTAMP';
    expect(read(line)).toMatchObject({ type: 'PreAuthenticationRequired', data: { clientName: 'c@R' } });
  });

  it('may name a principal with escaped spaces, at signs and slashes', () => {
    const line =
      'Kerberos: TGS-REQ SUCCESS ipv4:10.0.0.1:1 John\\ Doe@CORP.EXAMPLE HTTP/a\\@b@CORP.EXAMPLE etype=18/18';
    expect(read(line)).toMatchObject({ data: { clientName: 'John\\ Doe@CORP.EXAMPLE', spn: 'HTTP/a@b' } });
  });

  it('says nothing about a domain when it refuses: the realm then is the asker’s', () => {
    expect(
      readKdcLine('Kerberos: AS-REQ ERR_WRONG_REALM ipv4:1.2.3.4:5 c@EVIL krbtgt/EVIL@EVIL', at),
    ).not.toHaveProperty('domain');
  });

  it.each([
    'Kerberos: AS-REQ alice@CORP.EXAMPLE from ipv4:10.50.0.21:34768 for krbtgt/CORP.EXAMPLE@CORP.EXAMPLE',
    'Kerberos: TGS-REQ WEB1$@CORP.EXAMPLE from ipv4:10.50.0.21:34768 for HTTP/web1@CORP.EXAMPLE',
    'Kerberos: Looking for ENC-TS pa-data -- alice@CORP.EXAMPLE',
    'samldb_spn_uniqueness_check: SPN HOST/WEB1 failed alias uniqueness check',
    'GSS client Update(krb5)(1) Update failed: Server not found in Kerberos database',
  ])('is not: %s', (line) => {
    expect(isKdcLine(line)).toBe(false);
  });

  it.each([
    'Kerberos: TGS-REQ SUCCESS ipv4:10.0.0.1:1 x@CORP.EXAMPLE',
    'Kerberos: AS-REQ SUCCESS',
    "check_spn_alias_collision: trying to add SPN 'a/b' on 'CN=x,DC=corp' when 'c/d' is on 'CN=y' when 'e/f' is on 'CN=z,DC=corp'",
    "check_spn_alias_collision: trying to add SPN 'a/b' on 'CN=x,DC=corp'",
    `Kerberos: TGS-REQ SUCCESS ipv4:10.0.0.1:1 ${'x'.repeat(20_000)}@R HTTP/y@R`,
  ])('cannot be read: %.90s', (line) => {
    expect(isKdcLine(line)).toBe(true);
    expect(() => readKdcLine(line, at)).toThrow(expect.objectContaining({ code: 'ING_UNREADABLE_RECORD' }));
  });

  it('is read in linear time, whatever it repeats', () => {
    const started = performance.now();
    for (const part of ["' on '", "' when '", 'Failed to find x(kvno 1) in keytab ', '\\ ', '@', 'a=']) {
      for (const begin of [
        "check_spn_alias_collision: trying to add SPN '",
        'GSS server Update(krb5)(1) Update failed: ',
        'Kerberos: TGS-REQ SUCCESS ipv4:1.2.3.4:5 ',
      ]) {
        expect(() => readKdcLine(begin + part.repeat(Math.floor(16_000 / part.length)), at)).not.toThrow(TypeError);
      }
    }
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});

describe('a line of the acceptor', () => {
  it('names the key that it looked for, and no code that was not on the wire', () => {
    const line =
      'GSS server Update(krb5)(1) Update failed:  Miscellaneous failure (see text): Failed to find web$@CORP.EXAMPLE(kvno 3) in keytab FILE:/x (y)/z (aes256-cts-hmac-sha1-96)';
    expect(read(line)).toMatchObject({
      type: 'ClientRejected',
      data: { code: 'KEYTAB_ENTRY_NOT_FOUND', acceptor: 'web$@CORP.EXAMPLE', kvno: 3, etype: 18 },
    });
  });

  it('may say something else', () => {
    expect(
      read('GSS server Update(krb5)(1) Update failed:  Miscellaneous failure (see text): Clock skew too great'),
    ).toEqual({
      type: 'ClientRejected',
      occurredAt: at,
      data: { code: 'ACCEPT_FAILED', reason: 'Miscellaneous failure (see text): Clock skew too great' },
    });
  });
});

describe('an address', () => {
  it.each([
    ['ipv4:10.50.0.21:34774', '10.50.0.21:34774'],
    ['ipv6:fd00::1:88', '[fd00::1]:88'],
    ['ipv6:::ffff:10.50.0.21:34774', '10.50.0.21:34774'],
    ['unix:/run/x', 'unix:/run/x'],
  ])('%s is %s', (logged, kept) => {
    expect(endpoint(logged)).toBe(kept);
  });
});
