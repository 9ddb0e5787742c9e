#!/usr/bin/env node
/** The `kerbtrail` program: reads its arguments, runs one command, and ends with its exit code. */
import { KerberosError } from '#kerberos';
import { SpnSyntaxError } from '#spn';
import { BundleInvalid, NoteInvalid, TileInvalid } from '#tlog';
import { CommanderError } from 'commander';
import { CliError, EXIT, usageError } from './cli.error.js';
import { createOutput } from './output.js';
import { createProgram } from './program.js';
import { Interrupted, type Terminal } from './session.js';
import { rewriteSetspn } from './setspn.js';

const terminal: Terminal = {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  cwd: process.cwd(),
};

/** A reader that has seen enough (`| head`) is not an error. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.environment);
});

try {
  await createProgram(terminal).parseAsync([...rewriteSetspn(process.argv.slice(2))], { from: 'user' });
} catch (error) {
  process.exitCode = explain(error);
}

function explain(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage; // commander has said it
  if (error instanceof Interrupted) return error.signal === 'SIGINT' ? 130 : 143;
  const known = isForgery(error)
    ? new CliError(EXIT.findings, error.code, error.message, { cause: error })
    : error instanceof SpnSyntaxError || error instanceof KerberosError
      ? usageError(error.message)
      : error instanceof CliError
        ? error
        : new CliError(EXIT.environment, 'INTERNAL', String((error as Error).stack ?? error), {
            next: 'this is a mistake of the program: please report it',
          });
  createOutput(terminal, 'table').fail(known);
  return known.exitCode;
}

/** What a server gave as evidence, and is none. */
function isForgery(error: unknown): error is NoteInvalid | TileInvalid | BundleInvalid {
  return error instanceof NoteInvalid || error instanceof TileInvalid || error instanceof BundleInvalid;
}
