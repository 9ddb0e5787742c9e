/**
 * Rows into a table in one statement, whatever their number: few as one JSON text that PostgreSQL reads as the table's own row
 * type, many by COPY, which costs it half of that. Keys are column names; a bigint column goes as text, arrays become arrays.
 * JSON values hold no bigint.
 */
import { finished } from 'node:stream/promises';
import { DatabaseError, type PoolClient } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { columnList, copyColumns } from './copy-columns.js';
import { copyText, type Row } from './copy-text.js';

export type { Row };

/** From here on COPY is worth its round trips. */
const MANY_ROWS = 64;
const UNIQUE_VIOLATION = '23505';

/**
 * In the caller's transaction. `table` is a name of ours, found through the search path. A row whose primary key is there
 * already is left as it is.
 */
export async function insertRows(tx: PoolClient, table: string, rows: readonly Row[]): Promise<void> {
  if (rows.length === 0 || (rows.length >= MANY_ROWS && (await copyRows(tx, table, rows)))) return;
  await tx.query(
    `INSERT INTO ${table} SELECT * FROM json_populate_recordset(NULL::${table}, $1) ON CONFLICT DO NOTHING`,
    [rowsAsJson(rows)],
  );
}

/** False, and nothing is written: one of the rows is there already. */
async function copyRows(tx: PoolClient, table: string, rows: readonly Row[]): Promise<boolean> {
  const columns = await copyColumns(tx, table);
  await tx.query('SAVEPOINT copy_rows');
  try {
    const copy = tx.query(copyFrom(`COPY ${table} (${columnList(columns)}) FROM STDIN`));
    copy.end(copyText(columns, rows));
    await finished(copy);
    await tx.query('RELEASE copy_rows');
    return true;
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.code !== UNIQUE_VIOLATION) throw error;
    await tx.query('ROLLBACK TO copy_rows');
    return false;
  }
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
