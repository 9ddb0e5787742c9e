/**
 * Tickets that KDCs issued, counted by SPN. A ticket is not an attempt: it is cached and presented many times; and a TGT that a
 * service was given, renewed or forwarded, is counted apart from service tickets.
 */
import { instantToNanos } from '#event-store';
import { Prisma, type PrismaClient } from '#postgres';
import { z } from 'zod';
import { nameKey } from '../name-key.js';
import { decodeCursor, instantText, paging, toPage, type Page } from '../query-parameters.js';
import { spnKeyOf, ticketKinds, type TicketKind } from './evidence.js';

export const countTicketsParameters = z.object({
  kind: z.enum(ticketKinds).optional(),
  forest: z.string().optional(),
  /** The client's principal. */
  client: z.string().optional(),
  spn: z.string().optional(),
  since: instantText.optional(),
  until: instantText.optional(),
  ...paging,
});
export type CountTickets = z.infer<typeof countTicketsParameters>;

export type TicketCount = {
  readonly forest: string;
  readonly kind: TicketKind;
  /** As it was written first. */
  readonly spn: string;
  readonly tickets: number;
  readonly clients: number;
};

type Counted = TicketCount & { readonly spnKey: string };

/** By forest, kind and SPN. Throws InvalidCursor. */
export async function countTickets(prisma: PrismaClient, parameters: CountTickets): Promise<Page<TicketCount>> {
  const { limit, cursor } = parameters;
  const conditions = conditionsOf(parameters);
  if (cursor !== undefined) {
    const [lastForest, lastKind, lastSpnKey] = decodeCursor(cursor, z.tuple([z.string(), z.string(), z.string()]));
    conditions.push(Prisma.sql`(forest, ticket_kind, spn_key) > (${lastForest}, ${lastKind}, ${lastSpnKey})`);
  }
  const rows = await prisma.$queryRaw<Counted[]>(Prisma.sql`
    SELECT forest, ticket_kind AS kind, spn_key AS "spnKey",
           (array_agg(data->>'spn' ORDER BY occurred_at, source, record, item))[1] AS spn,
           count(*)::int AS tickets, count(DISTINCT client_key)::int AS clients
      FROM read.attempt_evidence
     WHERE ${Prisma.join(conditions, ' AND ')}
     GROUP BY forest, ticket_kind, spn_key
     ORDER BY forest, ticket_kind, spn_key
     LIMIT ${limit + 1}`);
  const page = toPage(rows, limit, (row) => [row.forest, row.kind, row.spnKey]);
  const counts = page.rows.map((row): TicketCount => {
    const { forest, kind, spn, tickets, clients } = row;
    return { forest, kind, spn, tickets, clients };
  });
  return { rows: counts, next: page.next };
}

function conditionsOf({ kind, forest, client, spn, since, until }: CountTickets): Prisma.Sql[] {
  return [
    Prisma.sql`type = 'ServiceTicketIssued'`,
    ...(kind === undefined ? [] : [Prisma.sql`ticket_kind = ${kind}`]),
    ...(forest === undefined ? [] : [Prisma.sql`forest = ${forest}`]),
    ...(client === undefined ? [] : [Prisma.sql`client_key = ${nameKey(client)}`]),
    ...(spn === undefined ? [] : [Prisma.sql`spn_key = ${spnKeyOf(spn)}`]),
    ...(since === undefined ? [] : [Prisma.sql`occurred_at >= ${instantToNanos(since)}`]),
    ...(until === undefined ? [] : [Prisma.sql`occurred_at < ${instantToNanos(until)}`]),
  ];
}
