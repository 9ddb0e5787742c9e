/** `kerbtrail archive` and `kerbtrail retire`: old partitions of the log out of the database, and bodies out of their files. */
import type { Command } from 'commander';
import { CliError, EXIT } from '../cli.error.js';
import { positionOrInstant, wholeNumber } from '../filters.js';
import type { Session, Sessions } from '../session.js';
import type { Column } from '../table.js';

type PartitionRow = {
  readonly first: number;
  readonly last: number;
  readonly state: string;
  readonly recordedAt: string | null;
  readonly due: boolean;
};

type DoneRow = { readonly first: number; readonly last: number; readonly at: number; readonly events?: number };

type ArchiveLine = {
  readonly partition?: DoneRow;
  readonly finished?: { readonly partitions: number; readonly position: number };
  readonly failed?: { readonly code: string; readonly detail: string };
};

const ANY_STATE = { after: undefined };

const partitionColumns: readonly Column<PartitionRow>[] = [
  { head: 'FIRST', value: ({ first }) => first, align: 'right' },
  { head: 'LAST', value: ({ last }) => last, align: 'right' },
  { head: 'RECORDED TO', value: ({ recordedAt }) => recordedAt ?? '' },
  { head: 'STATE', value: ({ state, due }) => (due ? 'would be archived' : state) },
];

const archivedColumns: readonly Column<DoneRow>[] = [
  { head: 'FIRST', value: ({ first }) => first, align: 'right' },
  { head: 'LAST', value: ({ last }) => last, align: 'right' },
  { head: 'RECORDED AT POSITION', value: ({ at }) => at, align: 'right' },
];

const retiredColumns: typeof archivedColumns = [
  ...archivedColumns,
  { head: 'EVENTS GIVEN UP', value: ({ events }) => events ?? 0, align: 'right' },
];

export function addArchiveCommands(program: Command, sessions: Sessions): void {
  program
    .command('archive')
    .summary('take old partitions of the log out of the database')
    .description(
      'Verify the sealed files of full partitions that a signed checkpoint covers, and take these partitions out of the database. ' +
        'Everything is read as before, from the files: keep them, and copies of them.',
    )
    .option(
      '--before <position|instant>',
      'only partitions that end before this position or were recorded before this instant',
      positionOrInstant,
    )
    .option('--dry-run', 'say which partitions there are and which would go')
    .addHelpText(
      'after',
      '\nExamples:\n  kerbtrail archive --dry-run\n  kerbtrail archive --before 2026-01-01T00:00:00Z',
    )
    .action(
      sessions.action<[], { before?: string; dryRun?: true }>((session, _, options) => archive(session, options)),
    );

  program
    .command('retire')
    .summary('give up old events that need not be kept')
    .description(
      'Write the files of archived partitions anew without the bodies of exchanges, lockouts and observations. ' +
        'Accounts, names, forests and operations are kept, and every proof stays valid. This cannot be undone.',
    )
    .requiredOption(
      '--before <position>',
      'archived partitions that end before this position',
      wholeNumber(1, Number.MAX_SAFE_INTEGER),
    )
    .addHelpText('after', '\nExample:\n  kerbtrail retire --before 1048577')
    .action(
      sessions.action<[], { before: number }>(async (session, _, { before }) => {
        const done = await run(session, '/v1/archive/retire', before);
        session.output.rows(
          done,
          retiredColumns,
          'no archived partition ends before this position and has anything to give up',
        );
      }),
    );
}

async function archive(session: Session, { before, dryRun }: { before?: string; dryRun?: true }): Promise<void> {
  const { client, output } = session;
  if (dryRun) {
    const { rows } = await client.get<{ rows: readonly PartitionRow[] }>('/v1/archive', { ...ANY_STATE, before });
    output.rows(rows, partitionColumns, 'no partition is full yet');
    return;
  }
  output.rows(await run(session, '/v1/archive', before), archivedColumns, 'no partition may be archived');
}

async function run(
  { client }: Session,
  path: string,
  before: string | number | undefined,
): Promise<readonly DoneRow[]> {
  const done: DoneRow[] = [];
  for await (const { partition, finished, failed } of client.lines<ArchiveLine>('POST', path, { before })) {
    if (partition) done.push(partition);
    if (failed) {
      const what = done.length === 0 ? 'nothing was done' : `${done.length} partitions were done before`;
      throw new CliError(EXIT.environment, failed.code, failed.detail, {
        next: `${what}; what was done stays: run it again`,
      });
    }
    if (!finished) continue;
    client.readAfter(finished.position);
    return done;
  }
  throw new CliError(EXIT.environment, 'ARCHIVE_BROKE_OFF', 'the server ended without a result', {
    next: 'run it again: it goes on where it was',
  });
}
