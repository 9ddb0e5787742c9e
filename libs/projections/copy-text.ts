/**
 * Rows in PostgreSQL's text format of COPY (PostgreSQL manual, COPY, "Text Format"): what stands in the table afterwards is
 * what `insertRows` would have put there. Pure.
 */
export type Row = { readonly [column: string]: unknown };

/** How a value of the column is written: as it prints, as JSON, or as an array of such values. */
export type CopyColumn = { readonly name: string; readonly form: 'plain' | 'json' | 'array' };

const QUOTED = /["\\]/;
const SPECIAL = /[\\\n\r\t]/;
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** One line per row, columns in the order given. */
export function copyText(columns: readonly CopyColumn[], rows: readonly Row[]): string {
  let text = '';
  for (const row of rows) {
    let separator = '';
    for (const { name, form } of columns) {
      text += separator + field(form, row[name]);
      separator = '\t';
    }
    text += '\n';
  }
  return text;
}

function field(form: CopyColumn['form'], value: unknown): string {
  if (value === null || value === undefined) return '\\N';
  if (form === 'json') return escaped(JSON.stringify(value));
  if (form === 'array') return escaped(arrayLiteral(value as readonly unknown[]));
  return escaped(plain(value));
}

function plain(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function arrayLiteral(values: readonly unknown[]): string {
  return `{${values.map(element).join(',')}}`;
}

function element(value: unknown): string {
  if (value === null) return 'NULL';
  const text = plain(value);
  return `"${QUOTED.test(text) ? text.replaceAll(/["\\]/g, '\\$&') : text}"`;
}

function escaped(text: string): string {
  return SPECIAL.test(text) ? text.replaceAll(/[\\\n\r\t]/g, (special) => ESCAPES[special]!) : text;
}
