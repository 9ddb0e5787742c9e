/** What events of every kind can be found by. */
import { describe, expect, it } from '@jest/globals';
import type { RecordedEvent } from '#event-store';
import { eventIndexRow } from './event-index.js';

function event(type: string, data: RecordedEvent['data'], actor?: string): RecordedEvent {
  return {
    id: '00000000-0000-7000-8000-000000000001',
    stream: 'account-w1',
    version: 1,
    position: 9,
    type,
    schemaVersion: 1,
    occurredAt: '2026-11-22T10:53:33.786150Z',
    recordedAt: '2026-11-23T00:00:00.000000Z',
    data,
    metadata: { origin: 'decided', ...(actor && { actor }) },
  };
}

describe('an event is found', () => {
  it('by each account that it names, however it names it, without case', () => {
    const { names } = eventIndexRow(
      event(
        'SpnRegistrationRefused',
        { account: 'CN=Web', holders: [{ account: 'CN=Old', spn: 'HTTP/web1', by: 'exact' }] },
        'account:kim-id',
      ),
    );
    expect(names).toEqual(['cn=old', 'cn=web', 'kim-id']);
    const listed = event('AccountListed', {
      account: 'CN=A',
      samAccountName: 'A$',
      userPrincipalName: 'a@X',
      sid: 'S-1-5',
    });
    expect(eventIndexRow(listed).names).toEqual(['a$', 'a@x', 'cn=a', 's-1-5']);
  });

  it('by the account that a service runs as, and not by the service that a logon is for', () => {
    expect(eventIndexRow(event('TicketPresented', { service: 'W1' })).names).toEqual(['w1']);
    expect(eventIndexRow(event('TgtIssued', { clientName: 'alice@X', service: 'krbtgt/X' })).names).toEqual([
      'alice@x',
    ]);
  });

  it('by each SPN in it, as a KDC compares them', () => {
    const { spn_keys } = eventIndexRow(
      event('SpnsReplaced', { account: 'a', spns: ['HTTP/Web1', 'http/web1\u200b', 'cifs/files'] }),
    );
    expect(spn_keys).toEqual(['cifs/files', 'http/web1']);
  });

  it('by its code, or by a status that is a text', () => {
    expect(eventIndexRow(event('SpnRegistrationRefused', { code: 'constraintViolation', status: 19 })).code).toBe(
      'constraintViolation',
    );
    expect(eventIndexRow(event('AcceptorStatusLogged', { status: 'NT_STATUS_LOGON_FAILURE' })).code).toBe(
      'NT_STATUS_LOGON_FAILURE',
    );
    expect(eventIndexRow(event('TokenRevoked', { token: 't' })).code).toBeNull();
  });

  it('by its instant, to the last digit', () => {
    expect(eventIndexRow(event('TokenRevoked', {})).occurred_at).toBe(1_795_344_813_786_150_000n);
  });
});
