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

/** What earlier evidence has made of an account: when it was last listed whole, and the last holding of each value. */
export type HoldingState = { readonly listedAt: bigint | null; readonly last: readonly Holding[] };

/** Evidence in any order; all holdings, ordered by write key and episode. Intervals of one key do not overlap. */
export function deriveHoldings(evidence: readonly AccountEvidence[]): Holding[] {
  return foldHoldings({ listedAt: null, last: [] }, evidence).written;
}

/**
 * Goes on from the state that earlier evidence left: what was begun or altered, ordered as above. Every fact must come after
 * all of the earlier evidence in its order, and `last` must have all holdings that stand and those of the values named.
 */
export function foldHoldings(
  { listedAt, last }: HoldingState,
  evidence: readonly AccountEvidence[],
): { listedAt: bigint | null; written: Holding[] } {
  const account = new AccountSpns(listedAt, last);
  for (const fact of joinParts(evidence.toSorted(compareEvidence))) {
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
  return { listedAt: account.listedAt, written: account.written() };
}

type Draft = { -readonly [Key in keyof Holding]: Holding[Key] };

/** One account's values while its evidence is read in order. */
class AccountSpns {
  /** The last holding of each value; it stands while it has no end. */
  readonly #last: Map<string, Draft>;
  readonly #written = new Set<Draft>();
  readonly #keys = new Map<string, SpnIndexKeys>();

  constructor(
    /** The last full list: what it did not show was absent then, also what no evidence has named yet. */
    public listedAt: bigint | null,
    last: readonly Holding[],
  ) {
    this.#last = new Map(last.map((holding) => [holding.writeKey, { ...holding }]));
  }

  add(spn: string, at: bigint): void {
    const standing = this.#standing(spn);
    if (standing && standing.lastSeen < at) this.#close(standing, standing.lastSeen, at);
    else if (standing?.beganBy === at) standing.beganAfter = at;
    this.#see(spn, at, at, 'audited');
  }

  remove(spn: string, at: bigint): void {
    const standing = this.#standing(spn);
    if (standing) return this.#close(standing, at, at);
    const absentAt = this.#absentAt(spn);
    if (absentAt === at) return;
    this.#see(spn, at, absentAt, 'removal-only');
    this.remove(spn, at);
  }

  /** Exactly these values stood at this instant. */
  list(spns: readonly string[], at: bigint, provenance: 'audited' | 'dump-only'): void {
    for (const spn of spns) {
      const absentAt = this.#absentAt(spn);
      this.#see(spn, at, provenance === 'audited' && absentAt !== null ? at : absentAt, provenance);
    }
    const shown = new Set(spns.map((spn) => this.#keysOf(spn).writeKey));
    for (const holding of this.#last.values()) {
      if (holding.endedBy !== null || shown.has(holding.writeKey)) continue;
      const isExact = provenance === 'audited' && holding.provenance === 'audited';
      this.#close(holding, isExact ? at : holding.lastSeen, at);
    }
    this.listedAt = at;
  }

  /** A new account: it holds nothing yet, and what stood under its name before went some time ago. */
  create(at: bigint): void {
    this.list([], at, 'dump-only');
  }

  written(): Holding[] {
    return [...this.#written].toSorted((a, b) => compare(a.writeKey, b.writeKey) || a.episode - b.episode);
  }

  /** Folding a name costs more than all the rest. */
  #keysOf(spn: string): SpnIndexKeys {
    const known = this.#keys.get(spn) ?? spnIndexKeys(spn);
    this.#keys.set(spn, known);
    return known;
  }

  #standing(spn: string): Draft | undefined {
    const last = this.#last.get(this.#keysOf(spn).writeKey);
    return last?.endedBy === null ? last : undefined;
  }

  /** When a value that does not stand was last known to be absent. */
  #absentAt(spn: string): bigint | null {
    const endedBy = this.#last.get(this.#keysOf(spn).writeKey)?.endedBy ?? null;
    if (endedBy === null || this.listedAt === null) return endedBy ?? this.listedAt;
    return endedBy > this.listedAt ? endedBy : this.listedAt;
  }

  /** It stands at this instant; if it did not stand before, it began after `absentAt`. */
  #see(spn: string, at: bigint, absentAt: bigint | null, provenance: Provenance): void {
    const keys = this.#keysOf(spn);
    const last = this.#last.get(keys.writeKey);
    // A value that was taken away and given back at one instant was never gone.
    const isBack = last?.endedAfter === at && last.endedBy === at && absentAt === at;
    if (!last || (last.endedBy !== null && !isBack)) {
      const began = { beganAfter: absentAt, beganBy: at, endedAfter: null, endedBy: null };
      const seen = { provenance, lastSeen: at, spellings: [{ spn, from: at }] };
      const begun = { ...keys, ...began, ...seen, episode: (last?.episode ?? 0) + 1 };
      this.#last.set(keys.writeKey, begun);
      this.#written.add(begun);
      return;
    }
    last.endedAfter = last.endedBy = null;
    last.lastSeen = at;
    if (provenance === 'audited') last.provenance = 'audited';
    if (last.spellings.at(-1)?.spn !== spn) last.spellings = [...last.spellings, { spn, from: at }];
    this.#written.add(last);
  }

  #close(holding: Draft, endedAfter: bigint, endedBy: bigint): void {
    holding.endedAfter = endedAfter;
    holding.endedBy = endedBy;
    this.#written.add(holding);
  }
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

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
