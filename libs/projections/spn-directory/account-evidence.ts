/**
 * Evidence about one account: a row per event that says something of its SPNs or attributes. What it means (holdings,
 * attributes) is derived from the whole set, in the total order of evidence.
 */
import type { AccountEvent, ObservedDirectoryEvent } from '#directory';
import { instantToNanos, type JsonObject, type RecordedEvent } from '#event-store';
import { storable } from '../bulk-rows.js';
import { evidenceOrder, type EvidenceOrder } from '../evidence-order.js';
import { indexed } from './spn-index-keys.js';

type AccountEvidenceEvent =
  | Exclude<AccountEvent, { type: 'SpnRegistrationRefused' }>
  | Extract<ObservedDirectoryEvent, { type: 'SpnsReplaced' | 'AccountListed' }>;

export type AccountEvidenceType = AccountEvidenceEvent['type'];

export type AccountEvidence = EvidenceOrder & {
  readonly type: AccountEvidenceType;
  /** The values that the event names: the one added or removed, or a list. */
  readonly spns: readonly string[];
  /** The attributes that it names. */
  readonly data: JsonObject;
};

/** A refused write says nothing about state, and a collision report nothing that other evidence does not. */
export const accountEvidenceTypes: ReadonlySet<string> = new Set<AccountEvidenceType>([
  'AccountCreated',
  'AccountRenamed',
  'PasswordChanged',
  'AccountEnabled',
  'AccountDisabled',
  'AccountDeleted',
  'SpnRegistered',
  'SpnRemoved',
  'SpnsReplaced',
  'AccountListed',
]);

export function isAccountEvidence(type: string): boolean {
  return accountEvidenceTypes.has(type);
}

/** Row of table `account_evidence`. */
export type AccountEvidenceRow = {
  readonly forest: string;
  readonly account: string;
  readonly event_id: string;
  readonly occurred_at: bigint;
  readonly source: string;
  readonly record: number;
  readonly item: number;
  readonly type: AccountEvidenceType;
  readonly spns: readonly string[];
  readonly data: JsonObject;
  readonly position: number;
  readonly recorded_at: bigint;
};

/** The event's type must be one that `isAccountEvidence` takes. */
export function accountEvidenceRow(event: RecordedEvent): AccountEvidenceRow {
  const { forest, account, spn, spns, ...data } = event.data as { forest: string; account: string } & JsonObject;
  const order = evidenceOrder(event);
  const values = (spns ?? (spn === undefined ? [] : [spn])) as readonly string[];
  return {
    forest: storable(forest),
    account: indexed(storable(account)),
    event_id: order.id,
    occurred_at: order.occurredAt,
    source: storable(order.source),
    record: order.record,
    item: order.item,
    type: event.type as AccountEvidenceType,
    spns: values.map(storable),
    data: storableText(data),
    position: event.position,
    recorded_at: instantToNanos(event.recordedAt),
  };
}

function storableText(data: JsonObject): JsonObject {
  return JSON.parse(
    JSON.stringify(data, (_, value: unknown) => (typeof value === 'string' ? storable(value) : value)),
  ) as JsonObject;
}
