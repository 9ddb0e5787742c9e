/** A duplicate as queries give it: when it was one, who held it, and the answer as of the instant asked for. */
import { intervalOf, intervalText, type Answer, type IntervalText, type Span } from '../interval.js';
import { heldSpn, type AccountHolding, type HeldSpn } from '../spn-directory/held-spn.js';
import type { AliasPeriods } from './alias-periods.js';
import type { Duplicate, DuplicateKind } from './duplicate.derivation.js';

export type DuplicateSpn = IntervalText & {
  readonly forest: string;
  readonly kind: DuplicateKind;
  /** As a holder spells it; of an alias clash the alias. */
  readonly spn: string;
  /** Whether it was a duplicate as of the instant asked for. `beganBy` is null where it is certain at no instant. */
  readonly answer: Answer;
  /** Who held it, or may have, as of that instant; at most 100. */
  readonly holders: readonly HeldSpn[];
  readonly moreHolders: boolean;
  /** Of an alias clash: the alias map is Active Directory's default, assumed, because nobody told the forest's own. */
  readonly isAliasMapAssumed: boolean;
  /** The krbtgt account of every domain holds kadmin/changepw. */
  readonly isByDesign: boolean;
};

export type ForestDuplicate = Duplicate & { readonly forest: string; readonly name: string };

export const HOLDERS_MAX = 100;
const BY_DESIGN = { key: 'kadmin/changepw', holder: 'krbtgt' };

export function answerOf({ possible, certain }: Duplicate, at: bigint): Answer {
  if (certain !== null && contains(certain, at)) return 'yes';
  return contains(possible, at) ? 'not-known' : 'no';
}

/** Where no instant is asked for: the first at which it is certain, else possible. */
export function firstInstant({ possible, certain }: Duplicate): bigint {
  return certain?.from ?? possible.from ?? (possible.to ?? 1n) - 1n;
}

/** `among`: at least all holdings of its lookup keys that held, or may have, at this instant. */
export function duplicateSpn(
  duplicate: ForestDuplicate,
  among: readonly AccountHolding[],
  at: bigint,
  periods: AliasPeriods,
): DuplicateSpn {
  const { forest, kind, key, lookupKeys, possible, certain } = duplicate;
  const isHolder = (holding: AccountHolding): boolean =>
    holding.forest === forest && (kind === 'exact' ? holding.writeKey === key : lookupKeys.includes(holding.lookupKey));
  const holders = among.filter(isHolder).map((holding) => ({ holding, held: heldSpn(holding, at) }));
  const holding = holders
    .filter(({ held }) => held.answer !== 'no')
    .toSorted((a, b) =>
      `${a.held.account} ${a.holding.writeKey}` < `${b.held.account} ${b.holding.writeKey}` ? -1 : 1,
    );
  const named = holding.find(({ holding: { writeKey, lookupKey } }) => writeKey === key || lookupKey === key);
  return {
    forest,
    kind,
    spn: named?.held.spn ?? key,
    answer: answerOf(duplicate, at),
    ...intervalText(intervalOf(possible, certain)),
    holders: holding.slice(0, HOLDERS_MAX).map(({ held }) => held),
    moreHolders: holding.length > HOLDERS_MAX,
    isAliasMapAssumed: kind === 'alias' && periods.isAssumed(forest),
    isByDesign: key === BY_DESIGN.key && holding.every(({ held }) => held.samAccountName === BY_DESIGN.holder),
  };
}

function contains({ from, to }: Span, at: bigint): boolean {
  return (from === null || from <= at) && (to === null || at < to);
}
