/**
 * Problems (RFC 9457) that the server answers with, as errors of the command line: the code and the detail are the server's own
 * words, the exit code and what to do next are ours.
 */
import { CliError, EXIT, type ExitCode } from './cli.error.js';

export type ProblemDocument = {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly [field: string]: unknown;
};

/** What the server said no to, with its fields (`holders`, `etypeInfo`, …). */
export class ServerProblem extends CliError {
  constructor(readonly problem: ProblemDocument) {
    super(exitCodeOf(problem), problem.code, problem.detail, { next: nextStep[problem.code] });
  }
}

const nextStep: Readonly<Record<string, string>> = {
  TOKEN_REQUIRED: 'unset KERBTRAIL_TOKEN to use the token of the local server, or ask an operator for another',
  ROLE_REQUIRED: 'an operator makes one: kerbtrail token create --help; use it with --token-file or KERBTRAIL_TOKEN',
  DIR_FOREST_UNKNOWN: 'kerbtrail forest list',
  DIR_DOMAIN_UNKNOWN: 'kerbtrail forest show FOREST',
  DIR_ACCOUNT_UNKNOWN: 'kerbtrail account list',
  DIR_FOREST_OBSERVED: 'make a forest of your own: kerbtrail forest create --help',
  PROJECTION_BEHIND: 'ask again in a moment; kerbtrail doctor says how far the read models are',
  PROJECTION_STOPPED: 'kerbtrail doctor',
  ES_LOG_BUSY: 'ask again in a moment',
  ES_LOG_UNAVAILABLE: 'kerbtrail doctor',
  AUTH_LOGON_UNKNOWN: 'log on again: kerbtrail auth try --new-logon …',
  OPS_SOURCE_BOUND: 'name the source yourself: kerbtrail import --source NAME …',
  OPS_DEAD_LETTER_UNKNOWN: 'kerbtrail dlq list --status all',
  OPS_DEAD_LETTER_SETTLED: 'kerbtrail dlq list',
  PROJ_INVALID_CURSOR: 'leave --cursor out to start again',
  INTERNAL: 'see .kerbtrail/server.log, or the log of the server that KERBTRAIL_URL names',
};

/** An answer that is not a problem document (a proxy's page, say) still becomes one. */
export function readProblem(status: number, body: string): ProblemDocument {
  try {
    const value = JSON.parse(body) as Partial<ProblemDocument>;
    if (typeof value.code === 'string' && typeof value.detail === 'string')
      return { ...value, status } as ProblemDocument;
  } catch {
    // told below
  }
  const beginning = body.replaceAll(/\s+/g, ' ').trim().slice(0, 200);
  const detail = `the server answered ${status}${beginning ? `: ${beginning}` : ''}; is this a Kerbtrail server?`;
  return { status, code: `HTTP_${status}`, detail };
}

function exitCodeOf({ status }: ProblemDocument): ExitCode {
  if (status === 400) return EXIT.usage;
  return status === 401 || status >= 500 ? EXIT.environment : EXIT.findings;
}
