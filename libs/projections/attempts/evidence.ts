/**
 * Evidence of attempts: one row per event that shows a step of an authentication, under the key by which it can be joined.
 * Exchanges that Kerbtrail decided carry ids; what other systems recorded is joined by time within a key (join-rules.ts).
 */
import type { ExchangeEvent } from '#authentication';
import { instantToNanos, type JsonObject, type RecordedEvent } from '#event-store';
import { storable } from '../bulk-rows.js';
import { evidenceOrder, type EvidenceOrder } from '../evidence-order.js';
import { nameKey } from '../name-key.js';
import { indexed, spnIndexKeys } from '../spn-directory/spn-index-keys.js';
import type { Family } from './join-rules.js';

export type Evidence = ExchangeEvent &
  EvidenceOrder & {
    /** Evidence under one key can belong to one attempt; `null`: it is joined when an attempt is read, or only counted. */
    readonly joinKey: string | null;
  };

/** Row of table `attempt_evidence`. The columns beside `data` are what it is looked up by. */
export type AttemptEvidenceRow = {
  readonly event_id: string;
  readonly type: string;
  readonly forest: string;
  readonly occurred_at: bigint;
  readonly source: string;
  readonly record: number;
  readonly item: number;
  readonly join_key: string | null;
  readonly request: string | null;
  readonly logon: string | null;
  readonly client_key: string | null;
  readonly spn_key: string | null;
  readonly ticket_kind: TicketKind | null;
  readonly data: JsonObject;
  readonly position: number;
  readonly recorded_at: bigint;
};

export const ticketKinds = ['service', 'forwarded-tgt', 'other-tgt'] as const;
export type TicketKind = (typeof ticketKinds)[number];

/** How a NUL looks in JSON (RFC 8259 §7). */
const JSON_NUL = '\\u0000';

type EvidenceType = ExchangeEvent['type'];

/** PreAuthenticationRequired is missing on purpose: it is the normal first answer of an AS exchange. */
export const evidenceTypes: ReadonlySet<string> = new Set<EvidenceType>([
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

/** By which rules the evidence is joined to others: `exchange` by ids, the rest by time; null as its join key is. */
export function familyOf(evidence: Evidence): Family | 'exchange' | null {
  const { request, presentation } = exchangeOf(evidence);
  const { type, joinKey } = evidence;
  if (joinKey === null) return null;
  if (request !== undefined || presentation !== undefined) return 'exchange';
  if (type === 'ServiceTicketRefused') return 'refusal';
  return type === 'TgtRefused' || type === 'AuthenticationLogged' ? 'logon' : 'answer';
}

/** Null for an event that shows nothing of an attempt: another type, or a second log of a logon that succeeded. */
export function evidenceRow(event: RecordedEvent): AttemptEvidenceRow | null {
  if (!evidenceTypes.has(event.type)) return null;
  const step = { type: event.type, data: storableData(event.data) } as ExchangeEvent;
  if (step.type === 'AuthenticationLogged' && step.data.status === STATUS_OK) return null;
  const { id, occurredAt, source, record, item } = evidenceOrder(event);
  const { clientName, spn } = step.data as { clientName?: string; spn?: string };
  const { logon = null, request = null } = exchangeOf(step);
  return {
    event_id: id,
    type: step.type,
    forest: step.data.forest,
    occurred_at: occurredAt,
    source: storable(source),
    record,
    item,
    join_key: joinKeyOf(step),
    request,
    logon,
    client_key: clientName === undefined ? null : nameKey(clientName),
    spn_key: spn === undefined ? null : spnKeyOf(spn),
    ticket_kind: step.type === 'ServiceTicketIssued' ? ticketKindOf(step.data) : null,
    data: step.data as JsonObject,
    position: event.position,
    recorded_at: instantToNanos(event.recordedAt),
  };
}

/** Looked through once as text, which is far cheaper than every value of every level, and nearly always all there is to do. */
function storableData(data: JsonObject): JsonObject {
  const text = JSON.stringify(data);
  if (!text.includes(JSON_NUL)) return data;
  const replaced = JSON.stringify(data, (_, value: unknown) => (typeof value === 'string' ? storable(value) : value));
  return JSON.parse(replaced) as JsonObject;
}

/** The columns of `attempt_evidence e` as `toEvidence` takes them. */
export const EVIDENCE_COLUMNS = 'event_id, type, e.occurred_at::text, source, record, item, join_key, data';

/** What is read back of it; `occurred_at` may come from the database as text. */
export type StoredEvidence = Pick<
  AttemptEvidenceRow,
  'event_id' | 'type' | 'source' | 'record' | 'item' | 'join_key'
> & {
  readonly occurred_at: bigint | string;
  readonly data: unknown;
};

export function toEvidence(row: StoredEvidence): Evidence {
  const step = { type: row.type, data: row.data } as ExchangeEvent;
  const { event_id: id, source, record, item, join_key: joinKey } = row;
  return { ...step, id, occurredAt: BigInt(row.occurred_at), source, record, item, joinKey };
}

const STATUS_OK = 'NT_STATUS_OK';

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
  if (type === 'TgtRefused' && logon !== undefined) return keyOf(['logon', logon]);
  if (type === 'TgtRefused' || type === 'AuthenticationLogged')
    return keyOf(['logon', data.forest, nameKey(data.clientName), data.address ?? null]);
  if (type === 'ServiceTicketRefused') {
    const host = data.address === undefined ? null : splitAddress(data.address).host;
    return keyOf(['refusal', data.forest, nameKey(data.clientName), spnKeyOf(data.spn), data.code, host]);
  }
  if (isAcceptorAnswer(step)) return answerKey(data.forest);
  return type === 'ServiceTicketIssued' && ticketKindOf(data) === 'service' ? ticketKey(data.forest) : null;
}

export function presentationKey(presentation: string): string {
  return keyOf(['presentation', presentation]);
}

export function requestKey(request: string): string {
  return keyOf(['request', request]);
}

/** Tickets of a forest that an acceptor's answer can be joined to, and those answers. */
export function ticketKey(forest: string): string {
  return keyOf(['ticket', forest]);
}

export function answerKey(forest: string): string {
  return keyOf(['answer', forest]);
}

function keyOf(parts: readonly (string | null)[]): string {
  return indexed(JSON.stringify(parts));
}

/** What an acceptor recorded of itself, without an id of the exchange. */
function isAcceptorAnswer({ type }: ExchangeEvent): boolean {
  return ['ClientVerified', 'ClientRejected', 'AcceptorStatusLogged'].includes(type);
}

/** The key under which the SPN directory has it too. */
export function spnKeyOf(spn: string): string {
  return spnIndexKeys(spn).lookupKey;
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
