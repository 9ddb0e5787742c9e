/**
 * Evidence of attempts: one row per event that shows a step of an authentication, under the key by which it can be joined.
 * Exchanges that Kerbtrail decided carry ids; what other systems recorded is joined by time within a key (join-rules.ts).
 */
import { instantToNanos, type RecordedEvent } from '#event-store';
import type { ExchangeEvent } from '#authentication';
import { lookupKey, parseSpn, SpnSyntaxError } from '#spn';

export type Evidence = ExchangeEvent & {
  /** Event id. */
  readonly event: string;
  /** Nanoseconds since 1970. */
  readonly at: bigint;
  /** Order among equal instants: source, record, item; a decided event's stream and version. */
  readonly source: string;
  readonly record: number;
  readonly item: number;
  /** Evidence under one key can belong to one attempt; `null`: it is joined when an attempt is read, or only counted. */
  readonly joinKey: string | null;
};

export type TicketKind = 'service' | 'forwarded-tgt' | 'other-tgt';

type EvidenceType = ExchangeEvent['type'];

const EVIDENCE_TYPES: ReadonlySet<string> = new Set<EvidenceType>([
  'TgtIssued',
  'TgtRefused',
  'AuthenticationLogged',
  'SpnComposed',
  'ServiceTicketRequested',
  'SpnResolved',
  'SpnNotFound',
  'SpnAmbiguous',
  'ServiceTicketIssued',
  'ServiceTicketRefused',
  'TicketPresented',
  'ClientVerified',
  'ClientRejected',
  'AcceptorStatusLogged',
  'ServiceProofReturned',
  'ServiceVerified',
  'ServiceVerificationFailed',
  'ApplicationRequestAllowed',
  'ApplicationRequestRefused',
]);

/** PreAuthenticationRequired is missing on purpose: it is the normal first answer of an AS exchange. */
export function isEvidenceType(type: string): boolean {
  return EVIDENCE_TYPES.has(type);
}

/** Null for an event that shows nothing of an attempt: another type, or a second log of a logon that succeeded. */
export function toEvidence(event: RecordedEvent): Evidence | null {
  if (!isEvidenceType(event.type)) return null;
  const { source } = event.metadata;
  const step = { type: event.type, data: event.data } as unknown as ExchangeEvent;
  if (step.type === 'AuthenticationLogged' && step.data.status === STATUS_OK) return null;
  return {
    ...step,
    event: event.id,
    at: instantToNanos(event.occurredAt),
    source: source?.id ?? event.stream,
    record: source?.record ?? event.version,
    item: source ? (source.item ?? 0) : 0,
    joinKey: joinKeyOf(step),
  };
}

const STATUS_OK = 'NT_STATUS_OK';

/** The total order of evidence: never the order of arrival. */
export function compareEvidence(a: Evidence, b: Evidence): number {
  if (a.at !== b.at) return a.at < b.at ? -1 : 1;
  if (a.source !== b.source) return a.source < b.source ? -1 : 1;
  return a.record - b.record || a.item - b.item;
}

/** Ids of the exchange that the event belongs to, as far as it names them. */
export function exchangeOf({ data }: ExchangeEvent): { logon?: string; request?: string; presentation?: string } {
  return data as { logon?: string; request?: string; presentation?: string };
}

/** Keys are JSON texts, so that no name in one can make it equal to another. */
function joinKeyOf(step: ExchangeEvent): string | null {
  const { logon, request, presentation } = exchangeOf(step);
  if (presentation !== undefined) return presentationKey(presentation);
  if (request !== undefined) return requestKey(request);
  const { type, data } = step;
  if (type === 'TgtRefused' && logon !== undefined) return JSON.stringify(['logon', logon]);
  if (type === 'TgtRefused' || type === 'AuthenticationLogged')
    return JSON.stringify(['logon', data.forest, nameKey(data.clientName), data.address ?? null]);
  if (type === 'ServiceTicketRefused') {
    const host = data.address === undefined ? null : splitAddress(data.address).host;
    return JSON.stringify(['refusal', data.forest, nameKey(data.clientName), spnKeyOf(data.spn), data.code, host]);
  }
  const joinsAnAnswer =
    (type === 'ServiceTicketIssued' && ticketKindOf(data) === 'service') ||
    type === 'ClientVerified' ||
    type === 'ClientRejected' ||
    type === 'AcceptorStatusLogged';
  return joinsAnAnswer ? JSON.stringify(['acceptor', data.forest]) : null;
}

export function presentationKey(presentation: string): string {
  return JSON.stringify(['presentation', presentation]);
}

export function requestKey(request: string): string {
  return JSON.stringify(['request', request]);
}

/** What an acceptor recorded of itself, without an id of the exchange. */
export function isAcceptorAnswer(evidence: ExchangeEvent): boolean {
  return ['ClientVerified', 'ClientRejected', 'AcceptorStatusLogged'].includes(evidence.type);
}

/** Names of people and accounts are compared without case, as directories do. */
export function nameKey(name: string): string {
  return name.toLowerCase();
}

/** The lookup key; of a name that is no SPN (a user-to-user ticket names an account), the name without case. */
export function spnKeyOf(spn: string): string {
  try {
    return lookupKey(parseSpn(spn));
  } catch (error) {
    if (error instanceof SpnSyntaxError) return nameKey(spn);
    throw error;
  }
}

/** A ticket for krbtgt is a TGT, forwarded to a service, renewed, or for another realm: not an attempt at a service. */
export function ticketKindOf({ spn, flags = [] }: { spn: string; flags?: readonly string[] | undefined }): TicketKind {
  if (!/^krbtgt(\/|$)/i.test(spn)) return 'service';
  return flags.includes('forwarded') ? 'forwarded-tgt' : 'other-tgt';
}

/** `10.50.0.21:48916`, `ipv4:10.50.0.21:48916`, `[2001:db8::1]:88`; an address without a port is a host. */
export function splitAddress(address: string): { readonly host: string; readonly port: string | null } {
  const match = /^(.*[\].\w]):(\d{1,5})$/.exec(address);
  const [, host = '', port = ''] = match ?? [];
  const isBareIpv6 = host.includes(':') && !host.endsWith(']') && !/^ipv[46]:/i.test(host);
  return match && !isBareIpv6 ? { host, port } : { host: address, port: null };
}
