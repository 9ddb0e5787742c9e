/**
 * How two SPNs stand to each other, nearest sense first. Symmetric in its arguments.
 *
 * same         one text
 * write-equal  a directory's uniqueness check sees one name (case, accents, kana, width)
 * unicode      the check sees two names, a KDC one: invisible code points differ (CVE-2026-25177)
 * alias        one class is mapped to the other and the rest is one name; two aliases of one class do not clash
 */
import { resolveAlias, type AliasMap } from './aliases.js';
import { lookupClass, lookupKey, lookupName, writeKey } from './keys.js';
import type { Spn } from './spn.js';

export type SpnRelation = 'same' | 'write-equal' | 'unicode' | 'alias' | 'none';

export function relation(a: Spn, b: Spn, map: AliasMap): SpnRelation {
  if (a.raw === b.raw) return 'same';
  if (writeKey(a) === writeKey(b)) return 'write-equal';
  if (lookupKey(a) === lookupKey(b)) return 'unicode';
  if (lookupName(a) !== lookupName(b)) return 'none';
  const isMapped = (from: Spn, to: Spn): boolean => resolveAlias(map, lookupClass(from)) === lookupClass(to);
  return isMapped(a, b) || isMapped(b, a) ? 'alias' : 'none';
}
