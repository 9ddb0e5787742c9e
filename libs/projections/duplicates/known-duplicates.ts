/**
 * Duplicates as they were known: for each name that two accounts ever held, in order, its holders' evidence is read up to then
 * and derived again. A bounded number of names at a time, and only until the page is full.
 */
import { Prisma, type PrismaClient } from '#postgres';
import type { AccountHolding } from '../spn-directory/held-spn.js';
import { readKnownAccounts } from '../spn-directory/known-accounts.js';
import type { AliasPeriods } from './alias-periods.js';
import { duplicateKey, isAskedFor, type DuplicateFilter, type DuplicateKey } from './duplicate-filter.js';
import type { ForestDuplicate } from './duplicate-view.js';
import { deriveDuplicates } from './duplicate.derivation.js';

const NAMES_PER_STEP = 100;

type NameHolders = { readonly forest: string; readonly name: string; readonly accounts: readonly string[] };

export type KnownDuplicates = {
  /** One more than the limit, if there are as many. */
  readonly duplicates: readonly ForestDuplicate[];
  readonly holdings: readonly AccountHolding[];
};

export async function findKnownDuplicates(
  prisma: PrismaClient,
  filter: DuplicateFilter,
  periods: AliasPeriods,
  asKnown: bigint,
): Promise<KnownDuplicates> {
  const duplicates: ForestDuplicate[] = [];
  const holdings: AccountHolding[] = [];
  // The cursor's own name may have more: it is read again, and what the page before gave is left out.
  let names = await readNames(prisma, filter, filter.after, '>=');
  while (names.length > 0 && duplicates.length <= filter.limit) {
    const known = await holdingsOf(prisma, names, asKnown);
    for (const { forest, name } of names) {
      const members = known.filter((holding) => holding.forest === forest && holding.name === name);
      const found = deriveDuplicates(members, periods.of(forest))
        .map((duplicate) => ({ ...duplicate, forest, name }))
        .filter((duplicate) => isAskedFor(duplicate, filter) && isAfter(duplicate, filter.after));
      duplicates.push(...found);
      if (found.length > 0) holdings.push(...members);
    }
    const last = names.at(-1);
    names =
      last && names.length === NAMES_PER_STEP ? await readNames(prisma, filter, [last.name, last.forest], '>') : [];
  }
  return { duplicates: duplicates.slice(0, filter.limit + 1), holdings };
}

async function readNames(
  prisma: PrismaClient,
  { forest, spn }: DuplicateFilter,
  from: readonly (string | number)[] | undefined,
  comparison: '>' | '>=',
): Promise<NameHolders[]> {
  const where = [Prisma.sql`true`];
  if (forest !== undefined) where.push(Prisma.sql`forest = ${forest}`);
  if (spn !== undefined) where.push(Prisma.sql`name = ${spn.name}`);
  if (from) where.push(Prisma.sql`(name, forest) ${Prisma.raw(comparison)} (${from[0]}, ${from[1]})`);
  return prisma.$queryRaw<NameHolders[]>(Prisma.sql`
    SELECT name, forest, array_agg(DISTINCT account) AS accounts FROM read.spn_holding
     WHERE ${Prisma.join(where, ' AND ')}
     GROUP BY name, forest HAVING min(account) < max(account) ORDER BY name, forest LIMIT ${NAMES_PER_STEP}`);
}

async function holdingsOf(
  prisma: PrismaClient,
  names: readonly NameHolders[],
  asKnown: bigint,
): Promise<AccountHolding[]> {
  const keys = names.flatMap(({ forest, accounts }) => accounts.map((account) => ({ forest, account })));
  const accounts = await readKnownAccounts(prisma, keys, asKnown);
  return accounts.flatMap(({ holdings }) => holdings);
}

function isAfter(duplicate: ForestDuplicate, after: DuplicateKey | undefined): boolean {
  if (!after) return true;
  const key = duplicateKey(duplicate);
  const index = key.findIndex((part, at) => part !== after[at]);
  return index >= 0 && (key[index] ?? '') > (after[index] ?? '');
}
