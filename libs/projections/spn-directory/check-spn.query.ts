/**
 * What would clash if these SPNs were registered now, before anybody tries: the same value on another account, one that
 * differs by invisible characters, or an alias in either direction. From the read side: it refuses nothing, and what the
 * registration itself then meets is the forest's rule profile.
 */
import { Prisma, type PrismaClient } from '#postgres';
import { resolveAlias, SpnSyntaxError, validateSpn } from '#spn';
import { z } from 'zod';
import { findAccountKeys } from '../accounts/account-names.js';
import type { AliasPeriods } from '../duplicates/alias-periods.js';
import { readAliasPeriods } from '../duplicates/read-alias-periods.js';
import { heldSpn, mayHold, NOW, readHoldings, type AccountHolding, type HeldSpn } from './held-spn.js';
import { spnIndexKeys, type SpnIndexKeys } from './spn-index-keys.js';

const SPNS_MAX = 100;
const CLASHES_MAX = 100;
const HOLDINGS_MAX = 1_000;

export const checkSpnParameters = z.object({
  spns: z.array(z.string().min(1).max(1_024)).min(1).max(SPNS_MAX),
  /** The account that is to get them, by any of its names. What it holds itself is then no clash. */
  account: z.string().min(1).optional(),
  /** By default every forest that is known. */
  forest: z.string().optional(),
});
export type CheckSpn = z.infer<typeof checkSpnParameters>;

export type SpnClash = HeldSpn & {
  /** `held`: the account has it already. */
  readonly by: 'held' | 'exact' | 'unicode' | 'alias';
  /** The alias map is Active Directory's default, assumed: nobody told the forest's own. */
  readonly isAliasMapAssumed: boolean;
};

export type CheckedSpn = {
  readonly spn: string;
  /** Why it is not well-formed, with the code of the rule. */
  readonly invalid: { readonly code: string; readonly message: string } | null;
  readonly clashes: readonly SpnClash[];
};

/** In the order of the question; at most 100 clashes for each SPN. */
export async function checkSpn(prisma: PrismaClient, { spns, account, forest }: CheckSpn): Promise<CheckedSpn[]> {
  const own = account === undefined ? [] : await findAccountKeys(prisma, account, forest);
  const forests = forest === undefined ? await prisma.forest.findMany({ select: { forest: true } }) : [{ forest }];
  const periods = await readAliasPeriods(prisma);
  const isOwn = (holding: AccountHolding): boolean =>
    own.some((key) => key.forest === holding.forest && key.account === holding.account);
  const checked: CheckedSpn[] = [];
  for (const spn of spns) {
    const keys = spnIndexKeys(spn);
    const holdings = await readHoldings(
      prisma,
      Prisma.sql`forest = ANY (${forests.map((one) => one.forest)}) AND name = ${keys.name} AND ${mayHold(NOW)}`,
      HOLDINGS_MAX,
    );
    const clashes = holdings.flatMap((holding): SpnClash[] => {
      const by = clashOf(keys, holding, periods);
      if (!by || (isOwn(holding) && by !== 'exact')) return [];
      const isAliasMapAssumed = by === 'alias' && periods.isAssumed(holding.forest);
      return [{ ...heldSpn(holding, NOW), by: isOwn(holding) ? 'held' : by, isAliasMapAssumed }];
    });
    checked.push({ spn, invalid: findInvalid(spn), clashes: clashes.slice(0, CLASHES_MAX) });
  }
  return checked;
}

function clashOf(keys: SpnIndexKeys, holding: AccountHolding, periods: AliasPeriods): SpnClash['by'] | undefined {
  if (holding.writeKey === keys.writeKey) return 'exact';
  if (holding.lookupKey === keys.lookupKey) return 'unicode';
  const map = periods.at(holding.forest, NOW);
  const isAlias =
    resolveAlias(map, keys.serviceClass) === holding.serviceClass ||
    resolveAlias(map, holding.serviceClass) === keys.serviceClass;
  return isAlias ? 'alias' : undefined;
}

function findInvalid(spn: string): CheckedSpn['invalid'] {
  try {
    validateSpn(spn);
    return null;
  } catch (error) {
    if (!(error instanceof SpnSyntaxError)) throw error;
    return { code: error.code, message: error.message };
  }
}
