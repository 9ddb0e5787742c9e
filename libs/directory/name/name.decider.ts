/**
 * Who holds a name, and whom a KDC finds under it. A name stream is all classes of one host part (forest-wide), one UPN
 * (forest-wide) or one sAMAccountName (domain-wide); its fold is the list of its holdings, in order of taking.
 * Pure; the streams' names are in name-streams.ts.
 */
import { lookupCandidates, parseSpn, spnKeys, type AliasMap } from '#spn';
import type { NameEvent } from './name.events.js';

/** `spn` as registered; absent for UPN and sAMAccountName. */
export type Holding = { readonly account: string; readonly spn?: string | undefined };

/** A holding of a service name. */
export type SpnHolding = { readonly account: string; readonly spn: string };

export function foldName(events: readonly NameEvent[]): readonly Holding[] {
  return events.reduce<readonly Holding[]>((held, { type, data }) => {
    if (type === 'NameTaken') return [...held, data];
    if (type === 'NameReleased') return held.filter(({ account, spn }) => account !== data.account || spn !== data.spn);
    return held;
  }, []);
}

/** The forest that owns a domain's name, by the fold of the domain's name stream. */
export function foldDomainName(events: readonly NameEvent[]): string | null {
  return events.reduce<string | null>(
    (forest, { type, data }) => (type === 'DomainNameTaken' ? data.forest : forest),
    null,
  );
}

export function spnHoldings(holdings: readonly Holding[]): SpnHolding[] {
  return holdings.flatMap(({ account, spn }) => (spn === undefined ? [] : [{ account, spn }]));
}

export type SpnLookup =
  | { readonly outcome: 'unknown'; readonly by: null; readonly holders: readonly [] }
  /** One account holds it; more than one entry when it holds names that a look-up cannot tell apart. */
  | {
      readonly outcome: 'found';
      readonly by: 'exact' | 'alias';
      readonly holders: readonly [SpnHolding, ...SpnHolding[]];
    }
  /** Several accounts hold it. */
  | { readonly outcome: 'ambiguous'; readonly by: 'exact' | 'alias'; readonly holders: readonly SpnHolding[] };

/**
 * Order of MS-DRSR LookupSPN: the presented name, and only if nobody holds it, its class mapped through sPNMappings.
 * Comparison is the KDC's (look-up keys). `spn` must parse.
 */
export function resolveSpn(holdings: readonly Holding[], aliases: AliasMap, spn: string): SpnLookup {
  const held = spnHoldings(holdings).map((holding) => ({ holding, key: spnKeys(holding.spn).lookup }));
  for (const [index, key] of lookupCandidates(aliases, parseSpn(spn)).entries()) {
    const [first, ...others] = held.filter((entry) => entry.key === key).map(({ holding }) => holding);
    if (!first) continue;
    const by = index === 0 ? 'exact' : 'alias';
    const oneAccount = others.every(({ account }) => account === first.account);
    return { outcome: oneAccount ? 'found' : 'ambiguous', by, holders: [first, ...others] };
  }
  return { outcome: 'unknown', by: null, holders: [] };
}
