/** Accounts, own and observed: found by name, and one of them as it was at an instant, with the SPNs that it held then. */
import { instantToNanos, nanosToInstant } from '#event-store';
import { Prisma, type PrismaClient } from '#postgres';
import { z } from 'zod';
import { answerAt } from '../interval.js';
import { nameKey } from '../name-key.js';
import { decodeCursor, paging, pointInTime, toPage, type Page } from '../query-parameters.js';
import { heldSpn, NOW, type HeldSpn } from '../spn-directory/held-spn.js';
import { EVIDENCE_COLUMNS, toEvidence, type AccountKey, type EvidenceRow } from '../spn-directory/holding-rows.js';
import { deriveHoldings } from '../spn-directory/holding.derivation.js';
import { findAccountKeys } from './account-names.js';
import { deriveAccount, type AccountAttributes } from './account.derivation.js';

export const findAccountsParameters = z.object({
  forest: z.string().optional(),
  domain: z.string().optional(),
  kind: z.enum(['user', 'computer', 'managedService']).optional(),
  /** Any name: id, distinguished name, sAMAccountName (the $ of a computer may be left out), UPN, host name, SID. */
  name: z.string().min(1).optional(),
  /** Deleted accounts too. */
  deleted: z.enum(['true', 'false']).default('false'),
  ...paging,
});
export type FindAccounts = z.infer<typeof findAccountsParameters>;

export const getAccountParameters = z.object({
  /** Any name, as above. */
  account: z.string().min(1),
  forest: z.string().optional(),
  ...pointInTime,
});
export type GetAccount = z.infer<typeof getAccountParameters>;

/** What no source told is null. */
export type AccountView = AccountKey & {
  readonly domain: string | null;
  readonly kind: string | null;
  readonly samAccountName: string | null;
  readonly userPrincipalName: string | null;
  readonly dnsHostName: string | null;
  readonly sid: string | null;
  readonly guid: string | null;
  readonly enabled: boolean | null;
  /** Own accounts only. */
  readonly kvno: number | null;
  readonly passwordChangedAt: string | null;
  readonly createdAt: string | null;
  readonly deletedAt: string | null;
  /** First and last evidence. */
  readonly firstSeen: string;
  readonly lastSeen: string;
};

export type AccountWithSpns = AccountView & { readonly spns: readonly HeldSpn[] };

export class AccountAmbiguous extends Error {
  readonly code = 'PROJ_ACCOUNT_AMBIGUOUS';
  constructor(name: string, keys: readonly AccountKey[]) {
    const bearers = keys.map(({ forest, account }) => `${account} in ${forest}`).join('; ');
    super(`"${name}" names several accounts: ${bearers}. Give the whole distinguished name or id, and the forest`);
  }
}

const cursorShape = z.tuple([z.string(), z.string()]);

/** In order of forest and id. Throws InvalidCursor. */
export async function findAccounts(prisma: PrismaClient, parameters: FindAccounts): Promise<Page<AccountView>> {
  const { forest, domain, kind, name, deleted, cursor, limit } = parameters;
  const after = cursor === undefined ? undefined : decodeCursor(cursor, cursorShape);
  const rows = await prisma.account.findMany({
    where: {
      forest,
      domain,
      kind,
      ...(name !== undefined && { names: { has: nameKey(name) } }),
      ...(deleted === 'false' && { deletedAt: null }),
      ...(after && { OR: [{ forest: { gt: after[0] } }, { forest: after[0], account: { gt: after[1] } }] }),
    },
    orderBy: [{ forest: 'asc' }, { account: 'asc' }],
    take: limit + 1,
  });
  const page = toPage(rows, limit, (row) => [row.forest, row.account]);
  return { ...page, rows: page.rows.map((row) => accountView(row, row, row.firstSeen, row.lastSeen)) };
}

/** Null when nothing was known of such an account, or nothing told of a time as early. Throws AccountAmbiguous. */
export async function getAccount(prisma: PrismaClient, parameters: GetAccount): Promise<AccountWithSpns | null> {
  const { account: name, forest, asOf, asKnown } = parameters;
  const at = asOf === undefined ? NOW : instantToNanos(asOf);
  const key = await findOne(prisma, name, forest);
  if (!key) return null;
  const rows = await prisma.$queryRaw<EvidenceRow[]>(Prisma.sql`
    SELECT ${Prisma.raw(EVIDENCE_COLUMNS)} FROM read.account_evidence
     WHERE forest = ${key.forest} AND account = ${key.account}
       AND recorded_at <= ${asKnown === undefined ? NOW : instantToNanos(asKnown)}`);
  const evidence = rows.map(toEvidence);
  const until = evidence.filter(({ occurredAt }) => occurredAt <= at);
  if (until.length === 0) return null;
  const { firstSeen, last, ...attributes } = deriveAccount(until);
  const samAccountName = attributes.samAccountName ?? null;
  const held = deriveHoldings(evidence).filter((holding) => answerAt(holding, at) !== 'no');
  return {
    ...accountView(key, attributes, firstSeen, last.occurredAt),
    spns: held.map((holding) => heldSpn({ ...holding, ...key, samAccountName }, at)),
  };
}

async function findOne(
  prisma: PrismaClient,
  name: string,
  forest: string | undefined,
): Promise<AccountKey | undefined> {
  const keys = await findAccountKeys(prisma, name, forest);
  const byId = keys.filter(({ account }) => account === name);
  const found = byId.length > 0 ? byId : keys;
  if (found.length > 1) throw new AccountAmbiguous(name, found);
  return found[0];
}

type Attributes = { readonly [Key in keyof AccountAttributes]?: AccountAttributes[Key] | null };

function accountView(
  { forest, account }: AccountKey,
  attributes: Attributes,
  first: bigint,
  last: bigint,
): AccountView {
  const text = (at: bigint | null | undefined) => (at === null || at === undefined ? null : nanosToInstant(at));
  return {
    forest,
    account,
    domain: attributes.domain ?? null,
    kind: attributes.kind ?? null,
    samAccountName: attributes.samAccountName ?? null,
    userPrincipalName: attributes.userPrincipalName ?? null,
    dnsHostName: attributes.dnsHostName ?? null,
    sid: attributes.sid ?? null,
    guid: attributes.guid ?? null,
    enabled: attributes.enabled ?? null,
    kvno: attributes.kvno ?? null,
    passwordChangedAt: text(attributes.passwordChangedAt),
    createdAt: text(attributes.createdAt),
    deletedAt: text(attributes.deletedAt),
    firstSeen: nanosToInstant(first),
    lastSeen: nanosToInstant(last),
  };
}
