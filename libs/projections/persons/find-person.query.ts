/**
 * Everything that the read models know one person by, in each forest: for erasing them, no name may be missed. Names are
 * joined by events that tell several names of one account at once (a dump's entry, a logon with its SID).
 */
import { Prisma, type PrismaClient } from '#postgres';
import type { Subject } from '#event-store';
import { namesOf, resolveAccountName } from '../accounts/account-names.js';
import { nameKey } from '../name-key.js';

export type KnownAccount = { readonly forest: string; readonly account: string; readonly deleted: boolean };

export type KnownPerson = {
  readonly accounts: readonly KnownAccount[];
  /** Each name in each forest that has it. */
  readonly subjects: readonly Subject[];
  /** Events that have one of the names. */
  readonly events: number;
};

type NamesByForest = Map<string, Set<string>>;

/** Events whose names, but for the actor's, are all those of one account. */
const SAME_ACCOUNT = ['AccountListed', 'AccountCreated', 'AccountRenamed', 'AuthenticationLogged'];
/** What is unique in a forest: a principal, a distinguished name, a SID, `DOMAIN\name`. A bare name may be two people's. */
const UNIQUE = /[@\\=]|^s-1-/;
const ROUNDS_MAX = 5;

/** `name` is any of the person's names, in any case. */
export async function findPerson(prisma: PrismaClient, name: string, forest?: string): Promise<KnownPerson> {
  const { accounts } = await resolveAccountName(prisma, name, forest);
  const names = await namesOfAccounts(prisma, accounts);
  for (const one of await forestsWith(prisma, nameKey(name), forest)) addNames(names, one, [name]);
  for (const { forest: of } of accounts) addNames(names, of, [name]);
  for (const [of, known] of names) await addJoinedNames(prisma, of, known);
  const deleted = await deletedAccounts(prisma, accounts);
  return {
    accounts: accounts.map((key) => ({ ...key, deleted: deleted.has(`${key.forest}\0${key.account}`) })),
    subjects: [...names].flatMap(([of, known]) => [...known].map((each) => ({ forest: of, name: each }))),
    events: await countEvents(prisma, names),
  };
}

/** Imports whose file name, or streams of unreadable records, may tell of a person. */
export async function findImportTexts(
  prisma: PrismaClient,
): Promise<{ readonly imports: readonly { import: string; name: string }[]; readonly quarantine: readonly string[] }> {
  const imports = await prisma.import.findMany({ select: { import: true, name: true } });
  const streams = await prisma.eventIndex.findMany({
    where: { type: 'RecordQuarantined' },
    distinct: ['stream'],
    select: { stream: true },
  });
  return { imports, quarantine: streams.map(({ stream }) => stream) };
}

/** As they are, and as they were before renames. */
async function namesOfAccounts(
  prisma: PrismaClient,
  accounts: readonly { readonly forest: string; readonly account: string }[],
): Promise<NamesByForest> {
  const names: NamesByForest = new Map();
  for (const { forest, account } of accounts) {
    const row = await prisma.account.findUnique({ where: { forest_account: { forest, account } } });
    addNames(names, forest, [account, row?.samAccountName, row?.userPrincipalName, row?.sid]);
    addNames(names, forest, namesOf(account, row ?? undefined));
    const before = await prisma.$queryRaw<{ sam: string | null; upn: string | null; sid: string | null }[]>(Prisma.sql`
      SELECT DISTINCT data->>'samAccountName' AS sam, data->>'userPrincipalName' AS upn, data->>'sid' AS sid
        FROM read.account_evidence WHERE forest = ${forest} AND account = ${account}`);
    for (const { sam, upn, sid } of before) {
      addNames(names, forest, [sam, upn, sid, sam && row?.domain && `${sam}@${row.domain}`]);
    }
  }
  return names;
}

async function forestsWith(prisma: PrismaClient, key: string, forest: string | undefined): Promise<string[]> {
  const found = await prisma.eventIndex.findMany({
    where: { names: { has: key }, forest: forest ?? { not: null } },
    distinct: ['forest'],
    select: { forest: true },
  });
  return found.flatMap(({ forest: of }) => (of === null ? [] : [of]));
}

async function addJoinedNames(prisma: PrismaClient, forest: string, names: Set<string>): Promise<void> {
  for (let round = 0, size = 0; round < ROUNDS_MAX && names.size > size; round++) {
    size = names.size;
    const unique = [...new Set([...names].map(nameKey))].filter((key) => UNIQUE.test(key));
    const joined = await prisma.$queryRaw<{ name: string }[]>(Prisma.sql`
      SELECT DISTINCT name FROM read.event_index e, unnest(e.names) AS name
       WHERE e.forest = ${forest} AND e.origin = 'observed' AND e.type = ANY(${SAME_ACCOUNT})
         AND e.names && ${unique}::text[] AND name IS DISTINCT FROM lower(e.actor)`);
    for (const { name } of joined) names.add(name);
  }
}

async function deletedAccounts(
  prisma: PrismaClient,
  accounts: readonly { readonly forest: string; readonly account: string }[],
): Promise<ReadonlySet<string>> {
  if (accounts.length === 0) return new Set();
  const rows = await prisma.account.findMany({
    where: { OR: accounts.map((key) => ({ ...key })), deletedAt: { not: null } },
    select: { forest: true, account: true },
  });
  return new Set(rows.map(({ forest, account }) => `${forest}\0${account}`));
}

async function countEvents(prisma: PrismaClient, names: NamesByForest): Promise<number> {
  let events = 0;
  for (const [forest, known] of names) {
    const keys = [...new Set([...known].map(nameKey))];
    events += await prisma.eventIndex.count({ where: { forest, names: { hasSome: keys } } });
  }
  return events;
}

function addNames(names: NamesByForest, forest: string, some: readonly (string | null | undefined)[]): void {
  const known = names.get(forest) ?? new Set();
  for (const name of some) if (name) known.add(name);
  names.set(forest, known);
}
