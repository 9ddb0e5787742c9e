/**
 * Parameters that the queries have in common, as zod schemas: the HTTP edge validates with them and OpenAPI is made from
 * them. Pages are read by cursor: where the last page ended, in the order of the query's own index.
 */
import { instantToNanos, isIndexable } from '#event-store';
import { z } from 'zod';

export const PAGE_LIMIT_MAX = 1_000;

/** RFC 3339 UTC text with at most nine fraction digits, from the years that the read models can keep. */
export const instantText = z.string().refine(isInstant, {
  error:
    'write an RFC 3339 UTC instant of the years 1678 to 2261 with at most nine fraction digits, such as 2026-11-22T10:53:32.933392Z',
});

export const paging = {
  limit: z.coerce.number().int().min(1).max(PAGE_LIMIT_MAX).default(100),
  cursor: z.string().max(8_192).optional(),
};

/** What was true at `asOf`, as far as it was known at `asKnown` (architecture §6, "Time"). */
export const pointInTime = { asOf: instantText.optional(), asKnown: instantText.optional() };

export type Page<Row> = { readonly rows: readonly Row[]; /** Null on the last page. */ readonly next: string | null };

export class InvalidCursor extends Error {
  readonly code = 'PROJ_INVALID_CURSOR';
  constructor() {
    super('the cursor is not one that this query gave: take "next" of the page before, or leave it out to start again');
  }
}

/** An index key as an opaque text. */
export function encodeCursor(key: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

/** Throws InvalidCursor when the text is not a cursor of this shape. */
export function decodeCursor<Shape extends z.ZodType>(cursor: string, shape: Shape): z.infer<Shape> {
  try {
    return shape.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
  } catch {
    throw new InvalidCursor();
  }
}

/** One row more than the page was asked for: the last one only tells that there is a next page. */
export function toPage<Row>(
  rows: readonly Row[],
  limit: number,
  key: (row: Row) => readonly (string | number)[],
): Page<Row> {
  const kept = rows.slice(0, limit);
  const last = kept.at(-1);
  return { rows: kept, next: rows.length > limit && last !== undefined ? encodeCursor(key(last)) : null };
}

function isInstant(text: string): boolean {
  try {
    return isIndexable(instantToNanos(text));
  } catch {
    return false;
  }
}
