/**
 * Tables for people: no lines, one calm row per thing, as wide as the terminal and not wider. Instants stand in cells as the
 * RFC 3339 text that the server gave; the table shortens them, and when all are of one day says that day once, below.
 */
import Table from 'cli-table3';
import type { Colors } from 'picocolors/types.js';
import { wrapWords } from './wrapping.js';

export type Column<Row> = {
  readonly head: string;
  /** Empty and absent values are shown as "–". */
  readonly value: (row: Row) => string | number | boolean | null | undefined;
  readonly paint?: (text: string, row: Row, colors: Colors) => string;
  readonly align?: 'right';
};

export type TableStyle = {
  readonly colors: Colors;
  /** Columns of the terminal; undefined: as wide as the content (output into a file or a pipe). */
  readonly width: number | undefined;
};

const NOTHING = '–';
const TRAILING_PADDING = new RegExp(String.raw` +((?:\u001b\[\d+m)*) *$`);
const GAP = 2;
const INSTANT = /\b(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d(?:\.\d{1,9})?)Z/g;
/** A word longer than this may be broken when the terminal is narrow. */
const UNBROKEN_MAX = 44;

const BORDERLESS = Object.fromEntries(
  [
    'top',
    'top-mid',
    'top-left',
    'top-right',
    'bottom',
    'bottom-mid',
    'bottom-left',
    'bottom-right',
    'left',
    'left-mid',
    'mid',
    'mid-mid',
    'right',
    'right-mid',
    'middle',
  ].map((name) => [name, '']),
);

export function renderTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[], style: TableStyle): string {
  const { colors } = style;
  const cells = rows.map((row) => columns.map(({ value }) => display(value(row))));
  const day = commonDay(cells.flat());
  const shown = cells.map((line) => line.map((cell) => shortenInstants(cell, day)));
  const widths = fitWidths(
    columns.map(({ head }, index) => [head, ...shown.map((line) => line[index] ?? '')]),
    style.width,
  );
  const table = new Table({
    head: columns.map(({ head }) => colors.dim(head)),
    chars: BORDERLESS,
    colWidths: widths.map((width) => width + GAP),
    colAligns: columns.map(({ align }) => align ?? 'left'),
    wordWrap: true,
    wrapOnWordBoundary: true,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': GAP },
  });
  for (const [at, row] of rows.entries()) {
    table.push(
      columns.map(({ paint }, index) => {
        const text = breakLongWords(shown[at]?.[index] ?? '', widths[index] ?? 0);
        return paint && text !== NOTHING ? paint(text, row, colors) : text;
      }),
    );
  }
  const body = table
    .toString()
    .split('\n')
    .map((line) => trimEnd(line))
    .join('\n');
  return day === undefined ? body : `${body}\n${colors.dim(`times: ${day}, UTC`)}`;
}

/** Name and value pairs, one a line; those without a value are left out. */
export function renderFields(
  fields: readonly (readonly [string, string | number | null | undefined])[],
  { colors, width }: TableStyle,
): string {
  const present = fields.filter(([, value]) => value !== undefined && value !== null && value !== '');
  const nameWidth = Math.max(0, ...present.map(([name]) => name.length)) + GAP;
  const valueWidth = width && Math.max(width - nameWidth, UNBROKEN_MAX);
  const newLine = `\n${' '.repeat(nameWidth)}`;
  const shown = (value: string): string =>
    wrapWords(shortenInstants(value, undefined), valueWidth).replaceAll('\n', newLine);
  return present.map(([name, value]) => `${colors.dim(name.padEnd(nameWidth))}${shown(String(value))}`).join('\n');
}

export function shortenInstants(text: string, day: string | undefined): string {
  return text.replaceAll(INSTANT, (_, date: string, time: string) => (date === day ? time : `${date} ${time}`));
}

function display(value: string | number | boolean | null | undefined): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return value === undefined || value === null || value === '' ? NOTHING : visible(String(value));
}

/** Names come from anywhere: control and invisible characters are shown as \\u{…}, so that they neither hide nor act. */
export function visible(text: string): string {
  return text.replaceAll(
    /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
}

/** The one day of all instants. */
function commonDay(cells: readonly string[]): string | undefined {
  const days = cells.flatMap((cell) => [...cell.matchAll(INSTANT)].map(([, date]) => date));
  return new Set(days).size === 1 ? days[0] : undefined;
}

/** The natural widths, or as many columns less as the terminal is narrower: taken from where most can be wrapped. */
function fitWidths(columns: readonly (readonly string[])[], available: number | undefined): number[] {
  const widths = columns.map((cells) => Math.max(...cells.map(longestLine)));
  if (available === undefined) return widths;
  const least = columns.map((cells) => Math.min(UNBROKEN_MAX, Math.max(...cells.map(longestWord))));
  let excess = widths.reduce((sum, width) => sum + width + GAP, 0) - available;
  while (excess > 0) {
    const slack = widths.map((width, index) => width - (least[index] ?? 0));
    const widest = slack.indexOf(Math.max(...slack));
    if ((slack[widest] ?? 0) <= 0) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
    excess--;
  }
  return widths;
}

function longestLine(text: string): number {
  return Math.max(...text.split('\n').map((line) => line.length));
}

function longestWord(text: string): number {
  return Math.max(...text.split(/\s/).map((word) => word.length));
}

function breakLongWords(text: string, width: number): string {
  return text.replaceAll(/\S+/g, (word) =>
    word.length <= width ? word : (word.match(new RegExp(`.{1,${width}}`, 'gu')) ?? []).join('\n'),
  );
}

/** Padding behind the last cell, also when it stands before a closing colour. */
function trimEnd(line: string): string {
  return line.replace(TRAILING_PADDING, '$1');
}
