/**
 * Which SPNs of one name (what follows the class) are held by more than one account, and when. For a KDC three ways exist:
 *
 *   exact    one write key on two accounts: what a directory's own check would refuse
 *   unicode  one lookup key under two write keys: the check sees two names, a KDC one (CVE-2026-25177)
 *   alias    `http/h` on one account, `host/h` on another, and http is mapped to host; two aliases of one class do not clash
 *
 * Every pair of holders on two accounts counts; as of an instant a duplicate is certain where two of them certainly held,
 * and possible where two may have held.
 */
import { resolveAlias, type AliasMap } from '#spn';
import { certainSpan, possibleSpan, type Interval, type Span } from '../interval.js';

export type DuplicateKind = 'exact' | 'unicode' | 'alias';

/** One account's holding of one value, for one time. */
export type Member = Interval & {
  readonly account: string;
  readonly writeKey: string;
  readonly lookupKey: string;
  readonly serviceClass: string;
};

/** The map that held from an instant on; null: since ever. In order of time. */
export type AliasPeriod = { readonly from: bigint | null; readonly map: AliasMap };

export type Duplicate = {
  readonly kind: DuplicateKind;
  /** The write key (exact) or lookup key (unicode, alias) that is held more than once. */
  readonly key: string;
  /** 1, 2, 3 … for the times that it was a duplicate. */
  readonly episode: number;
  /** The lookup keys that its holders hold: of an alias clash two, the alias and its target. */
  readonly lookupKeys: readonly string[];
  readonly possible: Span;
  /** Null: it is certain at no instant. */
  readonly certain: { readonly from: bigint; readonly to: bigint | null } | null;
};

/** Members of which any two on different accounts clash, if there are as many variants among them as it takes. */
type Group = {
  readonly kind: DuplicateKind;
  readonly key: string;
  readonly lookupKeys: readonly string[];
  readonly members: readonly Member[];
  readonly variantOf: (member: Member) => string;
  readonly variantsMin: 1 | 2;
  /** Where the rule itself holds. */
  readonly during: readonly Span[];
};

const EVER: readonly Span[] = [{ from: null, to: null }];

/** All members of one forest and name, in any order. Ordered by kind, key and episode. */
export function deriveDuplicates(members: readonly Member[], periods: readonly AliasPeriod[]): Duplicate[] {
  if (new Set(members.map(({ account }) => account)).size < 2) return [];
  const groups = [...exactGroups(members), ...unicodeGroups(members), ...aliasGroups(members, periods)];
  return groups
    .flatMap((group) => episodesOf(group))
    .toSorted((a, b) => compare(a.kind, b.kind) || compare(a.key, b.key) || a.episode - b.episode);
}

function exactGroups(members: readonly Member[]): Group[] {
  return [...groupBy(members, ({ writeKey }) => writeKey)].map(([key, group]) => ({
    kind: 'exact',
    key,
    lookupKeys: lookupKeysOf(group),
    members: group,
    variantOf: ({ writeKey }) => writeKey,
    variantsMin: 1,
    during: EVER,
  }));
}

function unicodeGroups(members: readonly Member[]): Group[] {
  return [...groupBy(members, ({ lookupKey }) => lookupKey)].map(([key, group]) => ({
    kind: 'unicode',
    key,
    lookupKeys: [key],
    members: group,
    variantOf: ({ writeKey }) => writeKey,
    variantsMin: 2,
    during: EVER,
  }));
}

function aliasGroups(members: readonly Member[], periods: readonly AliasPeriod[]): Group[] {
  const byClass = groupBy(members, ({ serviceClass }) => serviceClass);
  return [...byClass].flatMap(([alias, aliased]) => {
    const targets = new Set(periods.map(({ map }) => resolveAlias(map, alias)));
    return [...targets].flatMap((target): Group[] => {
      const holders = target === undefined || target === alias ? undefined : byClass.get(target);
      if (!holders) return [];
      const group = [...aliased, ...holders];
      return [
        {
          kind: 'alias',
          key: aliased[0]?.lookupKey ?? '',
          lookupKeys: lookupKeysOf(group),
          members: group,
          variantOf: ({ lookupKey }) => lookupKey,
          variantsMin: 2,
          during: spansOfAlias(periods, alias, target),
        },
      ];
    });
  });
}

function spansOfAlias(periods: readonly AliasPeriod[], alias: string, target: string | undefined): Span[] {
  const spans: Span[] = [];
  periods.forEach(({ from, map }, index) => {
    if (resolveAlias(map, alias) !== target) return;
    const to = periods[index + 1]?.from ?? null;
    const last = spans.at(-1);
    if (last && last.to === from) spans[spans.length - 1] = { from: last.from, to };
    else spans.push({ from, to });
  });
  return spans;
}

/** Each time at which it is certain, with the uncertain times around it; or an uncertain time alone. */
function episodesOf(group: Group): Duplicate[] {
  const { kind, key, lookupKeys, during } = group;
  const certain = intersect(clashes(group, certainSpan), during);
  const spans = intersect(clashes(group, possibleSpan), during).flatMap((possible) =>
    partition(
      possible,
      certain.flatMap(({ from, to }) => (from !== null && contains(possible, from) ? [{ from, to }] : [])),
    ),
  );
  return spans.map((span, index) => ({ kind, key, episode: index + 1, lookupKeys, ...span }));
}

/** The uncertain time between two certain ones is the end of the one and the beginning of the other. */
function partition(
  possible: Span,
  certain: readonly { from: bigint; to: bigint | null }[],
): Pick<Duplicate, 'possible' | 'certain'>[] {
  if (certain.length === 0) return [{ possible, certain: null }];
  return certain.map((span, index) => {
    const before = certain[index - 1];
    const after = certain[index + 1];
    return {
      possible: { from: before ? before.to : possible.from, to: after ? after.from : possible.to },
      certain: span,
    };
  });
}

/** Where two members on different accounts, of as many variants as it takes, are there together: disjoint spans in order. */
function clashes({ members, variantOf, variantsMin }: Group, spanOf: (member: Member) => Span): Span[] {
  const entries = members.flatMap((member) => {
    const { from, to } = spanOf(member);
    if (from !== null && from === to) return [];
    const enter = { at: from, member, by: 1 };
    return to === null ? [enter] : [enter, { at: to, member, by: -1 }];
  });
  const changes = entries.toSorted((a, b) => compareFrom(a.at, b.at));
  const accounts = new Map<string, number>();
  const variants = new Map<string, number>();
  const spans: Span[] = [];
  let since: bigint | null | undefined;
  changes.forEach(({ at, member, by }, index) => {
    count(accounts, member.account, by);
    count(variants, variantOf(member), by);
    const next = changes[index + 1];
    if (next && compareFrom(next.at, at) === 0) return;
    const isClash = accounts.size >= 2 && variants.size >= variantsMin;
    if (isClash && since === undefined) since = at;
    if (!isClash && since !== undefined) {
      spans.push({ from: since, to: at });
      since = undefined;
    }
  });
  return since === undefined ? spans : [...spans, { from: since, to: null }];
}

function intersect(spans: readonly Span[], others: readonly Span[]): Span[] {
  if (others === EVER) return [...spans];
  return spans.flatMap((a) =>
    others.flatMap((b) => {
      const from = compareFrom(a.from, b.from) < 0 ? b.from : a.from;
      const to = a.to === null || (b.to !== null && b.to < a.to) ? b.to : a.to;
      return from === null || to === null || from < to ? [{ from, to }] : [];
    }),
  );
}

function contains({ from, to }: Span, at: bigint): boolean {
  return (from === null || from <= at) && (to === null || at < to);
}

function count(counts: Map<string, number>, key: string, by: number): void {
  const total = (counts.get(key) ?? 0) + by;
  if (total === 0) counts.delete(key);
  else counts.set(key, total);
}

function lookupKeysOf(members: readonly Member[]): string[] {
  return [...new Set(members.map(({ lookupKey }) => lookupKey))].toSorted();
}

function groupBy(members: readonly Member[], keyOf: (member: Member) => string): Map<string, Member[]> {
  const groups = new Map<string, Member[]>();
  for (const member of members) {
    const key = keyOf(member);
    const group = groups.get(key);
    if (group) group.push(member);
    else groups.set(key, [member]);
  }
  return groups;
}

/** Null comes first: since ever. */
function compareFrom(a: bigint | null, b: bigint | null): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? -1 : 1;
  return compare(a, b);
}

function compare<T extends bigint | string>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
