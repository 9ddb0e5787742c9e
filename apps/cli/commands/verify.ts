/** `kerbtrail verify`: is the log, or a bundle of evidence from it, what was signed? Recomputed here: no server is believed. */
import { BundleInvalid, NoteInvalid, parseEvidenceBundle, verifyEvidenceBundle } from '#tlog';
import { type Command, Option } from 'commander';
import { readFileSync } from 'node:fs';
import { CliError, environmentError, EXIT, type ExitCode, usageError } from '../cli.error.js';
import { reportBundle, reportLog } from '../evidence/report.js';
import { everTrusted, readVerifierKey } from '../evidence/trust.js';
import { verifyServer, type VerifyOptions } from '../evidence/verify-server.js';
import { wholeNumber } from '../filters.js';
import type { LocalSession, Sessions } from '../session.js';

const HELP = `
Examples:
  kerbtrail verify                                     the whole log
  kerbtrail verify --from 1200 --to 1300               a part; the rest is not read
  kerbtrail verify --witness /mnt/other/checkpoint     and against what the witness has seen
  kerbtrail verify evidence.json --key KEY             a bundle, without a server
The key that signs is trusted on first use and kept in trusted-logs.json of the data folder; --key gives the right one.
Exit code 1 when something is not what was signed: the first such event is named, and how it was changed.`;

const position = wholeNumber(1, Number.MAX_SAFE_INTEGER);

export function addVerifyCommand(program: Command, sessions: Sessions): void {
  const ofServer = sessions.action<[string | undefined], VerifyOptions>(async (session, _, options) =>
    reportLog(session.output, await verifyServer(session, options)),
  );
  const ofBundle = sessions.withoutServer<[string], VerifyOptions>((session, [file], options) =>
    verifyBundle(session, file, options),
  );
  program
    .command('verify [bundle]')
    .summary('is the log what was signed?')
    .description('Verify the log of the server, or a bundle of evidence, by nothing but its signed checkpoint.')
    .addOption(new Option('--from <position>', 'from this event on').argParser(position))
    .addOption(
      new Option('--to <position>', 'up to this event (default: all that the checkpoint covers)').argParser(position),
    )
    .option('--key <key>', 'the verifier key to trust, instead of the one that is trusted here')
    .option('--witness <file>', 'a checkpoint that was kept elsewhere: the log must go on from it')
    .addHelpText('after', HELP)
    .action((...given: unknown[]) => (given[0] === undefined ? ofServer : ofBundle)(...given));
}

function verifyBundle({ folder, output }: LocalSession, file: string, options: VerifyOptions): ExitCode {
  const { from, to, key, witness } = options;
  if ([from, to, witness].some((option) => option !== undefined)) {
    throw usageError('a bundle is verified whole: --from, --to and --witness are for the log');
  }
  const trusted = key === undefined ? everTrusted(folder) : [readVerifierKey(key)];
  const text = readBundleFile(file);
  try {
    return reportBundle(output, file, verifyEvidenceBundle(parseEvidenceBundle(text), trusted));
  } catch (cause) {
    if (!(cause instanceof BundleInvalid || cause instanceof NoteInvalid)) throw cause;
    throw new CliError(EXIT.findings, cause.code, `${file}: ${cause.message}`, {
      next:
        cause.code === 'TLOG_NOTE_UNVERIFIED'
          ? 'if the log is another one than those known here, give its key as the operator tells it: --key KEY'
          : 'it proves nothing as it is: ask for it again',
      cause,
    });
  }
}

function readBundleFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw environmentError('FILE_UNREADABLE', `${file} cannot be read: ${(cause as Error).message}`, { cause });
  }
}
