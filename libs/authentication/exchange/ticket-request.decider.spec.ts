import { describe, expect, it } from '@jest/globals';
import {
  foldTicketRequest,
  issueTicket,
  resolveService,
  type Resolution,
  type TicketRequestFacts,
} from './ticket-request.decider.js';

const SPN = 'HTTP/web1.corp.example';
const holder = { account: 's1', domain: 'emea.corp.example', enabled: true, kvno: 3, etypes: [17, 18] };
const client = { enabled: true };
const facts: TicketRequestFacts = {
  request: 'r1',
  now: '2026-11-22T10:00:00.000000Z',
  logon: {
    logon: 'l1',
    forest: 'corp',
    domain: 'corp.example',
    client: 'a1',
    clientName: 'alice@CORP.EXAMPLE',
    expiresAt: '2026-11-22T20:00:00.000000Z',
  },
  client,
  spn: SPN,
  search: { outcome: 'found', by: 'exact', registeredSpn: SPN, holder },
  etypes: [18, 17],
  ticketLifetimeSeconds: 3_600,
};
const types = (events: readonly { type: string }[]): string[] => events.map((event) => event.type);

describe('a ticket request', () => {
  it('is resolved to the holder, its current key version and the strongest etype that both sides allow', () => {
    expect(resolveService(facts)).toMatchObject({
      outcome: 'resolved',
      account: 's1',
      etype: 18,
      kvno: 3,
      expiresAt: '2026-11-22T11:00:00.000000Z',
      events: [
        { type: 'ServiceTicketRequested', data: { domain: 'corp.example', logon: 'l1', client: 'a1', spn: SPN } },
        { type: 'SpnResolved', data: { account: 's1', registeredSpn: SPN, by: 'exact' } },
      ],
    });
    expect(resolveService({ ...facts, etypes: [17, 18] })).toMatchObject({ etype: 17 });
  });

  it('says by which name an alias was resolved', () => {
    const search = { outcome: 'found', by: 'alias', registeredSpn: 'host/web1.corp.example', holder } as const;
    expect(resolveService({ ...facts, search }).events).toContainEqual({
      type: 'SpnResolved',
      data: {
        forest: 'corp',
        request: 'r1',
        spn: SPN,
        account: 's1',
        registeredSpn: 'host/web1.corp.example',
        by: 'alias',
      },
    });
  });

  it('records how the client composed the SPN, when it told', () => {
    const composedFrom = { kind: 'domain', serviceClass: 'ldap', host: 'dc1', domain: 'corp.example' } as const;
    const spn = 'ldap/dc1/corp.example';
    expect(resolveService({ ...facts, spn, composedFrom }).events[0]).toEqual({
      type: 'SpnComposed',
      data: { forest: 'corp', request: 'r1', spn, serviceClass: 'ldap', host: 'dc1', serviceName: 'corp.example' },
    });
    const hostBased = { kind: 'host', serviceClass: 'MSSQLSvc', host: 'sql1', port: 1433 } as const;
    expect(resolveService({ ...facts, composedFrom: hostBased }).events[0]?.data).toMatchObject({
      host: 'sql1',
      port: 1433,
    });
  });

  it('never gives a ticket that outlives the logon', () => {
    expect(resolveService({ ...facts, now: '2026-11-22T19:30:00Z' })).toMatchObject({
      expiresAt: '2026-11-22T20:00:00.000000Z',
    });
  });

  const holders = [
    { account: 's1', spn: SPN },
    { account: 's2', spn: 'http/WEB1.corp.example' },
  ];
  const found = (change: object): TicketRequestFacts['search'] => ({
    outcome: 'found',
    by: 'exact',
    registeredSpn: SPN,
    holder: { ...holder, ...change },
  });
  it.each<[string, Partial<TicketRequestFacts>, string, string[]]>([
    ['after the logon expired', { now: '2026-11-22T20:00:00Z' }, 'KRB_AP_ERR_TKT_EXPIRED', []],
    ['of a client disabled since', { client: { enabled: false } }, 'KDC_ERR_CLIENT_REVOKED', []],
    ['of a client deleted since', { client: null }, 'KDC_ERR_CLIENT_REVOKED', []],
    ['for an unknown SPN', { search: { outcome: 'unknown' } }, 'KDC_ERR_S_PRINCIPAL_UNKNOWN', ['SpnNotFound']],
    [
      'for an SPN with two holders',
      { search: { outcome: 'ambiguous', by: 'exact', holders } },
      'KDC_ERR_PRINCIPAL_NOT_UNIQUE',
      ['SpnAmbiguous'],
    ],
    ['for a disabled holder', { search: found({ enabled: false }) }, 'KDC_ERR_SERVICE_REVOKED', ['SpnResolved']],
    ['for a holder without key', { search: found({ kvno: 0, etypes: [] }) }, 'KDC_ERR_NULL_KEY', ['SpnResolved']],
    ['for a holder with other etypes', { search: found({ etypes: [23] }) }, 'KDC_ERR_ETYPE_NOSUPP', ['SpnResolved']],
  ])('%s is refused and recorded', (_, change, code, between) => {
    const decision = resolveService({ ...facts, ...change });
    expect(decision).toMatchObject({ outcome: 'refused', code });
    expect(types(decision.events)).toEqual(['ServiceTicketRequested', ...between, 'ServiceTicketRefused']);
    expect(decision.events.at(-1)?.data).toMatchObject({ request: 'r1', client: 'a1', spn: SPN, code });
  });

  it('names every holder of an ambiguous SPN in the event', () => {
    const search = { outcome: 'ambiguous', by: 'exact', holders } as const;
    expect(resolveService({ ...facts, search }).events).toContainEqual({
      type: 'SpnAmbiguous',
      data: { forest: 'corp', request: 'r1', spn: SPN, by: 'exact', holders },
    });
  });

  it('that was answered is found again by its events, and only then', () => {
    const resolution = resolveService(facts) as Resolution;
    const events = issueTicket(facts, resolution, { ticket: 'T1', nonceDigest: 'n1' });
    expect(types(events)).toEqual(['ServiceTicketRequested', 'SpnResolved', 'ServiceTicketIssued']);
    expect(foldTicketRequest(events)).toEqual({
      forest: 'corp',
      request: 'r1',
      logon: 'l1',
      client: 'a1',
      clientName: 'alice@CORP.EXAMPLE',
      spn: SPN,
      ticket: 'T1',
      etype: 18,
      kvno: 3,
      nonceDigest: 'n1',
      expiresAt: '2026-11-22T11:00:00.000000Z',
    });
    expect(foldTicketRequest(resolveService({ ...facts, client: null }).events)).toBeNull();
  });
});
