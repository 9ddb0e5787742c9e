/** What counts as evidence, and under which key it can be joined. */
import { describe, expect, it } from '@jest/globals';
import {
  loggedLogon,
  recorded,
  refusal,
  refusedLogon,
  rejection,
  ticket,
  type Told,
} from './attempt-events.spec-support.js';
import { evidenceRow, splitAddress, ticketKindOf } from './evidence.js';

const row = (told: Told) => evidenceRow(recorded(told, 1));
const key = (told: Told): string | null => row(told)?.join_key ?? null;

describe('an address', () => {
  it.each([
    ['10.50.0.21:48916', '10.50.0.21', '48916'],
    ['ipv4:10.50.0.21:48916', 'ipv4:10.50.0.21', '48916'],
    ['[2001:db8::1]:88', '[2001:db8::1]', '88'],
    ['ipv6:2001:db8::1:88', 'ipv6:2001:db8::1', '88'],
    ['host.example:88', 'host.example', '88'],
    ['10.50.0.21', '10.50.0.21', null],
    ['2001:db8::1', '2001:db8::1', null],
    ['', '', null],
  ])('%s is a host and its port', (address, host, port) => {
    expect(splitAddress(address)).toEqual({ host, port });
  });
});

describe('a ticket', () => {
  it.each([
    ['krbtgt/CORP.EXAMPLE', ['renewable', 'forwarded'], 'forwarded-tgt'],
    ['krbtgt/CORP.EXAMPLE', ['renewable'], 'other-tgt'],
    ['KRBTGT/OTHER.EXAMPLE', undefined, 'other-tgt'],
    ['krbtgt', undefined, 'other-tgt'],
    ['krbtgtx/host', undefined, 'service'],
    ['cifs/files', ['forwarded'], 'service'],
  ])('for %s with flags %s is of kind %s', (spn, flags, kind) => {
    expect(ticketKindOf({ spn, flags })).toBe(kind);
  });

  it('for krbtgt is counted, and joined to nothing', () => {
    expect(row(ticket('01', 'alice', 'krbtgt/CORP.EXAMPLE', 18))).toMatchObject({
      join_key: null,
      ticket_kind: 'other-tgt',
    });
  });
});

describe('evidence', () => {
  it('is no second log of a logon that succeeded, no pre-authentication, and nothing of the directory', () => {
    expect(row(loggedLogon('01', 'alice', 1, 'NT_STATUS_OK'))).toBeNull();
    expect(row({ type: 'PreAuthenticationRequired', at: '01', data: { clientName: 'alice' } })).toBeNull();
    expect(evidenceRow({ ...recorded(rejection('01'), 1), type: 'SpnRegistered' })).toBeNull();
  });

  it('of a refusal stands with those of the same client, SPN, code and host, whatever the port and the case', () => {
    const one = key(refusal('01', 'alice', 'HTTP/web1', 1));
    expect(key(refusal('02', 'ALICE', 'http/WEB1', 2))).toBe(one);
    expect(key(refusal('02', 'bob', 'HTTP/web1', 2))).not.toBe(one);
    expect(key(refusal('02', 'alice', 'HTTP/web2', 2))).not.toBe(one);
    expect(key(refusal('02', 'alice', 'HTTP/web1', 2, { code: 'KDC_ERR_POLICY' }))).not.toBe(one);
    expect(key(refusal('02', 'alice', 'HTTP/web1', 2, { address: '10.50.0.22:1' }))).not.toBe(one);
  });

  it('of a logon stands with its second log at the same address and port', () => {
    expect(key(loggedLogon('01', 'bob', 7))).toBe(key(refusedLogon('02', 'bob', 7)));
    expect(key(loggedLogon('01', 'bob', 7))).not.toBe(key(refusedLogon('02', 'bob', 8)));
  });

  it('of an exchange of ours stands by its id alone', () => {
    const ours = { request: 'R', address: '10.0.0.1:1' };
    expect(key(ticket('01', 'alice', 'HTTP/web1', 18, ours))).toBe(key(ticket('02', 'bob', 'cifs/x', 23, ours)));
  });

  it('cannot be given the key of other evidence by a name that imitates it', () => {
    const imitation = key(refusal('01', 'alice","HTTP/web1', 'x', 1));
    expect(imitation).not.toBe(key(refusal('01', 'alice', 'HTTP/web1', 1)));
  });

  it('has keys that fit an index, and texts that PostgreSQL can hold', () => {
    const long = row(refusal('01', 'a'.repeat(10_000), `HTTP/${'h'.repeat(5_000)}`, 1));
    for (const text of [long?.join_key, long?.client_key, long?.spn_key]) expect(text!.length).toBeLessThan(1_300);
    const nul = row(refusal('01', 'a\0b', 'HTTP/x\0y', 1));
    for (const value of [nul?.join_key, nul?.client_key, nul?.spn_key, nul?.data])
      expect(JSON.stringify(value)).not.toContain('\\u0000');
  });
});
