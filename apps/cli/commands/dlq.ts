/** `kerbtrail dlq`: dead letters, which are what could not be processed, and what to do with each. */
import { type Command, Option } from 'commander';
import { usageError, EXIT, type ExitCode } from '../cli.error.js';
import { addFilters, type Filter, filtersOf } from '../filters.js';
import type { Page } from '../output.js';
import { ServerProblem } from '../problem.js';
import type { Session, Sessions } from '../session.js';
import type { Column } from '../table.js';

type LetterRow = {
  readonly id: string;
  readonly code: string;
  readonly reason: string;
  readonly openedAt: string;
  readonly tries: number;
  readonly status: 'open' | 'retry' | 'skipped' | 'done';
} & (
  | { readonly kind: 'event'; readonly projection: string; readonly position: number }
  | { readonly kind: 'raw'; readonly topic: string; readonly partition: number; readonly offset: number }
);

type Asked = { readonly letter: string; readonly position: number };

type RetryOptions = { readonly all?: true; readonly kind?: string };

const PAGING = ['limit', 'cursor'] as const satisfies readonly Filter[];
const STATUSES = ['waiting', 'open', 'retry', 'skipped', 'done', 'all'];
const KINDS = ['event', 'raw'];
/** A read model that stands still is what is asked about: nothing waits for it. */
const ANY_STATE = { after: undefined };
const PATH = '/v1/dead-letters';

const columns: readonly Column<LetterRow>[] = [
  { head: 'LETTER', value: ({ id }) => id },
  { head: 'WHERE', value: placeOf },
  { head: 'STATUS', value: ({ status }) => status, paint: paintStatus },
  { head: 'TRIES', value: ({ tries }) => tries, align: 'right' },
  { head: 'SINCE', value: ({ openedAt }) => openedAt },
  { head: 'WHY', value: ({ code, reason }) => `${code}: ${reason}` },
];

const askedColumns: readonly Column<Asked>[] = [
  { head: 'LETTER', value: ({ letter }) => letter },
  { head: 'ASKED AT', value: ({ position }) => position, align: 'right' },
];

export function addDlqCommands(program: Command, sessions: Sessions): void {
  const dlq = program
    .command('dlq')
    .summary('what could not be processed')
    .description(
      'Dead letters: events that a read model could not take, which it waits for, and raw records that no parser took.',
    );

  addFilters(dlq.command('list'), PAGING)
    .description('Dead letters, the oldest first.')
    .addOption(
      new Option('--status <status>', 'only these; waiting: open or retry').choices(STATUSES).default('waiting'),
    )
    .addOption(kindOption())
    .addHelpText(
      'after',
      '\nExample:\n  kerbtrail dlq list --kind event\nNext:\n  kerbtrail events get POSITION\n  kerbtrail dlq retry LETTER\nExit code 1 when one of them is open.',
    )
    .action(
      sessions.action<[], { readonly status: string; readonly kind?: string }>((session, _, options) =>
        list(session, options),
      ),
    );

  dlq
    .command('retry [letter]')
    .description('Have it tried again: after the program or the data it needs was mended. Recorded as an event.')
    .option('--all', 'every one that is open')
    .addOption(kindOption())
    .addHelpText('after', '\nExamples:\n  kerbtrail dlq retry LETTER\n  kerbtrail dlq retry --all --kind raw')
    .action(
      sessions.action<[string | undefined], RetryOptions>((session, [letter], options) =>
        retry(session, letter, options),
      ),
    );

  dlq
    .command('skip <letter>')
    .description(
      'Leave the event out of this read model for good, also when it is built anew. It stays in the log. Cannot be undone.',
    )
    .requiredOption('--reason <text>', 'why, without naming a person or quoting the event: it is recorded')
    .addHelpText('after', '\nExample:\n  kerbtrail dlq skip LETTER --reason "issue 4711: cannot be mended"')
    .action(
      sessions.action<[string], { readonly reason: string }>(async ({ client, output }, [letter], { reason }) => {
        const answer = await client.command<Asked>('POST', pathOf(letter, 'skip'), { reason });
        output.record(answer, [
          ['letter', answer.letter],
          ['state', 'skipped'],
        ]);
      }),
    );
}

async function list(
  { client, output }: Session,
  { status, kind, ...options }: { readonly status: string; readonly kind?: string },
): Promise<ExitCode> {
  const wanted = { ...ANY_STATE, status: status === 'all' ? undefined : status, kind, ...filtersOf(options, PAGING) };
  const page = await client.get<Page<LetterRow>>(PATH, wanted);
  output.page(page, columns, 'no dead letter');
  return page.rows.some((letter) => letter.status === 'open') ? EXIT.findings : EXIT.ok;
}

async function retry(session: Session, letter: string | undefined, { all, kind }: RetryOptions): Promise<void> {
  if ((letter === undefined) === (all === undefined))
    throw usageError('say which dead letter, or --all', 'kerbtrail dlq list');
  if (letter !== undefined && kind !== undefined) throw usageError('--kind goes with --all');
  const { client, output } = session;
  if (letter === undefined) return output.rows(await retryAll(session, kind), askedColumns, 'no dead letter is open');
  const answer = await client.command<Asked>('POST', pathOf(letter, 'retry'));
  output.record(answer, [
    ['letter', answer.letter],
    ['state', 'is tried again'],
  ]);
}

/** Each once: one that fails again stands behind the cursor. One that was settled meanwhile is left out. */
async function retryAll({ client }: Session, kind: string | undefined): Promise<readonly Asked[]> {
  const asked: Asked[] = [];
  for (let cursor: string | undefined | null; cursor !== null;) {
    const page: Page<LetterRow> = await client.get(PATH, { ...ANY_STATE, status: 'open', kind, cursor });
    for (const { id } of page.rows) {
      try {
        asked.push(await client.command<Asked>('POST', pathOf(id, 'retry')));
      } catch (error) {
        if (!(error instanceof ServerProblem && error.code === 'OPS_DEAD_LETTER_SETTLED')) throw error;
      }
    }
    cursor = page.next;
  }
  return asked;
}

function kindOption(): Option {
  return new Option('--kind <kind>', 'only events of the log, or only raw records').choices(KINDS);
}

function pathOf(letter: string, action: 'retry' | 'skip'): string {
  return `${PATH}/${encodeURIComponent(letter)}/${action}`;
}

function placeOf(letter: LetterRow): string {
  if (letter.kind === 'event') return `${letter.projection} at ${letter.position}`;
  return `${letter.topic}, partition ${letter.partition}, offset ${letter.offset}`;
}

function paintStatus(text: string, { status }: LetterRow, colors: { red(text: string): string }): string {
  return status === 'open' ? colors.red(text) : text;
}
