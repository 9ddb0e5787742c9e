/**
 * What we knew (`asKnown`): the very derivation that makes the tables, over the evidence that was recorded up to an instant.
 */
import { Prisma, type PrismaClient } from '#postgres';
import { deriveAccount, type DerivedAccount } from '../accounts/account.derivation.js';
import type { AccountHolding } from './held-spn.js';
import { EVIDENCE_COLUMNS, type AccountKey, type EvidenceRow } from './holding-rows.js';
import { deriveHoldings } from './holding.derivation.js';
import { groupByAccount } from './rederive-accounts.js';

export type KnownAccount = AccountKey & {
  readonly attributes: DerivedAccount;
  readonly holdings: readonly AccountHolding[];
};

/** Accounts of which nothing was known yet are left out. */
export async function readKnownAccounts(
  prisma: PrismaClient,
  accounts: readonly AccountKey[],
  asKnown: bigint,
): Promise<KnownAccount[]> {
  const rows = await prisma.$queryRaw<EvidenceRow[]>(Prisma.sql`
    SELECT ${Prisma.raw(EVIDENCE_COLUMNS)} FROM read.account_evidence
     WHERE (forest, account) IN (SELECT * FROM unnest(${accounts.map(({ forest }) => forest)}::text[],
                                                      ${accounts.map(({ account }) => account)}::text[]))
       AND recorded_at <= ${asKnown}`);
  return groupByAccount(rows).map(({ forest, account, evidence }) => {
    const attributes = deriveAccount(evidence);
    const samAccountName = attributes.samAccountName ?? null;
    const holdings = deriveHoldings(evidence).map((holding) => ({ ...holding, forest, account, samAccountName }));
    return { forest, account, attributes, holdings };
  });
}

/** Every account that ever held one of these: whatever was known of them at any time left a holding. */
export async function everHolders(
  prisma: PrismaClient,
  lookupKeys: readonly string[],
  forest: string | undefined,
): Promise<AccountKey[]> {
  return prisma.spnHolding.findMany({
    where: { lookupKey: { in: [...lookupKeys] }, ...(forest !== undefined && { forest }) },
    distinct: ['forest', 'account'],
    select: { forest: true, account: true },
  });
}
