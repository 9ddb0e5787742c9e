/**
 * The names by which sources speak of one account: its id or distinguished name, its sAMAccountName and UPN, as a principal of
 * its realm, its SID. As they are now: a name it had before is found by asking for that name.
 */
import type { Prisma, PrismaClient } from '#postgres';
import { nameKey } from '../name-key.js';
import type { AccountKey } from '../spn-directory/holding-rows.js';

type Account = Prisma.AccountGetPayload<object>;

export type NamedAccounts = {
  /** Accounts that go by the name; none: the name is all that is known. */
  readonly accounts: readonly AccountKey[];
  /** Name keys: of the name itself, and of all names of these accounts. */
  readonly keys: readonly string[];
};

const ACCOUNTS_MAX = 100;

/** `name` is any of them, in any case. */
export async function resolveAccountName(prisma: PrismaClient, name: string, forest?: string): Promise<NamedAccounts> {
  const [, sam, realm] = /^(.+)@([^@]+)$/.exec(name) ?? [];
  const found = await prisma.account.findMany({
    where: {
      ...(forest === undefined ? {} : { forest }),
      OR: [
        { names: { has: nameKey(name) } },
        ...(sam && realm ? [{ names: { has: nameKey(sam) }, domain: realm.toLowerCase() }] : []),
      ],
    },
    orderBy: [{ forest: 'asc' }, { account: 'asc' }],
    take: ACCOUNTS_MAX,
  });
  const keys = found.flatMap((account) => namesOf(account.account, account));
  return {
    accounts: found.map(({ forest: of, account }) => ({ forest: of, account })),
    keys: [...new Set([nameKey(name), ...keys])],
  };
}

/** Name keys. As a principal, an account goes by its sAMAccountName or UPN in its realm; acceptors and clients name it so. */
export function namesOf(id: string, account: Account | undefined): string[] {
  const { samAccountName, userPrincipalName, domain, sid } = account ?? {};
  const principal = samAccountName && domain && `${samAccountName}@${domain}`;
  const names = [id, samAccountName, userPrincipalName, principal, sid];
  return [...new Set(names.flatMap((name) => (name ? [nameKey(name)] : [])))];
}

/** Names are unique in a domain at most: several accounts may bear one. In order of forest and account. */
export async function findAccountKeys(
  prisma: PrismaClient,
  name: string,
  forest: string | undefined,
): Promise<readonly AccountKey[]> {
  return (await resolveAccountName(prisma, name, forest)).accounts;
}
