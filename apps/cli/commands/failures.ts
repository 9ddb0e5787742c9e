/** `kerbtrail failures`: failed mutual authentications with their cause, how sure it is, and what repairs it. */
import type { Command } from 'commander';
import { EXIT, type ExitCode } from '../cli.error.js';
import { addFilters, type Filter, filtersOf } from '../filters.js';
import type { Output, Page } from '../output.js';
import type { Sessions } from '../session.js';
import type { Column } from '../table.js';
import { type AttemptRow, dimLastLine, showAttempt, whoAndWhich } from './attempts.js';

export type FailureRow = {
  readonly attempt: AttemptRow;
  readonly cause: string;
  readonly says: string;
  readonly confidence: string;
  readonly rule: { readonly id: string; readonly says: string } | null;
  readonly facts: readonly { readonly says: string; readonly at: string | null; readonly event: string | null }[];
  readonly repair: { readonly commands: readonly string[]; readonly doneAt: string | null } | null;
};

const FILTERS = [
  'forest',
  'account',
  'spn',
  'code',
  'since',
  'until',
  'limit',
  'cursor',
] as const satisfies readonly Filter[];

export const failureColumns: readonly Column<FailureRow>[] = [
  { head: 'AT', value: ({ attempt }) => attempt.failedAt ?? attempt.at },
  { head: 'CLIENT → SERVICE, ATTEMPT', value: ({ attempt }) => whoAndWhich(attempt), paint: dimLastLine },
  {
    head: 'CAUSE',
    value: ({ cause, confidence, attempt }) =>
      `${cause.replaceAll('-', ' ')} (${confidence})\n${attempt.failedStep}: ${attempt.code}`,
    paint: (text, _, colors) => {
      const [cause = '', ...rest] = text.split('\n');
      return [colors.red(cause), ...rest].join('\n');
    },
  },
];

export function addFailuresCommands(program: Command, sessions: Sessions): void {
  const failures = program
    .command('failures')
    .summary('failed mutual authentications and their cause')
    .description('Failed mutual authentications: code, cause, confidence and evidence.');

  addFilters(failures.command('list', { isDefault: true }), FILTERS)
    .description('Failures, the newest first.')
    .addHelpText(
      'after',
      '\nExamples:\n  kerbtrail failures --since 1d\n  kerbtrail failures --spn cifs/files.corp.example\nNext:\n  kerbtrail failures show ID\nExit code 1 when there is one.',
    )
    .action(
      sessions.action(async ({ client, output }, _, options) => {
        const page = await client.get<Page<FailureRow>>('/v1/failures', filtersOf(options, FILTERS));
        output.page(page, failureColumns, 'no failure');
        return page.rows.length > 0 ? EXIT.findings : EXIT.ok;
      }),
    );

  failures
    .command('show <id>')
    .description('One failure: cause, evidence, steps and the commands that repair it.')
    .action(
      sessions.action<[string]>(async ({ client, output }, [id]): Promise<ExitCode | void> => {
        const failure = await client.get<FailureRow>(`/v1/failures/${encodeURIComponent(id)}`);
        if (output.format === 'table') showFailure(output, failure);
        else output.record(failure, []);
      }),
    );
}

function showFailure(output: Output, failure: FailureRow): void {
  const { attempt, says, confidence, rule, facts, repair } = failure;
  output.say(`${output.colors.bold(says)} ${output.colors.dim(`(${confidence})`)}`);
  if (rule) output.say(output.colors.dim(`${rule.id}: ${rule.says}`));
  output.heading('Evidence');
  output.rows(
    facts,
    [
      { head: 'AT', value: ({ at }) => at },
      { head: 'FACT', value: ({ says }) => says },
    ],
    'none',
  );
  if (repair) {
    output.heading(repair.doneAt ? `Repaired since ${repair.doneAt}; it would have been` : 'What repairs it');
    for (const command of repair.commands) output.say(`  ${command}`);
  }
  output.heading('Attempt');
  showAttempt(output, attempt);
}
