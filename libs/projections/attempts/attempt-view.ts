/**
 * An attempt as it is given out: instants as text, the rules spelled out, and the steps S0 and S1 before those that are kept.
 * What S0 and S1 rest on serves many attempts for hours, so it is joined here and not kept with each: else one late line about
 * a logon would rewrite them all.
 */
import { instantToNanos, nanosToInstant } from '#event-store';
import { Prisma, type PrismaClient } from '#postgres';
import { nameKey } from '../name-key.js';
import { askedAt, stepMeanings, type Attempt, type Step } from './attempt.js';
import { readHolders, registration, type Held } from './holders.js';
import { joinRules, type Confidence, type RuleId } from './join-rules.js';

export type AttemptView = Omit<Attempt, 'at' | 'failedAt' | 'rules'> & {
  readonly at: string;
  readonly failedAt: string | null;
  readonly rules: readonly { readonly id: RuleId; readonly says: string; readonly confidence: Confidence }[];
};

/**
 * In the order given. `holders`: who held their SPNs, where that was read before; `knownBy`: only what was recorded by then,
 * and then the SPN directory, which tells what is known now, is not asked.
 */
export async function viewAttempts(
  prisma: PrismaClient,
  attempts: readonly Attempt[],
  { knownBy, holders }: { readonly knownBy?: bigint; readonly holders?: ReadonlyMap<string, readonly Held[]> } = {},
): Promise<AttemptView[]> {
  const contexts = await readSecurityContexts(prisma, attempts, knownBy);
  const held = holders ?? (knownBy === undefined ? await readHolders(prisma, attempts) : null);
  return attempts.map((attempt) => {
    const { at, failedAt, rules, steps, ...rest } = attempt;
    const before = [
      registration(attempt, held?.get(attempt.id) ?? null),
      securityContext(steps, contexts.get(rest.id)),
    ];
    return {
      ...rest,
      at: nanosToInstant(at),
      failedAt: failedAt === null ? null : nanosToInstant(failedAt),
      rules: rules.map((id) => ({ id, says: joinRules[id].says, confidence: joinRules[id].confidence })),
      steps: attempt.kind === 'logon' ? steps : [...before, ...steps],
    };
  });
}

type Context = { readonly event: string; readonly at: bigint; readonly state: 'observed' | 'inferred' };

function securityContext(steps: readonly Step[], context: Context | undefined): Step {
  const { verifier } = stepMeanings.S1;
  const base = { step: 'S1', outcome: 'passed', verifier } as const;
  if (context) {
    const shown = { ...base, state: context.state, event: context.event, at: nanosToInstant(context.at) };
    return context.state === 'observed' ? shown : { ...shown, rule: 'J6' };
  }
  const hasAsked = steps.some(({ step, state }) => step === 'S2' && state !== 'missing');
  return hasAsked ? { ...base, state: 'inferred', rule: 'P1' } : { step: 'S1', state: 'missing', verifier };
}

/** By the logon that the request names, else by rule J6. */
async function readSecurityContexts(
  prisma: PrismaClient,
  attempts: readonly Attempt[],
  knownBy = 2n ** 63n - 1n,
): Promise<Map<string, Context>> {
  const contexts = new Map<string, Context>();
  const logons = attempts.map(({ logon }) => logon).filter((logon) => logon !== null);
  const issued = await prisma.attemptEvidence.findMany({
    where: { logon: { in: logons }, type: 'TgtIssued', recordedAt: { lte: knownBy } },
    select: { eventId: true, logon: true, occurredAt: true },
  });
  for (const { eventId, logon, occurredAt } of issued) {
    for (const { id } of attempts.filter((attempt) => attempt.logon === logon))
      contexts.set(id, { event: eventId, at: occurredAt, state: 'observed' });
  }
  const others = attempts.filter(({ id, kind, clientName }) => kind === 'service' && clientName && !contexts.has(id));
  for (const { id, event, at, expires } of await readLatestTgts(prisma, others, knownBy)) {
    const asked = others.find((attempt) => attempt.id === id)!;
    if (expires !== null && instantToNanos(expires) <= askedAt(asked)) continue;
    contexts.set(id, { event, at, state: 'inferred' });
  }
  return contexts;
}

type LatestTgt = { readonly id: string; readonly event: string; readonly at: bigint; readonly expires: string | null };

async function readLatestTgts(
  prisma: PrismaClient,
  attempts: readonly Attempt[],
  knownBy: bigint,
): Promise<LatestTgt[]> {
  const ids = attempts.map(({ id }) => id);
  const forests = attempts.map(({ forest }) => forest);
  const clients = attempts.map(({ clientName }) => nameKey(clientName!));
  const instants = attempts.map(askedAt);
  return prisma.$queryRaw<LatestTgt[]>(Prisma.sql`
    SELECT asked.id, tgt.event_id AS event, tgt.occurred_at AS at, tgt.data->>'expiresAt' AS expires
      FROM unnest(${ids}::text[], ${forests}::text[], ${clients}::text[], ${instants}::bigint[])
           AS asked (id, forest, client_key, at)
     CROSS JOIN LATERAL (
       SELECT event_id, occurred_at, data FROM read.attempt_evidence e
        WHERE e.forest = asked.forest AND e.client_key = asked.client_key AND e.type = 'TgtIssued'
          AND e.occurred_at BETWEEN asked.at - ${joinRules.J6.window} AND asked.at
          AND e.recorded_at <= ${knownBy} AND lower(e.data->>'service') LIKE 'krbtgt/%'
        ORDER BY e.occurred_at DESC, e.source DESC, e.record DESC, e.item DESC LIMIT 1) tgt`);
}
