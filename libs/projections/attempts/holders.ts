/**
 * Who held the SPNs of attempts, and when: read from the SPN directory's tables, since no read model knows another's. Gives
 * step S0 of an attempt, and what a failure's cause is inferred from.
 */
import { nanosToInstant } from '#event-store';
import { Prisma, type PrismaClient } from '#postgres';
import { resolveAlias } from '#spn';
import type { AliasPeriods } from '../duplicates/alias-periods.js';
import { readAliasPeriods } from '../duplicates/read-alias-periods.js';
import { answerAt, type Interval } from '../interval.js';
import { spnIndexKeys } from '../spn-directory/spn-index-keys.js';
import { namesOf } from '../accounts/account-names.js';
import { askedAt, stepMeanings, type Attempt, type Step } from './attempt.js';

/** One time that an account held the SPN, or the name that the SPN's class is an alias of. */
export type Held = {
  readonly account: string;
  /** How people call it: its sAMAccountName, else its id. */
  readonly name: string;
  /** All names of it, as name keys. */
  readonly names: readonly string[];
  readonly by: 'exact' | 'alias';
  readonly spn: string;
  readonly interval: Interval;
  /** Ids of the events by which it began and ended, as far as there are any. */
  readonly events: readonly string[];
};

type Account = Prisma.AccountGetPayload<object>;
type Holding = Prisma.SpnHoldingGetPayload<object>;

/** Of an SPN that changed hands over and over, those nearest to the attempt. */
const HOLDINGS_MAX = 20;

/** By id of the attempt, in order of time. */
export async function readHolders(
  prisma: PrismaClient,
  attempts: readonly Attempt[],
): Promise<Map<string, readonly Held[]>> {
  const holdings = await readHoldings(prisma, attempts);
  const aliases = await readAliasPeriods(prisma);
  const found = attempts.map((attempt) => ({ id: attempt.id, rows: heldOf(attempt, holdings, aliases) }));
  const used = found.flatMap(({ rows }) => rows.map(({ holding }) => holding));
  const accounts = await readAccounts(prisma, used);
  const changes = await readChanges(prisma, used);
  const toHeld = ({ holding, by }: HeldRow): Held => {
    const { forest, account, beganAfter, beganBy, endedAfter, endedBy } = holding;
    const attributes = accounts.find((one) => one.forest === forest && one.account === account);
    return {
      account,
      name: attributes?.samAccountName ?? account,
      names: namesOf(account, attributes),
      by,
      spn: spellingOf(holding),
      interval: { beganAfter, beganBy, endedAfter, endedBy },
      events: changes.get(keyOf(holding)) ?? [],
    };
  };
  return new Map(found.map(({ id, rows }) => [id, rows.map(toHeld)]));
}

/**
 * S0: registered where a source shows that an account held the SPN when the KDC was asked, or a KDC that found the holder
 * implies it (P1). `held`: null where the directory was not asked.
 */
export function registration(attempt: Attempt, held: readonly Held[] | null): Step {
  const { verifier } = stepMeanings.S0;
  const at = askedAt(attempt);
  const standing = (held ?? []).filter(({ interval }) => answerAt(interval, at) === 'yes');
  const [holder] = standing.toSorted((a, b) => (a.by === b.by ? 0 : a.by === 'exact' ? -1 : 1));
  if (holder) {
    const [event] = holder.events;
    const base = { step: 'S0', outcome: 'passed', verifier, at: nanosToInstant(holder.interval.beganBy) } as const;
    return event ? { ...base, state: 'observed', event } : { ...base, state: 'inferred' };
  }
  const isFound = attempt.steps.some(({ step, outcome }) => step === 'S3' && outcome === 'passed');
  return isFound
    ? { step: 'S0', state: 'inferred', outcome: 'passed', verifier, rule: 'P1' }
    : { step: 'S0', state: 'missing', verifier };
}

type HeldRow = { readonly holding: Holding; readonly by: 'exact' | 'alias' };

/** All that ever held the host's name under any class: the SPN's own class and the one that it is an alias of are among them. */
async function readHoldings(prisma: PrismaClient, attempts: readonly Attempt[]): Promise<Holding[]> {
  const names = new Map(
    attempts.flatMap(({ forest, spn }) => {
      const name = spn === null ? null : spnIndexKeys(spn).name;
      return name === null ? [] : [[JSON.stringify([forest, name]), { forest, name }]];
    }),
  );
  if (names.size === 0) return [];
  return prisma.spnHolding.findMany({
    where: { OR: [...names.values()] },
    orderBy: [{ beganBy: 'asc' }, { account: 'asc' }],
  });
}

function heldOf(attempt: Attempt, holdings: readonly Holding[], aliases: AliasPeriods): HeldRow[] {
  const { forest, spn } = attempt;
  if (spn === null) return [];
  const { lookupKey, serviceClass, name } = spnIndexKeys(spn);
  const target = resolveAlias(aliases.at(forest, attempt.at), serviceClass);
  const found = holdings.flatMap((holding): HeldRow[] => {
    if (holding.forest !== forest) return [];
    if (holding.lookupKey === lookupKey) return [{ holding, by: 'exact' }];
    return target !== undefined && holding.lookupKey === `${target}/${name}` ? [{ holding, by: 'alias' }] : [];
  });
  const at = askedAt(attempt);
  const distance = ({ holding }: HeldRow): bigint => {
    if (answerAt(holding, at) !== 'no') return 0n;
    return holding.beganBy < at ? at - holding.beganBy : holding.beganBy - at;
  };
  const near = found.toSorted((a, b) => (distance(a) < distance(b) ? -1 : 1)).slice(0, HOLDINGS_MAX);
  return found.filter((one) => near.includes(one));
}

async function readAccounts(prisma: PrismaClient, holdings: readonly Holding[]): Promise<Account[]> {
  const keys = new Map(holdings.map(({ forest, account }) => [JSON.stringify([forest, account]), { forest, account }]));
  return keys.size === 0 ? [] : prisma.account.findMany({ where: { OR: [...keys.values()] } });
}

function spellingOf({ spellings }: Holding): string {
  return (spellings as unknown as readonly { readonly spn: string }[]).at(-1)!.spn;
}

function keyOf({
  forest,
  account,
  writeKey,
  episode,
}: Pick<Holding, 'forest' | 'account' | 'writeKey' | 'episode'>): string {
  return JSON.stringify([forest, account, writeKey, episode]);
}

/** The events by which each holding began and ended: those of its account at these instants that name it or list all. */
async function readChanges(prisma: PrismaClient, holdings: readonly Holding[]): Promise<Map<string, string[]>> {
  const ends = holdings.flatMap(({ forest, account, beganBy, endedBy }) =>
    [beganBy, endedBy].flatMap((at) => (at === null ? [] : [{ forest, account, at }])),
  );
  const rows = await prisma.$queryRaw<
    { forest: string; account: string; at: bigint; event: string; type: string; spns: string[] }[]
  >(Prisma.sql`
    SELECT e.forest, e.account, e.occurred_at AS at, e.event_id AS event, e.type, e.spns
      FROM (SELECT DISTINCT * FROM unnest(${ends.map(({ forest }) => forest)}::text[],
              ${ends.map(({ account }) => account)}::text[], ${ends.map(({ at }) => at)}::bigint[])) asked (forest, account, at)
      JOIN read.account_evidence e ON e.forest = asked.forest AND e.account = asked.account AND e.occurred_at = asked.at
     ORDER BY e.occurred_at, e.source, e.record, e.item`);
  const isAbout = (row: (typeof rows)[number], { writeKey }: Holding): boolean =>
    !['SpnRegistered', 'SpnRemoved'].includes(row.type) ||
    row.spns.some((spn) => spnIndexKeys(spn).writeKey === writeKey);
  return new Map(
    holdings.map((holding) => {
      const { forest, account, beganBy, endedBy } = holding;
      const changed = rows.filter(
        (row) =>
          row.forest === forest &&
          row.account === account &&
          (row.at === beganBy || row.at === endedBy) &&
          SPN_EVENTS.has(row.type) &&
          isAbout(row, holding),
      );
      return [keyOf(holding), changed.map(({ event }) => event)];
    }),
  );
}

const SPN_EVENTS: ReadonlySet<string> = new Set([
  'SpnRegistered',
  'SpnRemoved',
  'SpnsReplaced',
  'AccountListed',
  'AccountDeleted',
]);
