/**
 * Why a command of the command line ended badly, in a form that a person and a script can both use: a stable code, what
 * happened, what to do next, and the exit code (stack conventions: 1 findings or refused, 2 usage, 3 environment).
 */

export const EXIT = { ok: 0, findings: 1, usage: 2, environment: 3 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

type Details = { readonly next?: string | undefined; readonly cause?: unknown };

export class CliError extends Error {
  override readonly name = 'CliError';
  /** What to do next, as one sentence or one command. */
  readonly next: string | undefined;

  constructor(
    readonly exitCode: ExitCode,
    readonly code: string,
    message: string,
    { next, cause }: Details = {},
  ) {
    super(message, { cause });
    this.next = next;
  }
}

/** The command was written wrongly; nothing was sent. */
export function usageError(message: string, next?: string): CliError {
  return new CliError(EXIT.usage, 'USAGE', message, { next });
}

/** Something around the program is not as it must be: no server, a file that cannot be read, a full disk. */
export function environmentError(code: string, message: string, details: Details = {}): CliError {
  return new CliError(EXIT.environment, code, message, details);
}
