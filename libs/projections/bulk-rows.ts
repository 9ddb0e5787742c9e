/**
 * Rows into a table in one statement, whatever their number: the rows as one JSON text that PostgreSQL reads as the
 * table's own row type. Keys are column names; a bigint column goes as text, arrays become arrays. JSON values hold no bigint.
 */
import type { PoolClient } from 'pg';

export type Row = { readonly [column: string]: unknown };

/** `table` is a name of ours, found through the search path. A row whose primary key is there already is left as it is. */
export async function insertRows(tx: PoolClient, table: string, rows: readonly Row[]): Promise<void> {
  if (rows.length === 0) return;
  await tx.query(
    `INSERT INTO ${table} SELECT * FROM json_populate_recordset(NULL::${table}, $1) ON CONFLICT DO NOTHING`,
    [rowsAsJson(rows)],
  );
}

/** As json_populate_recordset takes them. */
export function rowsAsJson(rows: readonly Row[]): string {
  return JSON.stringify(rows.map(withoutBigints));
}

/** Far cheaper than a replacer of JSON.stringify, which sees every value of every level. */
function withoutBigints(row: Row): Row {
  const copy: Record<string, unknown> = { ...row };
  for (const column in copy) {
    const value = copy[column];
    if (typeof value === 'bigint') copy[column] = value.toString();
  }
  return copy;
}

/** PostgreSQL's text holds no NUL, JSON does: it is kept visible as U+FFFD instead of stopping the projection. */
export function storable(text: string): string {
  return text.replaceAll('\0', '\uFFFD');
}
