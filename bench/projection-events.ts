/** Synthetic events for bench/projections.ts and bench/cluster.ts: service tickets as an audit log shows them, about 650 bytes each. */
import { createHash } from 'node:crypto';
import { observedEventId, type AppendItem, type NewEvent } from '#event-store';

const START_MS = Date.UTC(2026, 0, 1);
const CLIENTS = 50_000;
const SERVICES = 5_000;

/** The n-th ticket; one every ten milliseconds, of each of so many forests in turn, which have a KDC each. */
export function ticketIssued(n: number, forests = 1): NewEvent {
  const domain = n % forests === 0 ? 'corp.example' : `corp-${n % forests}.example`;
  const occurredAt = new Date(START_MS + n * 10).toISOString();
  const digest = createHash('sha256').update(`ticket ${n}`).digest();
  const host = `app-${String(n % SERVICES).padStart(4, '0')}.corp.example`;
  return {
    id: observedEventId(occurredAt, digest),
    type: 'ServiceTicketIssued',
    schemaVersion: 1,
    occurredAt,
    data: {
      forest: `observed:${domain}`,
      client: `CN=user-${n % CLIENTS},OU=People,DC=corp,DC=example`,
      clientName: `user-${n % CLIENTS}@CORP.EXAMPLE`,
      spn: `HTTP/${host}`,
      account: `CN=svc-${n % SERVICES},OU=Services,DC=corp,DC=example`,
      ticket: digest.toString('hex').toUpperCase(),
      etype: 18,
      sessionEtype: 18,
      kvno: 3,
      flags: ['forwardable', 'renewable', 'pre-authent', 'ok-as-delegate'],
      address: `ipv4:10.${n % 200}.${n % 250}.17:${40_000 + (n % 20_000)}`,
    },
    metadata: { origin: 'observed', source: { id: `samba/${domain}`, kind: 'samba', record: n + 1, offset: n * 650 } },
  };
}

/** One append item per event, as an import writes them. */
export function itemOf(event: NewEvent): AppendItem {
  const digest = createHash('sha256').update(event.id!).digest();
  const stream = `source-${event.metadata.source!.id}`;
  return { id: event.id!, digest, writes: [{ stream, expected: 'any', events: [event] }] };
}
