/**
 * What surrounded failed attempts beside the holders of their SPNs: which account the service ran as, which holders were
 * disabled, and with which key earlier tickets were made. A few statements for a page of failures.
 */
import { Prisma, type PrismaClient } from '#postgres';
import { askedAt, type Attempt } from '../attempts/attempt.js';
import type { Held } from '../attempts/holders.js';
import { nameKey } from '../name-key.js';
import { spnIndexKeys } from '../spn-directory/spn-index-keys.js';
import { namesOf } from '../accounts/account-names.js';
import type { Circumstances } from './failure.derivation.js';

const OBSERVED = 'observed:';

/** By id of the attempt. */
export async function readCircumstances(
  prisma: PrismaClient,
  attempts: readonly Attempt[],
  holders: ReadonlyMap<string, readonly Held[]>,
): Promise<Map<string, Circumstances>> {
  const running = await readRunsAs(prisma, attempts);
  const enabled = await readEnabled(prisma, attempts, holders);
  const earlier = await readEarlierTickets(prisma, attempts);
  return new Map(
    attempts.map(({ id }): [string, Circumstances] => [
      id,
      {
        held: (holders.get(id) ?? []).map((one) => ({ ...one, enabled: enabled.get(`${id} ${one.account}`) ?? null })),
        runsAs: running.get(id) ?? null,
        earlierTicket: earlier.get(id) ?? null,
      },
    ]),
  );
}

/** An acceptor names the account it runs as. An agent of ours may have an outside id, which says nothing of an account. */
async function readRunsAs(
  prisma: PrismaClient,
  attempts: readonly Attempt[],
): Promise<Map<string, NonNullable<Circumstances['runsAs']>>> {
  const named = attempts.flatMap(({ id, forest, service }) => (service === null ? [] : [{ id, forest, service }]));
  const accounts = await prisma.account.findMany({
    where: { OR: named.map(({ forest, service }) => ({ forest, account: service })) },
  });
  return new Map(
    named.flatMap(({ id, forest, service }): [string, NonNullable<Circumstances['runsAs']>][] => {
      const account = accounts.find((one) => one.forest === forest && one.account === service);
      if (account) return [[id, { name: account.samAccountName ?? service, names: namesOf(service, account) }]];
      if (!forest.startsWith(OBSERVED)) return [];
      const name = service.replace(/@[^@]*$/, '');
      return [[id, { name, names: [nameKey(service), nameKey(name)] }]];
    }),
  );
}

/** Whether the holders were enabled when the ticket was asked for; absent where nothing tells. Key: attempt, space, account. */
async function readEnabled(
  prisma: PrismaClient,
  attempts: readonly Attempt[],
  holders: ReadonlyMap<string, readonly Held[]>,
): Promise<Map<string, boolean>> {
  const asked = attempts
    .filter(({ failedStep }) => failedStep !== 'S7')
    .flatMap((attempt) =>
      [...new Set((holders.get(attempt.id) ?? []).map(({ account }) => account))].map((account) => ({
        key: `${attempt.id} ${account}`,
        forest: attempt.forest,
        account,
        at: askedAt(attempt),
      })),
    );
  const rows = await prisma.$queryRaw<{ key: string; enabled: boolean }[]>(Prisma.sql`
    SELECT asked.key, CASE e.type WHEN 'AccountEnabled' THEN true WHEN 'AccountDisabled' THEN false
                                  ELSE (e.data->>'enabled')::boolean END AS enabled
      FROM unnest(${asked.map(({ key }) => key)}::text[], ${asked.map(({ forest }) => forest)}::text[],
                  ${asked.map(({ account }) => account)}::text[], ${asked.map(({ at }) => at)}::bigint[])
           AS asked (key, forest, account, at)
     CROSS JOIN LATERAL (
       SELECT type, data FROM read.account_evidence e
        WHERE e.forest = asked.forest AND e.account = asked.account AND e.occurred_at <= asked.at
          AND (e.type IN ('AccountEnabled', 'AccountDisabled') OR e.data->>'enabled' IS NOT NULL)
        ORDER BY e.occurred_at DESC, e.source DESC, e.record DESC, e.item DESC LIMIT 1) e`);
  return new Map(rows.map(({ key, enabled }) => [key, enabled]));
}

/** Of attempts that a service failed: the last ticket before for the SPN that was made with another encryption type. */
async function readEarlierTickets(
  prisma: PrismaClient,
  attempts: readonly Attempt[],
): Promise<Map<string, { event: string; at: bigint; etype: number }>> {
  const asked = attempts.filter(({ failedStep, spn, etype }) => failedStep === 'S7' && spn !== null && etype !== null);
  const rows = await prisma.$queryRaw<{ id: string; event: string; at: bigint; etype: number }[]>(Prisma.sql`
    SELECT asked.id, e.event_id AS event, e.occurred_at AS at, (e.data->>'etype')::int AS etype
      FROM unnest(${asked.map(({ id }) => id)}::text[], ${asked.map(({ forest }) => forest)}::text[],
                  ${asked.map(({ spn }) => spnIndexKeys(spn!).lookupKey)}::text[], ${asked.map(askedAt)}::bigint[],
                  ${asked.map(({ etype }) => etype!)}::int[]) AS asked (id, forest, spn_key, at, etype)
     CROSS JOIN LATERAL (
       SELECT event_id, occurred_at, data FROM read.attempt_evidence e
        WHERE e.forest = asked.forest AND e.spn_key = asked.spn_key AND e.type = 'ServiceTicketIssued'
          AND e.occurred_at < asked.at AND (e.data->>'etype')::int <> asked.etype
        ORDER BY e.occurred_at DESC, e.source DESC, e.record DESC, e.item DESC LIMIT 1) e`);
  return new Map(rows.map(({ id, ...ticket }) => [id, ticket]));
}
