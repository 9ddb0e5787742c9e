/** Holdings and evidence as rows of `spn_holding` and `account_evidence`. Instants go over the wire as text. */
import type { JsonObject } from '#event-store';
import type { Row } from '../bulk-rows.js';
import type { AccountEvidence, AccountEvidenceType } from './account-evidence.js';
import type { Holding, Provenance } from './holding.derivation.js';

export type AccountKey = { readonly forest: string; readonly account: string };

/** The columns of `spn_holding` as `toHolding` takes them. */
export const HOLDING_COLUMNS = `forest, account, write_key, episode, lookup_key, service_class, name, spellings,
  began_after::text, began_by::text, ended_after::text, ended_by::text, provenance, last_seen::text`;

export type HoldingRow = AccountKey & {
  readonly write_key: string;
  readonly episode: number;
  readonly lookup_key: string;
  readonly service_class: string;
  readonly name: string;
  readonly spellings: readonly { readonly spn: string; readonly from: string }[];
  readonly began_after: string | null;
  readonly began_by: string;
  readonly ended_after: string | null;
  readonly ended_by: string | null;
  readonly provenance: Provenance;
  readonly last_seen: string;
};

export function holdingRow({ forest, account }: AccountKey, holding: Holding): Row {
  return {
    forest,
    account,
    write_key: holding.writeKey,
    episode: holding.episode,
    lookup_key: holding.lookupKey,
    service_class: holding.serviceClass,
    name: holding.name,
    spellings: holding.spellings.map(({ spn, from }) => ({ spn, from: from.toString() })),
    began_after: holding.beganAfter,
    began_by: holding.beganBy,
    ended_after: holding.endedAfter,
    ended_by: holding.endedBy,
    provenance: holding.provenance,
    last_seen: holding.lastSeen,
  };
}

export function toHolding(row: HoldingRow): Holding & AccountKey {
  return {
    forest: row.forest,
    account: row.account,
    writeKey: row.write_key,
    episode: row.episode,
    lookupKey: row.lookup_key,
    serviceClass: row.service_class,
    name: row.name,
    spellings: row.spellings.map(({ spn, from }) => ({ spn, from: BigInt(from) })),
    beganAfter: nanos(row.began_after),
    beganBy: BigInt(row.began_by),
    endedAfter: nanos(row.ended_after),
    endedBy: nanos(row.ended_by),
    provenance: row.provenance,
    lastSeen: BigInt(row.last_seen),
  };
}

/** The columns of `account_evidence` as `toEvidence` takes them. */
export const EVIDENCE_COLUMNS = 'forest, account, event_id, occurred_at::text, source, record, item, type, spns, data';

export type EvidenceRow = AccountKey & {
  readonly event_id: string;
  readonly occurred_at: string | bigint;
  readonly source: string;
  readonly record: number;
  readonly item: number;
  readonly type: AccountEvidenceType;
  readonly spns: readonly string[];
  readonly data: JsonObject;
};

export function toEvidence({
  event_id,
  occurred_at,
  source,
  record,
  item,
  type,
  spns,
  data,
}: EvidenceRow): AccountEvidence {
  return { id: event_id, occurredAt: BigInt(occurred_at), source, record, item, type, spns, data };
}

export function nanos(text: string | null): bigint | null {
  return text === null ? null : BigInt(text);
}
