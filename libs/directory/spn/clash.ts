/**
 * How an SPN that is to be registered meets one that another account holds: which check of the rule profile sees it.
 * The check on a write compares write keys, classes included; what only look-up keys bring together escapes it
 * (CVE-2026-25177) and is `unicode`, also when the hidden name is an alias.
 */
import { lookupClass, parseSpn, relation, resolveAlias, writeKey, type AliasMap, type Spn } from '#spn';
import type { Holder } from '../account/account.events.js';
import type { SpnCheck } from './rule-profiles.js';

/** Null: the two names do not meet. Both texts must parse. */
export function clashOf(
  registering: string,
  held: string,
  aliases: AliasMap,
): Exclude<SpnCheck, 'sameAccount' | 'upn'> | null {
  const fresh = parseSpn(registering);
  const other = parseSpn(held);
  const meeting = relation(fresh, other, aliases);
  if (meeting === 'none') return null;
  if (meeting === 'same' || meeting === 'write-equal') return 'exact';
  if (meeting === 'unicode' || !isAliasInWriting(fresh, other)) return 'unicode';
  return resolveAlias(aliases, lookupClass(fresh)) === lookupClass(other)
    ? 'specificAfterGeneric'
    : 'genericAfterSpecific';
}

/** The word that events have for the way two names meet. */
export function meetingOf(check: SpnCheck): Holder['by'] {
  if (check === 'sameAccount') return 'same-account';
  return check === 'specificAfterGeneric' || check === 'genericAfterSpecific' ? 'alias' : check;
}

/** Two names that a look-up sees as aliases: does a comparison that keeps invisible code points see it too? */
function isAliasInWriting(a: Spn, b: Spn): boolean {
  const [left, right] = [splitWriteKey(a), splitWriteKey(b)];
  const plain = left.serviceClass === lookupClass(a) && right.serviceClass === lookupClass(b);
  return plain && left.name === right.name;
}

function splitWriteKey(spn: Spn): { readonly serviceClass: string; readonly name: string } {
  const key = writeKey(spn);
  const slash = key.indexOf('/');
  return { serviceClass: key.slice(0, slash), name: key.slice(slash + 1) };
}
