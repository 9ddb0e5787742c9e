/**
 * Who holds an SPN as of an instant, the way a KDC looks it up: its exact holders and, where its class is an alias, those of
 * the class that it is mapped to (an explicit SPN always beats a mapped one). And its history.
 */
import { instantToNanos } from '#event-store';
import { Prisma, type PrismaClient } from '#postgres';
import { resolveAlias } from '#spn';
import { z } from 'zod';
import { readAliasPeriods } from '../duplicates/read-alias-periods.js';
import { answerAt, type Answer } from '../interval.js';
import { decodeCursor, paging, pointInTime, toPage, type Page } from '../query-parameters.js';
import { heldSpn, NOW, readHoldings, type AccountHolding, type HeldSpn } from './held-spn.js';
import { everHolders, readKnownAccounts } from './known-accounts.js';
import { spnIndexKeys } from './spn-index-keys.js';

const spn = z.string().min(1).max(1_024);
const forest = z.string().optional();

export const getSpnHoldersParameters = z.object({ spn, forest, ...pointInTime });
export type GetSpnHolders = z.infer<typeof getSpnHoldersParameters>;

export const getSpnHistoryParameters = z.object({ spn, forest, asKnown: pointInTime.asKnown, ...paging });
export type GetSpnHistory = z.infer<typeof getSpnHistoryParameters>;

export type SpnHolder = HeldSpn & { readonly by: 'exact' | 'alias' };

export type SpnHolders = {
  /** Whether anyone held it. "no" in an observed forest: as far as its sources tell. */
  readonly answer: Answer;
  /** One row per account that ever held it and way in which it did: of several times the one that answers. */
  readonly holders: readonly SpnHolder[];
  /** There are more than could be read. */
  readonly more: boolean;
};

const HOLDINGS_MAX = 10_000;
const ANSWERS: readonly Answer[] = ['yes', 'not-known', 'no'];

export async function getSpnHolders(prisma: PrismaClient, parameters: GetSpnHolders): Promise<SpnHolders> {
  const { spn, forest, asOf, asKnown } = parameters;
  const at = asOf === undefined ? NOW : instantToNanos(asOf);
  const known = asKnown === undefined ? undefined : instantToNanos(asKnown);
  const { lookupKey, serviceClass, name } = spnIndexKeys(spn);
  const periods = await readAliasPeriods(prisma, known);
  const lookupKeys = [lookupKey, ...periods.targetsOf(serviceClass).map((target) => `${target}/${name}`)];
  const holdings = await readHoldingsOf(prisma, lookupKeys, forest, known);
  const ways = holdings.flatMap((holding): Way[] => {
    if (holding.lookupKey === lookupKey) return [{ holding, by: 'exact' }];
    const target = resolveAlias(periods.at(holding.forest, at), serviceClass);
    return holding.serviceClass === target ? [{ holding, by: 'alias' }] : [];
  });
  const holders = onePerAccount(ways, at);
  const answer = ANSWERS.find((one) => holders.some((holder) => holder.answer === one)) ?? 'no';
  return { answer, holders, more: holdings.length === HOLDINGS_MAX };
}

/** All times at which anybody held it, explicitly, in order of their begin. Answers are as of now. Throws InvalidCursor. */
export async function getSpnHistory(prisma: PrismaClient, parameters: GetSpnHistory): Promise<Page<HeldSpn>> {
  const { spn, forest, asKnown, limit, cursor } = parameters;
  const known = asKnown === undefined ? undefined : instantToNanos(asKnown);
  const holdings = await readHoldingsOf(prisma, [spnIndexKeys(spn).lookupKey], forest, known);
  const after = cursor === undefined ? undefined : decodeCursor(cursor, historyCursor);
  const ordered = holdings
    .toSorted((a, b) => compareTimes(timeOf(a), timeOf(b)))
    .filter((holding) => after === undefined || compareTimes(timeOf(holding), after) > 0);
  const page = toPage(ordered, limit, timeOf);
  return { ...page, rows: page.rows.map((holding) => heldSpn(holding, NOW)) };
}

const historyCursor = z.tuple([z.string().regex(/^-?\d+$/), z.string(), z.string(), z.string(), z.number().int()]);
type HistoryTime = z.infer<typeof historyCursor>;

function timeOf({ beganBy, forest, account, writeKey, episode }: AccountHolding): HistoryTime {
  return [beganBy.toString(), forest, account, writeKey, episode];
}

function compareTimes([began, ...key]: HistoryTime, [otherBegan, ...otherKey]: HistoryTime): number {
  if (began !== otherBegan) return BigInt(began) < BigInt(otherBegan) ? -1 : 1;
  const index = key.findIndex((part, at) => part !== otherKey[at]);
  return index < 0 ? 0 : key[index]! < otherKey[index]! ? -1 : 1;
}

type Way = { readonly holding: AccountHolding; readonly by: SpnHolder['by'] };

async function readHoldingsOf(
  prisma: PrismaClient,
  lookupKeys: readonly string[],
  forest: string | undefined,
  asKnown: bigint | undefined,
): Promise<AccountHolding[]> {
  if (asKnown === undefined) {
    const inForest = forest === undefined ? Prisma.empty : Prisma.sql`AND forest = ${forest}`;
    return readHoldings(prisma, Prisma.sql`lookup_key IN (${Prisma.join(lookupKeys)}) ${inForest}`, HOLDINGS_MAX);
  }
  const known = await readKnownAccounts(prisma, await everHolders(prisma, lookupKeys, forest), asKnown);
  return known.flatMap(({ holdings }) => holdings).filter(({ lookupKey }) => lookupKeys.includes(lookupKey));
}

/** Of an account's times the one that answers best; if none does, the last that had begun by then, else the first. */
function onePerAccount(ways: readonly Way[], at: bigint): SpnHolder[] {
  const best = new Map<string, Way>();
  for (const way of ways) {
    const { forest, account } = way.holding;
    const key = JSON.stringify([forest, account, way.by]);
    const before = best.get(key);
    if (!before || answersBetter(way.holding, before.holding, at)) best.set(key, way);
  }
  return [...best.values()].map(({ holding, by }) => ({ ...heldSpn(holding, at), by }));
}

function answersBetter(one: AccountHolding, other: AccountHolding, at: bigint): boolean {
  const [rank, otherRank] = [one, other].map((holding) => ANSWERS.indexOf(answerAt(holding, at))) as [number, number];
  if (rank !== otherRank) return rank < otherRank;
  const isLater = one.beganBy > other.beganBy;
  return one.beganBy <= at ? other.beganBy > at || isLater : other.beganBy > at && !isLater;
}
