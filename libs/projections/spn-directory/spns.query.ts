/** SPNs and who holds them, now or as of an instant, by SPN (with `*` as in setspn -Q) or by account (setspn -L). */
import { instantToNanos } from '#event-store';
import { Prisma, type PrismaClient } from '#postgres';
import { lookupFold } from '#spn';
import { z } from 'zod';
import { findAccountKeys } from '../accounts/account-names.js';
import { answerAt } from '../interval.js';
import { decodeCursor, paging, pointInTime, toPage, type Page } from '../query-parameters.js';
import { heldSpn, mayHold, NOW, readHoldings, type AccountHolding, type HeldSpn } from './held-spn.js';
import { type AccountKey } from './holding-rows.js';
import { everHolders, readKnownAccounts } from './known-accounts.js';
import { spnIndexKeys } from './spn-index-keys.js';

export const findSpnsParameters = z.object({
  /** In any spelling; `*` stands for any characters. */
  spn: z.string().min(1).max(1_024).optional(),
  /** Any name of an account: id, distinguished name, sAMAccountName (the $ of a computer may be left out), UPN, SID. */
  account: z.string().min(1).optional(),
  forest: z.string().optional(),
  ...pointInTime,
  ...paging,
});
export type FindSpns = z.infer<typeof findSpnsParameters>;

export class AsKnownNeedsKey extends Error {
  readonly code = 'PROJ_AS_KNOWN_NEEDS_KEY';
  constructor() {
    super('asKnown reads evidence again: name an account, or an SPN without "*"');
  }
}

const cursorShape = z.tuple([z.string(), z.string(), z.string(), z.string(), z.number().int()]);

/** Those that were held, or may have been, in order of SPN and account. Throws InvalidCursor, AsKnownNeedsKey. */
export async function findSpns(prisma: PrismaClient, parameters: FindSpns): Promise<Page<HeldSpn>> {
  const { account, forest, limit } = parameters;
  const at = parameters.asOf === undefined ? NOW : instantToNanos(parameters.asOf);
  const accounts = account === undefined ? undefined : await findAccountKeys(prisma, account, forest);
  const found =
    parameters.asKnown === undefined
      ? await readHoldings(prisma, conditions(parameters, at, accounts), limit + 1)
      : await knownHoldings(prisma, parameters, at, accounts);
  const page = toPage(found, limit, cursorOf);
  return { ...page, rows: page.rows.map((holding) => heldSpn(holding, at)) };
}

function conditions(
  { spn, forest, cursor }: FindSpns,
  at: bigint,
  accounts: readonly AccountKey[] | undefined,
): Prisma.Sql {
  const where = [mayHold(at)];
  if (spn !== undefined) where.push(matches(spn));
  if (forest !== undefined) where.push(Prisma.sql`forest = ${forest}`);
  if (accounts) {
    where.push(Prisma.sql`(forest, account) IN (SELECT * FROM unnest(${accounts.map((one) => one.forest)}::text[],
                                                                     ${accounts.map((one) => one.account)}::text[]))`);
  }
  if (cursor !== undefined) {
    const after = decodeCursor(cursor, cursorShape);
    where.push(Prisma.sql`(lookup_key, forest, account, write_key, episode) > (${Prisma.join(after)})`);
  }
  return Prisma.join(where, ' AND ');
}

function matches(spn: string): Prisma.Sql {
  if (!spn.includes('*')) return Prisma.sql`lookup_key = ${spnIndexKeys(spn).lookupKey}`;
  const pieces = spn.split('*').map((piece) => lookupFold(piece).replaceAll(/[\\%_]/g, String.raw`\$&`));
  return Prisma.sql`lookup_key LIKE ${pieces.join('%')}`;
}

function matcher(spn: string): (lookupKey: string) => boolean {
  const pieces = spn.split('*').map((piece) => lookupFold(piece));
  if (pieces.length === 1) return (lookupKey) => lookupKey === spnIndexKeys(spn).lookupKey;
  const pattern = new RegExp(
    `^${pieces.map((piece) => piece.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`)).join('.*')}$`,
    'su',
  );
  return (lookupKey) => pattern.test(lookupKey);
}

async function knownHoldings(
  prisma: PrismaClient,
  { spn, forest, cursor, limit, asKnown }: FindSpns,
  at: bigint,
  accounts: readonly AccountKey[] | undefined,
): Promise<AccountHolding[]> {
  const isKey = spn !== undefined && !spn.includes('*');
  if (asKnown === undefined || !(isKey || accounts)) throw new AsKnownNeedsKey();
  const keys = accounts ?? (await everHolders(prisma, isKey ? [spnIndexKeys(spn).lookupKey] : [], forest));
  const isMatch = spn === undefined ? () => true : matcher(spn);
  const known = await readKnownAccounts(prisma, keys, instantToNanos(asKnown));
  const after = cursor === undefined ? undefined : decodeCursor(cursor, cursorShape);
  return known
    .flatMap(({ holdings }) => holdings)
    .filter((holding) => answerAt(holding, at) !== 'no' && isMatch(holding.lookupKey))
    .toSorted((a, b) => compareKeys(cursorOf(a), cursorOf(b)))
    .filter((holding) => after === undefined || compareKeys(cursorOf(holding), after) > 0)
    .slice(0, limit + 1);
}

function cursorOf({ lookupKey, forest, account, writeKey, episode }: AccountHolding): (string | number)[] {
  return [lookupKey, forest, account, writeKey, episode];
}

function compareKeys(a: readonly (string | number)[], b: readonly (string | number)[]): number {
  const index = a.findIndex((part, at) => part !== b[at]);
  return index < 0 ? 0 : (a[index] ?? '') < (b[index] ?? '') ? -1 : 1;
}
