/** `kerbtrail import`: files of other systems into the log, and what became of each. */
import type { Command } from 'commander';
import { EXIT, type ExitCode } from '../cli.error.js';
import { importFile, type Imported, type Quarantined } from '../import-file.js';
import { readInstant } from '../instants.js';
import { addFilters, type Filter, filtersOf } from '../filters.js';
import type { Output, Page } from '../output.js';
import { startProgress } from '../progress.js';
import { findRecordings, type Recording } from '../recordings.js';
import type { Session, Sessions } from '../session.js';
import type { Column } from '../table.js';

type ImportOptions = { readonly forest?: string; readonly source?: string; readonly observedAt?: string };

type ImportRow = {
  readonly name: string;
  readonly kind: string;
  readonly forest: string | null;
  readonly startedAt: string;
  readonly startedBy: string | null;
  readonly finishedAt: string | null;
  readonly appended: number | null;
  readonly quarantined: number | null;
};

const PAGING = ['limit', 'cursor'] as const satisfies readonly Filter[];

const number = (value: number | null): string | null => value?.toLocaleString('en') ?? null;

const importColumns: readonly Column<ImportRow>[] = [
  { head: 'STARTED', value: ({ startedAt }) => startedAt },
  { head: 'FILE', value: ({ name }) => name },
  { head: 'KIND', value: ({ kind }) => kind },
  { head: 'FOREST', value: ({ forest }) => forest },
  { head: 'NEW', value: ({ appended }) => number(appended), align: 'right' },
  { head: 'QUARANTINED', value: ({ quarantined }) => number(quarantined), align: 'right' },
  { head: 'BY', value: ({ startedBy }) => startedBy },
  {
    head: 'STATE',
    value: ({ finishedAt }) => (finishedAt ? 'finished' : 'broke off'),
    paint: (text, { finishedAt }, colors) => (finishedAt ? text : colors.red(text)),
  },
];

const columns: readonly Column<Imported>[] = [
  { head: 'FILE', value: ({ report }) => report.name },
  { head: 'KIND', value: ({ report }) => report.kind },
  { head: 'FOREST', value: ({ report }) => report.forest },
  { head: 'RECORDS', value: ({ report }) => number(report.records), align: 'right' },
  { head: 'NEW', value: ({ report }) => number(report.appended), align: 'right' },
  { head: 'KNOWN', value: ({ report }) => number(report.duplicates), align: 'right' },
  { head: 'UNMAPPED', value: ({ report }) => number(report.unmapped), align: 'right' },
  {
    head: 'QUARANTINED',
    value: ({ report }) => number(report.quarantined),
    align: 'right',
    paint: (text, { report }, colors) => (report.quarantined > 0 ? colors.red(text) : text),
  },
];

export function addImportCommands(program: Command, sessions: Sessions): void {
  program
    .command('import <path...>')
    .summary('read logs and directory dumps of other systems')
    .description(
      'Import files, or folders with everything below them. Each file is recognised by its content; running it twice adds nothing twice.',
    )
    .option(
      '--observed-at <instant>',
      'when a directory dump was taken; observed-at.json beside the dump says it too',
      (text) => readInstant(text, new Date()),
    )
    .option('--forest <name>', 'forest that the records speak about (default: the DNS name of the domain in them)')
    .option('--source <name>', 'tells sources of one kind and forest apart, such as two domain controllers')
    .addHelpText(
      'after',
      `
Examples:
  kerbtrail import samples/lab-samba-ad
  kerbtrail import --source dc2 /var/log/samba/log.samba
  kerbtrail import --observed-at 2026-11-22T10:53:20.804Z directory.ldif
Next:
  kerbtrail spn duplicates, kerbtrail failures, kerbtrail findings
Exit code 1 when a record was quarantined.`,
    )
    .action(
      sessions.action<[string[]], ImportOptions>(async (session, [paths], { forest, source, observedAt }) => {
        const recordings = findRecordings(paths, observedAt);
        const imported = await importAll(session, recordings, { forest, source });
        return report(session.output, imported);
      }),
    );

  addFilters(program.command('imports'), PAGING)
    .summary('what was imported')
    .description('Imports that added something, the newest first. One that did not finish is to be run again.')
    .action(
      sessions.action(async ({ client, output }, _, options) => {
        const page = await client.get<Page<ImportRow>>('/v1/imports', filtersOf(options, PAGING));
        output.page(page, importColumns, 'nothing yet: kerbtrail import PATH…');
      }),
    );
}

export async function importAll(
  { client, terminal }: Session,
  recordings: readonly Recording[],
  options: { readonly forest?: string | undefined; readonly source?: string | undefined },
): Promise<Imported[]> {
  const width = Math.max(0, ...recordings.map(({ name }) => name.length));
  const imported: Imported[] = [];
  for (const recording of recordings) {
    const progress = startProgress(recording.name.padEnd(width), recording.bytes, terminal.stderr);
    try {
      imported.push(await importFile(client, recording, options, progress));
    } finally {
      progress.stop();
    }
  }
  return imported;
}

function report(output: Output, imported: readonly Imported[]): ExitCode {
  if (output.format !== 'table') {
    const rows = imported.map(({ report, quarantined }) => ({ ...report, quarantinedRecords: quarantined }));
    output.rows(rows, [], '');
  } else showImported(output, imported);
  return imported.some(({ report }) => report.quarantined > 0) ? EXIT.findings : EXIT.ok;
}

export function showImported(output: Output, imported: readonly Imported[]): void {
  const read = imported.filter(({ report }) => !report.leftOut);
  const leftOut = imported.filter(({ report }) => report.leftOut);
  output.rows(read, columns, 'no file that could be read');
  if (leftOut.length > 0) {
    output.heading('Left out');
    output.rows(
      leftOut,
      [
        { head: 'FILE', value: ({ report }) => report.name },
        { head: 'WHY', value: ({ report }) => report.leftOut?.reason },
      ],
      '',
    );
  }
  const bad = imported.flatMap(({ report, quarantined }) =>
    quarantined.map((record) => ({ file: report.name, ...record })),
  );
  if (bad.length === 0) return;
  output.heading('Quarantined');
  output.rows<Quarantined & { readonly file: string }>(
    bad,
    [
      { head: 'FILE', value: ({ file }) => file },
      { head: 'LINE', value: ({ line }) => line, align: 'right' },
      { head: 'REASON', value: ({ reason }) => reason },
      {
        head: 'BEGINS',
        value: ({ raw }) => raw.split('\n')[0]?.slice(0, 60),
        paint: (text, _, colors) => colors.dim(text),
      },
    ],
    '',
  );
}
