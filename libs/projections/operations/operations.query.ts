/** Tokens and imports, the newest first. */
import type { PrismaClient } from '#postgres';
import { z } from 'zod';
import { decodeCursor, paging, toPage, type Page } from '../query-parameters.js';

export const findOperationsParameters = z.object(paging);
export type FindOperations = z.infer<typeof findOperationsParameters>;

export type TokenRow = {
  readonly token: string;
  readonly actor: string;
  readonly roles: readonly string[];
  readonly scope: unknown;
  readonly note: string | null;
  readonly expiresAt: string | null;
  readonly createdAt: string;
  readonly createdBy: string | null;
  readonly revokedAt: string | null;
  readonly revokedBy: string | null;
};

export type ImportRow = {
  readonly import: string;
  readonly name: string;
  readonly kind: string;
  readonly forest: string | null;
  readonly observedAt: string | null;
  readonly startedAt: string;
  readonly startedBy: string | null;
  /** Null: it broke off. Importing the file again adds the rest. */
  readonly finishedAt: string | null;
  readonly bytes: number | null;
  readonly records: number | null;
  readonly appended: number | null;
  readonly duplicates: number | null;
  readonly unmapped: number | null;
  readonly quarantined: number | null;
  readonly sha256: string | null;
};

const instantAndId = z.tuple([z.string(), z.string()]);

/** Throws InvalidCursor. */
export async function findTokens(prisma: PrismaClient, { limit, cursor }: FindOperations): Promise<Page<TokenRow>> {
  const [at, id] = cursor === undefined ? [] : decodeCursor(cursor, instantAndId);
  const rows = await prisma.token.findMany({
    ...(at !== undefined &&
      id !== undefined && { where: { OR: [{ createdAt: { lt: at } }, { createdAt: at, token: { lt: id } }] } }),
    orderBy: [{ createdAt: 'desc' }, { token: 'desc' }],
    take: limit + 1,
  });
  return toPage(rows, limit, ({ createdAt, token }) => [createdAt, token]);
}

/** With a forest: the imports that were begun for it. Throws InvalidCursor. */
export async function findImports(
  prisma: PrismaClient,
  { limit, cursor, forest }: FindOperations & { readonly forest?: string | undefined },
): Promise<Page<ImportRow>> {
  const [at, id] = cursor === undefined ? [] : decodeCursor(cursor, instantAndId);
  const rows = await prisma.import.findMany({
    where: {
      ...(forest !== undefined && { forest }),
      ...(at !== undefined &&
        id !== undefined && { OR: [{ startedAt: { lt: at } }, { startedAt: at, import: { lt: id } }] }),
    },
    orderBy: [{ startedAt: 'desc' }, { import: 'desc' }],
    take: limit + 1,
  });
  return toPage(rows.map(withNumbers), limit, (row) => [row.startedAt, row.import]);
}

/** Counts are int8 in the database and small: JSON numbers. */
function withNumbers<Row extends object>(
  row: Row,
): { [Key in keyof Row]: Row[Key] extends bigint | null ? number | null : Row[Key] } {
  const entries = Object.entries(row).map(([key, value]) => [key, typeof value === 'bigint' ? Number(value) : value]);
  return Object.fromEntries(entries) as {
    [Key in keyof Row]: Row[Key] extends bigint | null ? number | null : Row[Key];
  };
}
