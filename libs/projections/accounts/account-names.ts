/** Accounts by anything they are called. */
import type { PrismaClient } from '#postgres';
import { nameKey } from '../name-key.js';
import type { AccountKey } from '../spn-directory/holding-rows.js';

const NAMESAKES_MAX = 100;

/** Names are unique in a domain at most: several accounts may bear one. In order of forest and account. */
export async function findAccountKeys(
  prisma: PrismaClient,
  name: string,
  forest: string | undefined,
): Promise<AccountKey[]> {
  return prisma.account.findMany({
    where: { names: { has: nameKey(name) }, ...(forest !== undefined && { forest }) },
    select: { forest: true, account: true },
    orderBy: [{ forest: 'asc' }, { account: 'asc' }],
    take: NAMESAKES_MAX,
  });
}
