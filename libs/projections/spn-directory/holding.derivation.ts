/**
 * Which SPNs one account held when: intervals per value, from everything that any source ever said about the account.
 *
 * - An audited add or removal of a value is exact.
 * - An audited full list (a replace; the creation or deletion of the account is an empty one) with the value begins it
 *   exactly if earlier evidence of the account lacked it, else "by" then. A list without it ends it exactly if an audited
 *   record had shown it, else only between its last sighting and the list.
 * - A dump only bounds. What a dump does not list says nothing (exports are filtered and cut short, and do not say so), save
 *   the values of an account that it does list.
 * - Two sightings that agree, with nothing between them that says otherwise, make the state between them known.
 *
 * A value is one write key: the spelling may change inside an interval without ending it.
 */
import { compareEvidence } from '../evidence-order.js';
import { type Interval } from '../interval.js';
import type { AccountEvidence } from './account-evidence.js';
import { spnIndexKeys, type SpnIndexKeys } from './spn-index-keys.js';

/** `removal-only`: nobody saw it begin or stand, an audited removal proves that it did. */
export type Provenance = 'audited' | 'dump-only' | 'removal-only';

export type Spelling = { readonly spn: string; /** First seen so. */ readonly from: bigint };

export type Holding = SpnIndexKeys &
  Interval & {
    /** 1, 2, 3 … for the times that the account held this value. */
    readonly episode: number;
    readonly provenance: Provenance;
    /** The last evidence that showed it. */
    readonly lastSeen: bigint;
    /** At least one, in order of time. */
    readonly spellings: readonly Spelling[];
  };

type Draft = { -readonly [Key in keyof Omit<Holding, 'episode'>]: Holding[Key] };

/** What is known of one value: the times that ended, the one that stands, and when it was last known to be absent. */
type Value = { readonly keys: SpnIndexKeys; readonly ended: Draft[]; open: Draft | null; absentAt: bigint | null };

/** Evidence in any order; holdings ordered by write key and episode. Intervals of one key do not overlap. */
export function deriveHoldings(evidence: readonly AccountEvidence[]): Holding[] {
  const account = new AccountSpns();
  for (const fact of joinParts([...evidence].sort(compareEvidence))) {
    const { occurredAt: at, spns } = fact;
    switch (fact.type) {
      case 'SpnRegistered':
        for (const spn of spns) account.add(spn, at);
        break;
      case 'SpnRemoved':
        for (const spn of spns) account.remove(spn, at);
        break;
      case 'SpnsReplaced':
        account.list(spns, at, 'audited');
        break;
      case 'AccountListed':
        account.list(spns, at, 'dump-only');
        break;
      case 'AccountCreated':
        account.create(at);
        break;
      case 'AccountDeleted':
        account.list([], at, 'audited');
        break;
      default:
        break;
    }
  }
  return account.holdings();
}

/** One account's values while its evidence is read in order. */
class AccountSpns {
  private readonly values = new Map<string, Value>();
  /** The last full list: what it did not show was absent then, also what no evidence has named yet. */
  private listedAt: bigint | null = null;

  add(spn: string, at: bigint): void {
    const value = this.value(spn);
    if (value.open && value.open.lastSeen < at) close(value, value.open.lastSeen, at);
    if (value.open?.beganBy === at) value.open.beganAfter = at;
    if (value.open) see(value.open, spn, at, 'audited');
    else begin(value, spn, at, at, 'audited');
  }

  remove(spn: string, at: bigint): void {
    const value = this.value(spn);
    if (value.open) close(value, at, at);
    else if (value.absentAt !== at) {
      begin(value, spn, value.absentAt, at, 'removal-only');
      close(value, at, at);
    }
  }

  /** Exactly these values stood at this instant. */
  list(spns: readonly string[], at: bigint, provenance: 'audited' | 'dump-only'): void {
    for (const spn of spns) {
      const value = this.value(spn);
      if (value.open) see(value.open, spn, at, provenance);
      else begin(value, spn, provenance === 'audited' && value.absentAt !== null ? at : value.absentAt, at, provenance);
    }
    const shown = new Set(spns.map((spn) => spnIndexKeys(spn).writeKey));
    for (const value of this.values.values()) {
      if (!value.open || shown.has(value.keys.writeKey)) continue;
      const isExact = provenance === 'audited' && value.open.provenance === 'audited';
      close(value, isExact ? at : value.open.lastSeen, at);
    }
    this.listedAt = at;
  }

  /** A new account: it holds nothing yet, and what stood under its name before went some time ago. */
  create(at: bigint): void {
    this.list([], at, 'dump-only');
  }

  holdings(): Holding[] {
    return [...this.values.values()]
      .sort((a, b) => (a.keys.writeKey < b.keys.writeKey ? -1 : 1))
      .flatMap(({ ended, open }) =>
        (open ? [...ended, open] : ended).map((holding, index) => ({ ...holding, episode: index + 1 })),
      );
  }

  private value(spn: string): Value {
    const keys = spnIndexKeys(spn);
    const known = this.values.get(keys.writeKey);
    if (known) {
      if (this.listedAt !== null && (known.absentAt === null || known.absentAt < this.listedAt))
        known.absentAt = this.listedAt;
      return known;
    }
    const value: Value = { keys, ended: [], open: null, absentAt: this.listedAt };
    this.values.set(keys.writeKey, value);
    return value;
  }
}

/** A value that was taken away and given back at one instant was never gone. */
function begin(value: Value, spn: string, beganAfter: bigint | null, at: bigint, provenance: Provenance): void {
  const last = value.ended.at(-1);
  if (beganAfter === at && last?.endedAfter === at && last.endedBy === at) {
    value.ended.pop();
    value.open = { ...last, endedAfter: null, endedBy: null };
    see(value.open, spn, at, provenance);
    return;
  }
  const spellings = [{ spn, from: at }];
  value.open = {
    ...value.keys,
    beganAfter,
    beganBy: at,
    endedAfter: null,
    endedBy: null,
    provenance,
    lastSeen: at,
    spellings,
  };
}

function see(open: Draft, spn: string, at: bigint, provenance: Provenance): void {
  open.lastSeen = at;
  if (provenance === 'audited') open.provenance = 'audited';
  if (open.spellings.at(-1)?.spn !== spn) open.spellings = [...open.spellings, { spn, from: at }];
}

function close(value: Value, endedAfter: bigint, endedBy: bigint): void {
  const { open } = value;
  if (!open) return;
  const isEmpty = open.beganAfter === endedAfter && endedAfter === endedBy && open.beganBy === endedBy;
  if (!isEmpty) value.ended.push({ ...open, endedAfter, endedBy });
  value.open = null;
  value.absentAt = endedBy;
}

/** A list that needed several events is one list again; it says something once all its parts are here. */
function joinParts(evidence: readonly AccountEvidence[]): AccountEvidence[] {
  const lists = new Map<string, string[][]>();
  return evidence.flatMap((fact) => {
    const parts = Number(fact.data['parts'] ?? 1);
    if (parts === 1) return [fact];
    const key = `${fact.occurredAt} ${fact.record} ${fact.source}`;
    const seen = [...(lists.get(key) ?? []), [...fact.spns]];
    lists.set(key, seen);
    return seen.length === parts ? [{ ...fact, spns: seen.flat() }] : [];
  });
}
