/** `kerbtrail attempts`: who tried to reach which service, and how far it came, step by step. */
import { type Command, Option } from 'commander';
import type { ExitCode } from '../cli.error.js';
import { addFilters, type Filter, filtersOf } from '../filters.js';
import type { Output, Page } from '../output.js';
import type { Sessions } from '../session.js';
import { paintOutcome, stepColumns, type StepRow } from '../steps.js';
import type { Column } from '../table.js';

export type AttemptRow = {
  readonly id: string;
  readonly kind: 'service' | 'logon';
  readonly forest: string;
  readonly at: string;
  readonly failedAt: string | null;
  readonly outcome: string;
  readonly failedStep: string | null;
  readonly code: string | null;
  readonly reason: string | null;
  readonly clientName: string | null;
  readonly spn: string | null;
  readonly account: string | null;
  readonly service: string | null;
  readonly address: string | null;
  readonly ticket: string | null;
  readonly etype: number | null;
  readonly kvno: number | null;
  readonly asks: number;
  readonly rules: readonly { readonly id: string; readonly says: string; readonly confidence: string }[];
  readonly confidence: string;
  readonly steps: readonly StepRow[];
  readonly evidence: readonly string[];
};

type ListOptions = { readonly kind?: string; readonly outcome?: string; readonly order?: string };

export const OUTCOMES = [
  'mutually-authenticated',
  'failed',
  'client-verified',
  'presented',
  'ticket-issued',
  'requested',
];
const FILTERS = [
  'forest',
  'account',
  'spn',
  'code',
  'since',
  'until',
  'asKnown',
  'limit',
  'cursor',
] as const satisfies readonly Filter[];

export const attemptColumns: readonly Column<AttemptRow>[] = [
  { head: 'AT', value: ({ at }) => at },
  { head: 'CLIENT → SERVICE, ATTEMPT', value: whoAndWhich, paint: dimLastLine },
  {
    head: 'OUTCOME',
    value: ({ outcome, failedStep, code }) =>
      outcome === 'failed' ? `failed in ${failedStep}\n${code}` : outcome.replaceAll('-', ' '),
    paint: (text, { outcome }, colors) =>
      outcome === 'failed' ? colors.red(text) : paintOutcome(text, outcome, colors),
  },
];

/** Two lines: who wanted to reach what, and the id under which `show` tells more. */
export function whoAndWhich({ clientName, spn, kind, id }: AttemptRow): string {
  const service = spn ?? (kind === 'logon' ? '(logon)' : '?');
  return `${clientName ?? '?'} → ${service}\n${id}`;
}

export function dimLastLine(text: string, _: unknown, colors: { dim(text: string): string }): string {
  const lines = text.split('\n');
  return [...lines.slice(0, -1), colors.dim(lines.at(-1) ?? '')].join('\n');
}

export function addAttemptsCommands(program: Command, sessions: Sessions): void {
  const attempts = program
    .command('attempts')
    .summary('authentication attempts, step by step')
    .description('Authentication attempts with their steps; each step is observed, inferred or was not seen.');

  addFilters(attempts.command('list', { isDefault: true }), FILTERS)
    .description('Attempts, the newest first.')
    .addOption(new Option('--outcome <outcome>', 'only these').choices(OUTCOMES))
    .addOption(
      new Option('--kind <kind>', 'attempts at services, refused logons, or all').choices(['service', 'logon', 'all']),
    )
    .addOption(new Option('--order <order>', 'by time').choices(['asc', 'desc']))
    .addHelpText(
      'after',
      '\nExamples:\n  kerbtrail attempts --spn HTTP/web1.corp.example\n  kerbtrail attempts --outcome failed --since 1d\nNext:\n  kerbtrail attempts show ID, kerbtrail failures',
    )
    .action(
      sessions.action<[], ListOptions>(async ({ client, output }, _, { kind, outcome, order, ...options }) => {
        const parameters = { ...filtersOf(options, FILTERS), kind, outcome, order };
        const page = await client.get<Page<AttemptRow>>('/v1/attempts', parameters);
        output.page(page, attemptColumns, 'no attempt');
      }),
    );

  attempts
    .command('show <id>')
    .description('One attempt: its steps, and the rules by which its records were joined.')
    .action(
      sessions.action<[string]>(async ({ client, output }, [id]): Promise<ExitCode | void> => {
        const attempt = await client.get<AttemptRow>(`/v1/attempts/${encodeURIComponent(id)}`);
        if (output.format === 'table') showAttempt(output, attempt);
        else output.record(attempt, []);
      }),
    );
}

export function showAttempt(output: Output, attempt: AttemptRow): void {
  output.record(attempt, [
    ['attempt', attempt.id],
    ['forest', attempt.forest],
    ['client', attempt.clientName],
    ['service', attempt.spn],
    ['ran as', attempt.service],
    ['outcome', attempt.outcome.replaceAll('-', ' ') + (attempt.failedStep ? ` in ${attempt.failedStep}` : '')],
    ['code', attempt.code],
    ['reason', attempt.reason],
    [
      'key',
      attempt.etype === null
        ? null
        : `etype ${attempt.etype}${attempt.kvno === null ? '' : `, version ${attempt.kvno}`}`,
    ],
    ['asked', attempt.asks > 1 ? `${attempt.asks} times` : null],
    ['confidence', attempt.confidence],
  ]);
  output.say();
  output.rows(attempt.steps, stepColumns, 'no step is known');
  if (attempt.rules.length > 0) output.say();
  for (const { id, says } of attempt.rules) output.say(output.colors.dim(`${id}: ${says}`));
}
