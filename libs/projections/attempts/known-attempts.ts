/**
 * Attempts as they were known at an instant: the same derivation over the evidence that had been recorded by then. Derived
 * when asked, so the time that it is asked of is bounded by how much evidence lies in it.
 */
import type { Prisma, PrismaClient } from '#postgres';
import type { Attempt } from './attempt.js';
import { exchangeOf, toEvidence, type Evidence } from './evidence.js';
import { deriveAttempts } from './join.derivation.js';
import { reach } from './join-rules.js';

export const KNOWN_EVIDENCE_MAX = 20_000;

export class TooMuchEvidence extends Error {
  readonly code = 'PROJ_TOO_MUCH_EVIDENCE';
  constructor() {
    super(`more than ${KNOWN_EVIDENCE_MAX} records lie between since and until: ask for a shorter time`);
  }
}

/** All that rest on evidence in the span, and some beside it. Throws TooMuchEvidence. */
export async function readAttemptsKnownBy(
  prisma: PrismaClient,
  { from, to }: { readonly from: bigint; readonly to: bigint },
  knownBy: bigint,
): Promise<Attempt[]> {
  const known = { recordedAt: { lte: knownBy }, joinKey: { not: null } };
  const margin = 2n * reach.answer;
  const around = await read(prisma, { ...known, occurredAt: { gte: from - margin, lte: to + margin } });
  const requests = new Set(around.map((row) => exchangeOf(row).request).filter((request) => request !== undefined));
  const exchanges = await read(prisma, { ...known, request: { in: [...requests] } });
  const evidence = new Map([...around, ...exchanges].map((row) => [row.id, row]));
  return deriveAttempts([...evidence.values()]);
}

async function read(prisma: PrismaClient, where: Prisma.AttemptEvidenceWhereInput): Promise<Evidence[]> {
  const rows = await prisma.attemptEvidence.findMany({ where, take: KNOWN_EVIDENCE_MAX + 1 });
  if (rows.length > KNOWN_EVIDENCE_MAX) throw new TooMuchEvidence();
  return rows.map(({ eventId, occurredAt, record, joinKey, ...row }) =>
    toEvidence({ ...row, event_id: eventId, occurred_at: occurredAt, record: Number(record), join_key: joinKey }),
  );
}
