/** Accounts as rows of `account`. */
import { type Row } from '../bulk-rows.js';
import { nameKey } from '../name-key.js';
import { nanos, type AccountKey } from '../spn-directory/holding-rows.js';
import type { AccountAttributes, DerivedAccount } from './account.derivation.js';

/** What the evidence of an account has made of it: its attributes, and when it was last listed whole. */
export type AccountFold = { readonly account: DerivedAccount; readonly listedAt: bigint | null };

export const ACCOUNT_COLUMNS = `forest, account, domain, kind, sam_account_name, user_principal_name, dns_host_name, sid,
  guid, enabled, kvno, password_changed_at::text, created_at::text, deleted_at::text, first_seen::text, last_seen::text,
  last_source, last_record, last_item, listed_at::text`;

export type AccountRow = AccountKey & {
  readonly domain: string | null;
  readonly kind: string | null;
  readonly sam_account_name: string | null;
  readonly user_principal_name: string | null;
  readonly dns_host_name: string | null;
  readonly sid: string | null;
  readonly guid: string | null;
  readonly enabled: boolean | null;
  readonly kvno: number | null;
  readonly password_changed_at: string | null;
  readonly created_at: string | null;
  readonly deleted_at: string | null;
  readonly first_seen: string;
  readonly last_seen: string;
  readonly last_source: string;
  readonly last_record: number;
  readonly last_item: number;
  readonly listed_at: string | null;
};

export function accountRow({ forest, account: id }: AccountKey, { account, listedAt }: AccountFold): Row {
  const { samAccountName, userPrincipalName, dnsHostName, sid, last } = account;
  // People leave out the $ that ends the name of a computer.
  const names = [id, samAccountName, samAccountName?.replace(/\$$/, ''), userPrincipalName, dnsHostName, sid];
  return {
    forest,
    account: id,
    domain: account.domain,
    kind: account.kind,
    sam_account_name: samAccountName,
    user_principal_name: userPrincipalName,
    dns_host_name: dnsHostName,
    sid,
    guid: account.guid,
    enabled: account.enabled,
    kvno: account.kvno,
    password_changed_at: account.passwordChangedAt,
    created_at: account.createdAt,
    deleted_at: account.deletedAt,
    first_seen: account.firstSeen,
    last_seen: last.occurredAt,
    last_source: last.source,
    last_record: last.record,
    last_item: last.item,
    listed_at: listedAt,
    names: [...new Set(names.flatMap((name) => (name ? [nameKey(name)] : [])))],
  };
}

/** No event id is kept: `last` comes after every evidence that stands at its very place, so that none is folded on twice. */
const LAST_OF_ITS_PLACE = '\uffff';

export function toAccountFold(row: AccountRow): AccountFold {
  const known = {
    domain: row.domain,
    kind: row.kind,
    samAccountName: row.sam_account_name,
    userPrincipalName: row.user_principal_name,
    dnsHostName: row.dns_host_name,
    sid: row.sid,
    guid: row.guid,
    enabled: row.enabled,
    kvno: row.kvno,
    passwordChangedAt: nanos(row.password_changed_at),
    createdAt: nanos(row.created_at),
    deletedAt: nanos(row.deleted_at),
  };
  const attributes = Object.fromEntries(
    Object.entries(known).filter(([, value]) => value !== null),
  ) as AccountAttributes;
  const last = {
    id: LAST_OF_ITS_PLACE,
    occurredAt: BigInt(row.last_seen),
    source: row.last_source,
    record: row.last_record,
    item: row.last_item,
  };
  return { account: { ...attributes, firstSeen: BigInt(row.first_seen), last }, listedAt: nanos(row.listed_at) };
}
