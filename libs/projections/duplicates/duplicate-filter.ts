/** Which duplicates are asked for: one meaning for those that stand in the table and those derived as they were known. */
import { z } from 'zod';
import type { SpnIndexKeys } from '../spn-directory/spn-index-keys.js';
import { answerOf, type ForestDuplicate } from './duplicate-view.js';
import type { DuplicateKind } from './duplicate.derivation.js';

/** Where a page ended: name, forest, kind, key, episode. */
export const duplicateCursor = z.tuple([z.string(), z.string(), z.string(), z.string(), z.number().int()]);
export type DuplicateKey = z.infer<typeof duplicateCursor>;

export type DuplicateFilter = {
  /** As of this instant; null: at any time of the range. */
  readonly at: bigint | null;
  readonly since: bigint | null;
  readonly until: bigint | null;
  readonly kind: DuplicateKind | undefined;
  readonly forest: string | undefined;
  readonly spn: SpnIndexKeys | undefined;
  readonly after: DuplicateKey | undefined;
  readonly limit: number;
};

export function duplicateKey({ forest, name, kind, key, episode }: ForestDuplicate): DuplicateKey {
  return [name, forest, kind, key, episode];
}

/** The forest and the place in the order aside. */
export function isAskedFor(duplicate: ForestDuplicate, { at, since, until, kind, spn }: DuplicateFilter): boolean {
  const { from, to } = duplicate.possible;
  const isThen =
    at === null
      ? (until === null || from === null || from < until) && (since === null || to === null || since < to)
      : answerOf(duplicate, at) !== 'no';
  return (
    isThen && (kind ?? duplicate.kind) === duplicate.kind && (!spn || duplicate.lookupKeys.includes(spn.lookupKey))
  );
}
