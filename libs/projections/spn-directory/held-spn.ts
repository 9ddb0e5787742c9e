/** A holding as queries give it: in whose hands which spelling was when, and the answer as of the instant asked for. */
import { nanosToInstant } from '#event-store';
import { Prisma, type PrismaClient } from '#postgres';
import { answerAt, intervalText, type Answer, type IntervalText } from '../interval.js';
import { HOLDING_COLUMNS, toHolding, type AccountKey, type HoldingRow } from './holding-rows.js';
import type { Holding, Provenance } from './holding.derivation.js';

export type HeldSpn = IntervalText & {
  readonly forest: string;
  readonly account: string;
  /** As it is called now; null where no source named it. */
  readonly samAccountName: string | null;
  /** Its spelling as of the instant asked for. */
  readonly spn: string;
  readonly spellings: readonly { readonly spn: string; readonly from: string }[];
  /** Whether the account held it as of the instant asked for. */
  readonly answer: Answer;
  readonly provenance: Provenance;
  /** The last evidence that showed it. */
  readonly lastSeen: string;
};

export type AccountHolding = AccountKey & Holding & { readonly samAccountName: string | null };

/** As of now is as of the end of time: clocks that are ahead of ours have their say. */
export const NOW = 2n ** 63n - 1n;

export function heldSpn(holding: AccountHolding, at: bigint): HeldSpn {
  const { forest, account, samAccountName, spellings, provenance, lastSeen } = holding;
  const spelling = spellings.findLast(({ from }) => from <= at) ?? spellings[0];
  return {
    forest,
    account,
    samAccountName,
    spn: spelling?.spn ?? '',
    spellings: spellings.map(({ spn, from }) => ({ spn, from: nanosToInstant(from) })),
    answer: answerAt(holding, at),
    ...intervalText(holding),
    provenance,
    lastSeen: nanosToInstant(lastSeen),
  };
}

/** The rows of `h`, an alias of `read.spn_holding`, as `toAccountHolding` takes them. */
export const ACCOUNT_HOLDING_COLUMNS = Prisma.raw(
  `${HOLDING_COLUMNS}, (SELECT sam_account_name FROM read.account a WHERE a.forest = h.forest AND a.account = h.account)`,
);

export type AccountHoldingRow = HoldingRow & { readonly sam_account_name: string | null };

export function toAccountHolding(row: AccountHoldingRow): AccountHolding {
  return { ...toHolding(row), samAccountName: row.sam_account_name };
}

/** Of the rows of spn_holding: the answer at this instant (or column) is not "no". */
export function mayHold(at: bigint | Prisma.Sql): Prisma.Sql {
  return Prisma.sql`(ended_by IS NULL OR ended_by > ${at})
    AND (began_by <= ${at} OR began_after IS NULL OR (began_after < ${at} AND began_after < began_by))`;
}

export async function readHoldings(prisma: PrismaClient, where: Prisma.Sql, limit: number): Promise<AccountHolding[]> {
  const rows = await prisma.$queryRaw<AccountHoldingRow[]>(
    Prisma.sql`SELECT ${ACCOUNT_HOLDING_COLUMNS} FROM read.spn_holding h WHERE ${where}
                ORDER BY lookup_key, forest, account, write_key, episode LIMIT ${limit}`,
  );
  return rows.map(toAccountHolding);
}
