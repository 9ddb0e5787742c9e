/** `kerbtrail rebuild` and `kerbtrail doctor`: the read models built anew, and whether everything is as it should be. */
import type { Command } from 'commander';
import { CliError, EXIT, type ExitCode } from '../cli.error.js';
import { startProgress } from '../progress.js';
import type { Session, Sessions } from '../session.js';
import type { Column } from '../table.js';

type ProjectionRow = {
  readonly name: string;
  readonly position: number;
  readonly lag: number;
  readonly error?: { readonly position: number; readonly message: string };
};

type RebuildLine = {
  readonly progress?: { readonly position: number; readonly head?: number };
  readonly finished?: {
    readonly projection: string;
    readonly rebuiltTo: number;
    readonly digest: string;
    readonly position: number;
    readonly verified?: { readonly size: number; readonly root: string };
  };
  readonly failed?: { readonly code: string; readonly detail: string };
};

type Check = {
  readonly check: string;
  readonly status: 'ok' | 'warning' | 'failed';
  readonly detail: string;
  readonly next?: string;
};

/** How things stand is asked without waiting for the read models. */
const ANY_STATE = { after: undefined };

const projectionColumns: readonly Column<ProjectionRow>[] = [
  { head: 'PROJECTION', value: ({ name }) => name },
  { head: 'POSITION', value: ({ position }) => position, align: 'right' },
  { head: 'BEHIND', value: ({ lag }) => lag, align: 'right' },
  {
    head: 'STATE',
    value: ({ error }) => (error ? `stopped at ${error.position}: ${error.message}` : 'running'),
    paint: paintState,
  },
];

const rebuiltColumns: readonly Column<NonNullable<RebuildLine['finished']>>[] = [
  { head: 'PROJECTION', value: ({ projection }) => projection },
  { head: 'REBUILT TO', value: ({ rebuiltTo }) => rebuiltTo, align: 'right' },
  { head: 'DIGEST', value: ({ digest }) => digest },
];

const verifiedColumns: typeof rebuiltColumns = [
  ...rebuiltColumns,
  { head: 'ROOT', value: ({ verified }) => verified?.root ?? '' },
];

function paintState(text: string, { error }: ProjectionRow, colors: { red(text: string): string }): string {
  return error ? colors.red(text) : text;
}

export function addOperationCommands(program: Command, sessions: Sessions): void {
  program
    .command('rebuild [projection]')
    .summary('build a read model anew from the log')
    .description(
      'Build a read model anew beside the old one and swap them; without a name, say which there are. "all" rebuilds each.',
    )
    .option(
      '--verify',
      'publish it only if every event is what the newest checkpoint was signed over, and attest to it',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  kerbtrail rebuild\n  kerbtrail rebuild attempts\n  kerbtrail rebuild all --verify',
    )
    .action(
      sessions.action<[string | undefined], { verify?: true }>((session, [name], { verify = false }) =>
        rebuild(session, name, verify),
      ),
    );

  program
    .command('doctor')
    .summary('is everything as it should be?')
    .description('Checks of the server, each with what to do next. Exit code 1 when one of them failed.')
    .action(sessions.action((session) => examine(session)));
}

async function rebuild(session: Session, name: string | undefined, verify: boolean): Promise<void> {
  const { client, output } = session;
  const { rows } = await client.get<{ rows: readonly ProjectionRow[] }>('/v1/projections', ANY_STATE);
  if (name === undefined) {
    output.rows(rows, projectionColumns, 'no projection');
    output.say(output.colors.dim('kerbtrail rebuild NAME builds one anew'));
    return;
  }
  const names = name === 'all' ? rows.map((row) => row.name) : [name];
  const finished = [];
  for (const one of names) finished.push(await rebuildOne(session, one, verify));
  output.rows(finished, verify ? verifiedColumns : rebuiltColumns, '');
}

async function rebuildOne(
  { client, terminal }: Session,
  name: string,
  verify: boolean,
): Promise<NonNullable<RebuildLine['finished']>> {
  const { head } = await client.get<{ head: number }>('/ready', ANY_STATE);
  const progress = startProgress(name, head, terminal.stderr);
  try {
    const path = `/v1/projections/${encodeURIComponent(name)}/rebuild${verify ? '?verify=true' : ''}`;
    for await (const { progress: at, finished, failed } of client.lines<RebuildLine>('POST', path)) {
      if (at) progress.update(at.position, `position ${at.position.toLocaleString('en')}`);
      if (failed) {
        const exitCode = failed.code === 'EVIDENCE_MISMATCH' ? EXIT.findings : EXIT.environment;
        throw new CliError(exitCode, failed.code, `${name}: ${failed.detail}`, {
          next: 'the old read model stays in use',
        });
      }
      if (!finished) continue;
      client.readAfter(finished.position);
      return finished;
    }
  } finally {
    progress.stop();
  }
  throw new CliError(
    EXIT.environment,
    'REBUILD_BROKE_OFF',
    `the server ended the rebuild of ${name} without a result`,
    {
      next: 'the old read model is still there; rebuild again',
    },
  );
}

const SIGNS = { ok: '✓', warning: '!', failed: '✗' } as const;

async function examine({ client, output }: Session): Promise<ExitCode> {
  const { checks } = await client.get<{ checks: readonly Check[] }>('/v1/doctor', ANY_STATE);
  output.rows(
    checks,
    [
      {
        head: '',
        value: ({ status }) => SIGNS[status],
        paint: (text, { status }, colors) =>
          status === 'ok' ? colors.green(text) : status === 'failed' ? colors.red(text) : colors.yellow(text),
      },
      { head: 'CHECK', value: ({ check }) => check },
      { head: 'FOUND', value: ({ detail, next }) => (next ? `${detail}\nnext: ${next}` : detail) },
    ],
    'nothing to check',
  );
  return checks.some(({ status }) => status === 'failed') ? EXIT.findings : EXIT.ok;
}
