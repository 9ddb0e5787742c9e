/** Events of a Windows Security log in our vocabulary, the same from XML and from winlogbeat. Written by us in the documented form. */
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { collect, eventsOf, inChunks, itemsOf } from '../mapped.spec-support.js';
import type { Facts, Line, Reading } from '../fact.js';
import { anEvent, jsonOf, xmlOf } from './windows-event.spec-support.js';
import { WindowsLog } from './windows-log.js';

const line = (text: string): Line => ({ number: 1, offset: 0, bytes: Buffer.from(text) });
const read = (text: string): Reading[] => new WindowsLog().read(line(text));
const factsOf = (text: string): Facts => {
  const [reading] = read(text);
  if (reading?.kind !== 'facts') throw new Error(`no facts: ${JSON.stringify(reading)}`);
  return reading;
};
const both = [
  ['XML', xmlOf],
  ['JSON of winlogbeat', jsonOf],
] as const;

const added = anEvent(5136, {
  OpCorrelationID: '{0ff39f9e-4aa4-405c-9dae-c60cfe875664}',
  SubjectUserSid: 'S-1-5-21-1-2-3-500',
  ObjectDN: 'CN=svc "web" & co,OU=a<b,DC=corp,DC=example',
  ObjectClass: 'user',
  AttributeLDAPDisplayName: 'servicePrincipalName',
  AttributeValue: 'HTTP/web1.corp.example',
  OperationType: '%%14674',
});
const tgt = {
  TargetUserName: 'alice',
  TargetDomainName: 'CORP',
  ServiceName: 'krbtgt',
  Status: '0x0',
  TicketEncryptionType: '0x12',
  PreAuthType: '2',
  IpAddress: '::ffff:10.50.0.21',
  IpPort: '49712',
};

describe.each(both)('as %s', (_, write) => {
  it('a value of servicePrincipalName that was added or deleted', () => {
    const reading = factsOf(write(added));
    expect(reading).toMatchObject({ record: 4711, domain: 'corp.example' });
    expect(reading.facts).toEqual([
      {
        type: 'SpnRegistered',
        occurredAt: expect.stringMatching(/^2026-11-22T10:53:32\.933/),
        actor: 'S-1-5-21-1-2-3-500',
        correlationId: '{0ff39f9e-4aa4-405c-9dae-c60cfe875664}',
        data: {
          account: 'CN=svc "web" & co,OU=a<b,DC=corp,DC=example',
          domain: 'corp.example',
          spn: 'HTTP/web1.corp.example',
        },
      },
    ]);
    const deleted = { ...added, data: { ...added.data, OperationType: '%%14675' } };
    expect(factsOf(write(deleted)).facts[0]).toMatchObject({ type: 'SpnRemoved' });
    const other = { ...added, data: { ...added.data, AttributeLDAPDisplayName: 'description' } };
    expect(read(write(other))).toEqual([]);
  });

  it('a TGT that was issued or refused', () => {
    expect(factsOf(write(anEvent(4768, tgt))).facts[0]).toMatchObject({
      type: 'TgtIssued',
      data: {
        domain: 'corp.example',
        clientName: 'alice@CORP',
        service: 'krbtgt',
        address: '10.50.0.21:49712',
        preAuthentication: '2',
        etype: 18,
      },
    });
    const unknown = { ...tgt, Status: '0x6', TicketEncryptionType: '0xffffffff', PreAuthType: '-' };
    expect(factsOf(write(anEvent(4768, unknown))).facts[0]).toMatchObject({
      type: 'TgtRefused',
      data: { clientName: 'alice@CORP', code: 'KDC_ERR_C_PRINCIPAL_UNKNOWN', reason: '' },
    });
    const wrong = {
      TargetUserName: 'alice',
      ServiceName: 'krbtgt/CORP',
      Status: '0x18',
      IpAddress: '10.50.0.21',
      IpPort: '1',
    };
    expect(factsOf(write(anEvent(4771, wrong))).facts[0]).toMatchObject({
      type: 'TgtRefused',
      data: { clientName: 'alice', service: 'krbtgt/CORP', code: 'KDC_ERR_PREAUTH_FAILED', address: '10.50.0.21:1' },
    });
  });

  it('a ticket for a service that nobody holds; one that was issued names no SPN and says nothing', () => {
    const ticket = {
      TargetUserName: 'alice@CORP.EXAMPLE',
      TargetDomainName: 'CORP.EXAMPLE',
      ServiceName: 'HTTP/none',
      Status: '0x7',
    };
    expect(factsOf(write(anEvent(4769, ticket))).facts[0]).toMatchObject({
      type: 'ServiceTicketRefused',
      data: { clientName: 'alice@CORP.EXAMPLE', spn: 'HTTP/none', code: 'KDC_ERR_S_PRINCIPAL_UNKNOWN' },
    });
    expect(read(write(anEvent(4769, { ...ticket, Status: '0x0', ServiceName: 'WEB1$' })))).toEqual([]);
    expect(read(write(anEvent(4624, {})))).toEqual([]);
  });

  it('that lacks what makes it what it is, with the reason', () => {
    const reason = (event: ReturnType<typeof anEvent>): unknown =>
      (read(write(event))[0] as { reason?: string }).reason;
    expect(reason({ ...added, record: '' })).toMatch(/EventRecordID/);
    expect(reason({ ...added, time: 'yesterday' })).toMatch(/no time in UTC/);
    expect(reason(anEvent(4768, { ...tgt, Status: '' }))).toMatch(/Status/);
    expect(reason(anEvent(4768, { ...tgt, ServiceName: '-' }))).toBe('event 4768 has no ServiceName');
    expect(reason(anEvent(5136, { ...added.data, ObjectDN: 'CN=x' }))).toMatch(/ends in no domain/);
  });
});

describe('an event', () => {
  it('is the same in XML and in JSON, and another in another log, on another computer, under another number', () => {
    const key = (text: string): string => `${factsOf(text).stamp} ${factsOf(text).identity.toString('hex')}`;
    expect(key(xmlOf(added))).toBe(key(jsonOf(added)));
    const others = [
      added,
      { ...added, record: '4712' },
      { ...added, computer: 'dc2.corp.example' },
      { ...added, channel: 'Other' },
    ];
    expect(new Set(others.map((event) => key(xmlOf(event)))).size).toBe(4);
  });

  it('of a file stands in the log as one from Kafka does', async () => {
    const content = Buffer.from(`${xmlOf(added)}\n${xmlOf(anEvent(4624, {}))}\n<Event>broken\n`);
    const items = await collect(inChunks(content), { name: 'security.xml' });
    expect(items[0]).toEqual({ kind: 'detected', sourceKind: 'windows' });
    expect(eventsOf(items)).toMatchObject([
      { type: 'SpnRegistered', metadata: { source: { id: 'windows/corp.example', kind: 'windows', record: 4711 } } },
    ]);
    expect(itemsOf(items, 'quarantined')).toMatchObject([{ line: 3, reason: 'the event breaks off' }]);
    const json = await collect(inChunks(Buffer.from(`${jsonOf(added)}\n`)), { name: 'security.ndjson' });
    expect(itemsOf(json, 'record')[0]!.id).toBe(itemsOf(items, 'record')[0]!.id);
  });

  it('whatever is in it fails as a record only', () => {
    const damaged = fc
      .tuple(
        fc.constantFrom(xmlOf(added), jsonOf(added), xmlOf(anEvent(4768, tgt))),
        fc.nat(2000),
        fc.nat(40),
        fc.string(),
      )
      .map(([text, at, length, by]) => text.slice(0, at) + by + text.slice(at + length));
    fc.assert(
      fc.property(fc.oneof(damaged, fc.string({ unit: 'binary' }), fc.json()), (text) => {
        for (const reading of read(text)) expect(['facts', 'unreadable']).toContain(reading.kind);
      }),
      { numRuns: 1_000 },
    );
  });

  it('with a document type, an unknown entity or a flood of fields is refused', () => {
    const texts = [
      xmlOf(added).replace('<Event ', '<!DOCTYPE x [<!ENTITY a "b">]><Event '),
      xmlOf(added).replace('svc', '&a;'),
      xmlOf(anEvent(5136, Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`f${n}`, 'x'])))),
      xmlOf(added).replace('<Provider ', '<Provider '.repeat(80_000)),
      xmlOf(added).replace('<System>', '<System>'.repeat(100_000)),
    ];
    for (const text of texts) expect(read(text)).toMatchObject([{ kind: 'unreadable' }]);
  });
});
