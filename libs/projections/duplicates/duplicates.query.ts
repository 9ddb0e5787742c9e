/** SPNs that more than one account holds: now, as of an instant, or at any time of a range; as far as it was known. */
import { instantToNanos } from '#event-store';
import { Prisma, type PrismaClient } from '#postgres';
import { z } from 'zod';
import { decodeCursor, instantText, paging, pointInTime, toPage, type Page } from '../query-parameters.js';
import {
  ACCOUNT_HOLDING_COLUMNS,
  mayHold,
  NOW,
  toAccountHolding,
  type AccountHolding,
  type AccountHoldingRow,
} from '../spn-directory/held-spn.js';
import { spnIndexKeys } from '../spn-directory/spn-index-keys.js';
import type { DuplicateKind } from './duplicate.derivation.js';
import { duplicateSpn, firstInstant, HOLDERS_MAX, type DuplicateSpn, type ForestDuplicate } from './duplicate-view.js';
import { duplicateCursor, duplicateKey, type DuplicateFilter } from './duplicate-filter.js';
import { findKnownDuplicates } from './known-duplicates.js';
import { readAliasPeriods } from './read-alias-periods.js';

export const findDuplicatesParameters = z.object({
  ...pointInTime,
  /** Instead of `asOf`: at any time from (inclusive) and to (exclusive); each as of the first instant at which it was one. */
  since: instantText.optional(),
  until: instantText.optional(),
  kind: z.enum(['exact', 'alias', 'unicode']).optional(),
  forest: z.string().optional(),
  /** In any spelling: what it takes part in, an alias clash too. */
  spn: z.string().min(1).max(1_024).optional(),
  ...paging,
});
export type FindDuplicates = z.infer<typeof findDuplicatesParameters>;

/** In order of name and forest, certain and possible ones. Throws InvalidCursor. */
export async function findDuplicates(prisma: PrismaClient, parameters: FindDuplicates): Promise<Page<DuplicateSpn>> {
  const filter = toFilter(parameters);
  const asKnown = parameters.asKnown === undefined ? undefined : instantToNanos(parameters.asKnown);
  const periods = await readAliasPeriods(prisma, asKnown);
  const known = asKnown === undefined ? undefined : await findKnownDuplicates(prisma, filter, periods, asKnown);
  const page = toPage(known?.duplicates ?? (await readDuplicates(prisma, filter)), filter.limit, duplicateKey);
  const holdings = known?.holdings ?? (await readHolders(prisma, page.rows, filter));
  return { ...page, rows: page.rows.map((row) => duplicateSpn(row, holdings, instantOf(row, filter), periods)) };
}

function toFilter({ asOf, since, until, kind, forest, spn, cursor, limit }: FindDuplicates): DuplicateFilter {
  const nanosOf = (text: string | undefined) => (text === undefined ? null : instantToNanos(text));
  const isRange = since !== undefined || until !== undefined;
  return {
    at: isRange ? null : (nanosOf(asOf) ?? NOW),
    since: nanosOf(since),
    until: nanosOf(until),
    kind,
    forest,
    spn: spn === undefined ? undefined : spnIndexKeys(spn),
    after: cursor === undefined ? undefined : decodeCursor(cursor, duplicateCursor),
    limit,
  };
}

function instantOf(duplicate: ForestDuplicate, { at }: DuplicateFilter): bigint {
  return at ?? firstInstant(duplicate);
}

type DuplicateRow = {
  readonly forest: string;
  readonly kind: DuplicateKind;
  readonly key: string;
  readonly episode: number;
  readonly name: string;
  readonly lookup_keys: string[];
  readonly possible_from: bigint | null;
  readonly possible_to: bigint | null;
  readonly certain_from: bigint | null;
  readonly certain_to: bigint | null;
};

async function readDuplicates(prisma: PrismaClient, filter: DuplicateFilter): Promise<ForestDuplicate[]> {
  const { at, since, until, kind, forest, spn, after, limit } = filter;
  const when = at === null ? Prisma.sql`&& int8range(${since}, ${until})` : Prisma.sql`@> ${at}::bigint`;
  const where = [Prisma.sql`int8range(possible_from, possible_to) ${when}`];
  if (kind !== undefined) where.push(Prisma.sql`kind = ${kind}`);
  if (forest !== undefined) where.push(Prisma.sql`forest = ${forest}`);
  if (spn !== undefined) where.push(Prisma.sql`name = ${spn.name} AND ${spn.lookupKey} = ANY (lookup_keys)`);
  if (after !== undefined) where.push(Prisma.sql`(name, forest, kind, key, episode) > (${Prisma.join(after)})`);
  const rows = await prisma.$queryRaw<DuplicateRow[]>(Prisma.sql`
    SELECT * FROM read.spn_duplicate WHERE ${Prisma.join(where, ' AND ')}
     ORDER BY name, forest, kind, key, episode LIMIT ${limit + 1}`);
  return rows.map((row) => ({
    forest: row.forest,
    kind: row.kind,
    key: row.key,
    episode: row.episode,
    name: row.name,
    lookupKeys: row.lookup_keys,
    possible: { from: row.possible_from, to: row.possible_to },
    certain: row.certain_from === null ? null : { from: row.certain_from, to: row.certain_to },
  }));
}

/** Of each key one more than is shown. */
async function readHolders(
  prisma: PrismaClient,
  duplicates: readonly ForestDuplicate[],
  filter: DuplicateFilter,
): Promise<AccountHolding[]> {
  const asked = duplicates.flatMap((duplicate) =>
    duplicate.lookupKeys.map((key) => ({ forest: duplicate.forest, key, at: instantOf(duplicate, filter) })),
  );
  const rows = await prisma.$queryRaw<AccountHoldingRow[]>(Prisma.sql`
    SELECT h.*
      FROM (SELECT DISTINCT * FROM unnest(${asked.map(({ forest }) => forest)}::text[],
              ${asked.map(({ key }) => key)}::text[], ${asked.map(({ at }) => at)}::bigint[])) AS asked (f, k, t),
      LATERAL (SELECT ${ACCOUNT_HOLDING_COLUMNS} FROM read.spn_holding h
                WHERE forest = f AND lookup_key = k AND ${mayHold(Prisma.sql`t`)}
                ORDER BY account, write_key, episode LIMIT ${HOLDERS_MAX + 1}) AS h`);
  return rows.map(toAccountHolding);
}
