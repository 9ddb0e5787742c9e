/**
 * An account's attributes from its evidence: each as the latest evidence that names it has it. Bound in time: the same
 * function over the evidence up to an instant gives the account as of then.
 */
import { instantToNanos, type JsonObject } from '#event-store';
import { compareEvidence, type EvidenceOrder } from '../evidence-order.js';
import type { AccountEvidence } from '../spn-directory/account-evidence.js';

/** Absent where no evidence names it. Instants are nanoseconds since 1970. */
export type AccountAttributes = {
  readonly domain?: string;
  readonly kind?: string;
  readonly samAccountName?: string;
  readonly userPrincipalName?: string;
  readonly dnsHostName?: string;
  readonly sid?: string;
  readonly guid?: string;
  readonly enabled?: boolean;
  readonly kvno?: number;
  readonly passwordChangedAt?: bigint;
  readonly createdAt?: bigint;
  readonly deletedAt?: bigint;
};

export type DerivedAccount = AccountAttributes & {
  readonly firstSeen: bigint;
  /** The last of its evidence: only what comes after it in the order of evidence can be folded on. */
  readonly last: EvidenceOrder;
};

const NAMED = [
  'domain',
  'kind',
  'samAccountName',
  'userPrincipalName',
  'dnsHostName',
  'sid',
  'guid',
  'enabled',
  'kvno',
] as const satisfies (keyof AccountAttributes)[];

/** Evidence in any order, at least one. */
export function deriveAccount(evidence: readonly AccountEvidence[]): DerivedAccount {
  return foldAccount(undefined, evidence);
}

/** Goes on from what earlier evidence left; every fact must come after all of that in its order, and there must be one. */
export function foldAccount(before: DerivedAccount | undefined, evidence: readonly AccountEvidence[]): DerivedAccount {
  const ordered = evidence.toSorted(compareEvidence);
  const [first, latest] = [ordered[0], ordered.at(-1)];
  if (!first || !latest) throw new TypeError('an account is made of evidence');
  const { firstSeen = first.occurredAt, last: _, ...attributes } = before ?? {};
  const { id, occurredAt, source, record, item } = latest;
  const last = { id, occurredAt, source, record, item };
  return { ...ordered.reduce<AccountAttributes>(fold, attributes), firstSeen, last };
}

function fold(account: AccountAttributes, { type, occurredAt: at, data }: AccountEvidence): AccountAttributes {
  switch (type) {
    case 'AccountCreated':
      return { ...named(data), createdAt: at };
    case 'AccountListed': {
      const { passwordChangedAt } = data;
      const { deletedAt: _, ...standing } = account;
      return {
        ...standing,
        ...named(data),
        ...(typeof passwordChangedAt === 'string' && { passwordChangedAt: instantToNanos(passwordChangedAt) }),
      };
    }
    case 'PasswordChanged':
      return { ...account, ...named(data), passwordChangedAt: at };
    case 'AccountEnabled':
      return { ...account, enabled: true };
    case 'AccountDisabled':
      return { ...account, enabled: false };
    case 'AccountDeleted':
      return { ...account, deletedAt: at };
    default:
      return { ...account, ...named(data) };
  }
}

/** Null says that the attribute is gone. */
function named(data: JsonObject): AccountAttributes {
  return Object.fromEntries(
    NAMED.flatMap((key) => (data[key] === undefined ? [] : [[key, data[key] === null ? undefined : data[key]]])),
  );
}
