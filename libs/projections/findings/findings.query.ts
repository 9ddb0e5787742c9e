/**
 * What in the directories deserves a look, with its bounds and its evidence:
 *
 *   unaudited-write      an SPN stands that no audit record added, while an audit log tells of the time in between
 *   invisible-character  an SPN holds code points that a KDC's lookup drops
 *   alias-map-assumed    alias clashes of a forest rest on Active Directory's default map: nobody told its own (one a forest)
 */
import { instantToNanos, nanosToInstant } from '#event-store';
import { Prisma, type PrismaClient } from '#postgres';
import { z } from 'zod';
import { findAccountKeys } from '../accounts/account-names.js';
import { intervalText, type IntervalText } from '../interval.js';
import { decodeCursor, instantText, paging, toPage, type Page } from '../query-parameters.js';
import { spnIndexKeys } from '../spn-directory/spn-index-keys.js';

const kinds = z.enum(['unaudited-write', 'invisible-character', 'alias-map-assumed']);

export const findFindingsParameters = z.object({
  kind: kinds.optional(),
  forest: z.string().optional(),
  /** Any name of the account. */
  account: z.string().min(1).optional(),
  spn: z.string().min(1).max(1_024).optional(),
  /** From (inclusive) and to (exclusive): what stood, or may have, at any time of it. */
  since: instantText.optional(),
  until: instantText.optional(),
  ...paging,
});
export type FindFindings = z.infer<typeof findFindingsParameters>;

export type FindingEvidence = {
  readonly event: string;
  readonly type: string;
  readonly occurredAt: string;
  readonly source: string;
};

export type DirectoryFinding = IntervalText & {
  readonly kind: z.infer<typeof kinds>;
  readonly forest: string;
  /** Null where the finding is about the forest. */
  readonly account: string | null;
  readonly samAccountName: string | null;
  readonly spn: string | null;
  /** invisible-character: `codePoints`; alias-map-assumed: `clashes`, how many there were. */
  readonly detail: unknown;
  /** What bounds the begin: the last evidence of the account before, and the first that showed it. */
  readonly evidence: readonly FindingEvidence[];
};

type FindingRow = {
  readonly forest: string;
  readonly kind: z.infer<typeof kinds>;
  readonly account: string;
  readonly sam_account_name: string | null;
  readonly write_key: string;
  readonly episode: number;
  readonly spn: string | null;
  readonly began_after: bigint | null;
  readonly began_by: bigint | null;
  readonly ended_after: bigint | null;
  readonly ended_by: bigint | null;
  readonly detail: unknown;
};

const cursorShape = z.tuple([z.string(), z.string(), z.string(), z.string(), z.number().int()]);

/** In order of forest, kind and account. Throws InvalidCursor. */
export async function findFindings(prisma: PrismaClient, parameters: FindFindings): Promise<Page<DirectoryFinding>> {
  const rows = await prisma.$queryRaw<FindingRow[]>(Prisma.sql`
    SELECT *, (SELECT sam_account_name FROM read.account a WHERE a.forest = f.forest AND a.account = f.account)
      FROM (${FINDINGS}) AS f
     WHERE ${await conditions(prisma, parameters)}
     ORDER BY forest, kind, account, write_key, episode LIMIT ${parameters.limit + 1}`);
  const page = toPage(rows, parameters.limit, ({ forest, kind, account, write_key, episode }) => [
    forest,
    kind,
    account,
    write_key,
    episode,
  ]);
  const evidence = await readEvidence(prisma, page.rows);
  return { ...page, rows: page.rows.map((row) => finding(row, evidence)) };
}

/** An absent audit record says something only of a time of which an audit log tells. */
const FINDINGS = Prisma.sql`
  SELECT forest, kind, account, write_key, episode, spn, began_after, began_by, ended_after, ended_by, detail
    FROM read.finding
   WHERE kind <> 'unaudited-write' OR EXISTS (
     SELECT FROM read.forest WHERE forest.forest = finding.forest AND audited_from <= began_after AND audited_to >= began_by)
   UNION ALL
  SELECT forest, 'alias-map-assumed', '', '', 0, NULL, NULL, min(certain_from), NULL, NULL,
         jsonb_build_object('clashes', count(*))
    FROM read.spn_duplicate
   WHERE kind = 'alias' AND NOT EXISTS (SELECT FROM read.forest_policy p WHERE p.forest = spn_duplicate.forest)
   GROUP BY forest`;

async function conditions(prisma: PrismaClient, parameters: FindFindings): Promise<Prisma.Sql> {
  const { kind, forest, account, spn, since, until, cursor } = parameters;
  const where = [Prisma.sql`true`];
  if (kind !== undefined) where.push(Prisma.sql`kind = ${kind}`);
  if (forest !== undefined) where.push(Prisma.sql`forest = ${forest}`);
  if (account !== undefined) {
    const keys = await findAccountKeys(prisma, account, forest);
    where.push(Prisma.sql`(forest, account) IN (SELECT * FROM unnest(${keys.map((key) => key.forest)}::text[],
                                                                     ${keys.map((key) => key.account)}::text[]))`);
  }
  if (spn !== undefined) where.push(Prisma.sql`write_key = ${spnIndexKeys(spn).writeKey}`);
  if (since !== undefined) where.push(Prisma.sql`(ended_by IS NULL OR ended_by > ${instantToNanos(since)})`);
  if (until !== undefined) {
    where.push(Prisma.sql`(began_after IS NULL OR began_after < ${instantToNanos(until)})`);
  }
  if (cursor !== undefined) {
    const after = decodeCursor(cursor, cursorShape);
    where.push(Prisma.sql`(forest, kind, account, write_key, episode) > (${Prisma.join(after)})`);
  }
  return Prisma.join(where, ' AND ');
}

type EvidenceAt = { readonly key: string; readonly evidence: FindingEvidence };

async function readEvidence(prisma: PrismaClient, findings: readonly FindingRow[]): Promise<EvidenceAt[]> {
  const ends = findings.flatMap(({ forest, account, began_after, began_by }) =>
    [began_after, began_by].flatMap((at) => (at === null ? [] : [{ forest, account, at }])),
  );
  const rows = await prisma.$queryRaw<
    { forest: string; account: string; at: bigint; event: string; type: string; source: string }[]
  >(Prisma.sql`
    SELECT e.forest, e.account, e.occurred_at AS at, e.event_id AS event, e.type, e.source
      FROM (SELECT DISTINCT * FROM unnest(${ends.map(({ forest }) => forest)}::text[],
              ${ends.map(({ account }) => account)}::text[], ${ends.map(({ at }) => at)}::bigint[])) AS asked (f, a, t)
      JOIN read.account_evidence e ON e.forest = f AND e.account = a AND e.occurred_at = t
     ORDER BY e.occurred_at, e.source, e.record, e.item`);
  return rows.map(({ forest, account, at, event, type, source }) => ({
    key: evidenceKey(forest, account, at),
    evidence: { event, type, occurredAt: nanosToInstant(at), source },
  }));
}

function finding(row: FindingRow, evidence: readonly EvidenceAt[]): DirectoryFinding {
  const { kind, forest, account, sam_account_name: samAccountName, spn, detail } = row;
  const { began_after: beganAfter, began_by: beganBy, ended_after: endedAfter, ended_by: endedBy } = row;
  const ends = new Set([beganAfter, beganBy].map((at) => evidenceKey(forest, account, at)));
  return {
    kind,
    forest,
    account: account === '' ? null : account,
    samAccountName,
    spn,
    ...intervalText({ beganAfter, beganBy, endedAfter, endedBy }),
    detail,
    evidence: evidence.filter(({ key }) => ends.has(key)).map((shown) => shown.evidence),
  };
}

function evidenceKey(forest: string, account: string, at: bigint | null): string {
  return JSON.stringify([forest, account, String(at)]);
}
