/** Forests, own and observed, with their domains and, of own ones, the policy that holds now. There are few. */
import type { ForestPolicy } from '#directory';
import { nanosToInstant } from '#event-store';
import type { PrismaClient } from '#postgres';
import { z } from 'zod';
import { decodeCursor, paging, toPage, type Page } from '../query-parameters.js';

export const findForestsParameters = z.object({ origin: z.enum(['own', 'observed']).optional(), ...paging });
export type FindForests = z.infer<typeof findForestsParameters>;

export type ForestView = {
  readonly forest: string;
  readonly name: string;
  readonly origin: 'own' | 'observed';
  readonly domains: readonly { readonly domain: string; readonly netbiosName: string | null }[];
  /** Null of an observed forest: Active Directory's default alias map is assumed. */
  readonly policy: ForestPolicy | null;
  /** The time of which an audit log tells; null where only dumps do. */
  readonly auditedFrom: string | null;
  readonly auditedTo: string | null;
};

/** In order of id. Throws InvalidCursor. */
export async function findForests(prisma: PrismaClient, parameters: FindForests): Promise<Page<ForestView>> {
  const { origin, cursor, limit } = parameters;
  const after = cursor === undefined ? undefined : decodeCursor(cursor, z.tuple([z.string()]))[0];
  const rows = await prisma.forest.findMany({
    where: { origin, ...(after !== undefined && { forest: { gt: after } }) },
    orderBy: { forest: 'asc' },
    take: limit + 1,
  });
  const page = toPage(rows, limit, ({ forest }) => [forest]);
  return { ...page, rows: await withDetails(prisma, page.rows) };
}

/** Null when there is none of this id. */
export async function getForest(prisma: PrismaClient, forest: string): Promise<ForestView | null> {
  const rows = await prisma.forest.findMany({ where: { forest } });
  return (await withDetails(prisma, rows))[0] ?? null;
}

type ForestRow = {
  readonly forest: string;
  readonly name: string;
  readonly origin: string;
  readonly auditedFrom: bigint | null;
  readonly auditedTo: bigint | null;
};

async function withDetails(prisma: PrismaClient, forests: readonly ForestRow[]): Promise<ForestView[]> {
  const where = { forest: { in: forests.map(({ forest }) => forest) } };
  const domains = await prisma.domain.findMany({ where, orderBy: { domain: 'asc' } });
  const policies = await prisma.forestPolicy.findMany({ where, distinct: ['forest'], orderBy: { version: 'desc' } });
  const text = (at: bigint | null) => (at === null ? null : nanosToInstant(at));
  return forests.map(({ forest, name, origin, auditedFrom, auditedTo }) => ({
    forest,
    name,
    origin: origin === 'own' ? 'own' : 'observed',
    domains: domains.filter((row) => row.forest === forest).map(({ domain, netbiosName }) => ({ domain, netbiosName })),
    policy: (policies.find((row) => row.forest === forest)?.policy ?? null) as ForestPolicy | null,
    auditedFrom: text(auditedFrom),
    auditedTo: text(auditedTo),
  }));
}
