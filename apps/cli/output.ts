/**
 * Where a command's answer goes: data on standard output, as tables for people (-o table), one JSON document (json) or a row
 * a line (jsonl); everything that is only about the running of the command on standard error.
 */
import pc from 'picocolors';
import type { Colors } from 'picocolors/types.js';
import { CliError } from './cli.error.js';
import { type Column, renderFields, renderTable, shortenInstants, type TableStyle, visible } from './table.js';
import { wrapWords } from './wrapping.js';

export const FORMATS = ['table', 'json', 'jsonl'] as const;
export type Format = (typeof FORMATS)[number];

/** One page of a query; `next` is the cursor of the page after it. */
export type Page<Row> = { readonly rows: readonly Row[]; readonly next: string | null };

export type Streams = { readonly stdout: NodeJS.WriteStream; readonly stderr: NodeJS.WriteStream };

export type Output = {
  readonly format: Format;
  readonly colors: Colors;
  /** A page of rows; `none` is said when there is no row. */
  page<Row>(page: Page<Row>, columns: readonly Column<Row>[], none: string): void;
  rows<Row>(rows: readonly Row[], columns: readonly Column<Row>[], none: string): void;
  /** One thing: `answer` as JSON, or its fields. */
  record(answer: unknown, fields: readonly (readonly [string, string | number | null | undefined])[]): void;
  /** For people only: nothing with -o json or jsonl. */
  say(text?: string): void;
  heading(text: string): void;
  /** About the running of the command, on standard error. */
  note(text: string): void;
  fail(error: CliError): void;
};

/** NO_COLOR and FORCE_COLOR are picocolors' own; a pipe gets no colours and no wrapping. */
export function createOutput({ stdout, stderr }: Streams, format: Format): Output {
  const colors = stdout.isTTY || process.env['FORCE_COLOR'] ? pc : pc.createColors(false);
  const errorColors = stderr.isTTY ? pc : pc.createColors(false);
  const style: TableStyle = { colors, width: stdout.isTTY ? stdout.columns : undefined };
  const write = (text: string) => void stdout.write(`${text}\n`);
  const isForPeople = format === 'table';

  const table = <Row>(rows: readonly Row[], columns: readonly Column<Row>[], none: string) =>
    write(rows.length === 0 ? colors.dim(none) : renderTable(columns, rows, style));
  const lines = (rows: readonly unknown[]) => rows.forEach((row) => write(JSON.stringify(row)));

  return {
    format,
    colors,
    page(page, columns, none) {
      if (format === 'json') return write(JSON.stringify(page, null, 2));
      if (format === 'jsonl') lines(page.rows);
      else table(page.rows, columns, none);
      if (page.next) this.note(`there is more: --cursor ${page.next}`);
    },
    rows(rows, columns, none) {
      if (format === 'json') write(JSON.stringify(rows, null, 2));
      else if (format === 'jsonl') lines(rows);
      else table(rows, columns, none);
    },
    record(answer, fields) {
      if (isForPeople) write(renderFields(fields, style));
      else write(format === 'json' ? JSON.stringify(answer, null, 2) : JSON.stringify(answer));
    },
    say(text = '') {
      if (isForPeople) write(wrapWords(shortenInstants(text, undefined), style.width));
    },
    heading(text) {
      if (isForPeople) write(`\n${colors.bold(shortenInstants(text, undefined))}`);
    },
    note(text) {
      stderr.write(`${errorColors.dim(text)}\n`);
    },
    fail({ code, message, next }) {
      const advice = next ? `\n  ${errorColors.dim('next:')} ${next}` : '';
      stderr.write(`${errorColors.red('✗')} ${errorColors.bold(code)}: ${visible(message)}${advice}\n`);
    },
  };
}
