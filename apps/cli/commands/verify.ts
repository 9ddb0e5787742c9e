/** `kerbtrail verify`: is the log, or a bundle of evidence from it, what was signed? Recomputed here: no server is believed. */
import { BundleInvalid, NoteInvalid, parseEvidenceBundle, verifyEvidenceBundle } from '#tlog';
import { type Command, Option } from 'commander';
import { readFileSync } from 'node:fs';
import { CliError, environmentError, EXIT, type ExitCode, usageError } from '../cli.error.js';
import { reportBundle, reportLog } from '../evidence/report.js';
import { everTrusted, readVerifierKey } from '../evidence/trust.js';
import { verifyServer, type VerifyOptions } from '../evidence/verify-server.js';
import { wholeNumber } from '../filters.js';
import { reportSegments } from '../segments/report-segments.js';
import { type SegmentsOptions, verifySegments } from '../segments/verify-segments.js';
import type { LocalSession, Sessions } from '../session.js';

const HELP = `
Examples:
  kerbtrail verify                                     the whole log
  kerbtrail verify --from 1200 --to 1300               a part; the rest is not read
  kerbtrail verify --witness /mnt/other/checkpoint     and against what the witness has seen
  kerbtrail verify evidence.json --key KEY             a bundle, without a server
  kerbtrail verify --segments DIR --checkpoint FILE    sealed files of archived events, without a server or database
The key that signs is trusted on first use and kept in trusted-logs.json of the data folder; --key gives the right one.
Exit code 1 when something is not what was signed: the first such event is named, and how it was changed.`;

const position = wholeNumber(1, Number.MAX_SAFE_INTEGER);

type Options = VerifyOptions & Partial<SegmentsOptions>;

export function addVerifyCommand(program: Command, sessions: Sessions): void {
  const ofServer = sessions.action<[string | undefined], VerifyOptions>(async (session, _, options) =>
    reportLog(session.output, await verifyServer(session, options)),
  );
  const ofBundle = sessions.withoutServer<[string], Options>((session, [file], options) =>
    verifyBundle(session, file, options),
  );
  const ofSegments = sessions.withoutServer<[string | undefined], Options & SegmentsOptions>(
    async (session, [file], options) => {
      refuseOptions(options, ['from', 'to', 'witness'], 'sealed files are verified whole, by --checkpoint');
      if (file !== undefined) throw usageError('a bundle and --segments are verified one at a time');
      return reportSegments(session.output, await verifySegments(session, options));
    },
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
    .option('--segments <folder>', 'sealed files instead of a server')
    .option(
      '--checkpoint <file...>',
      'checkpoints that the sealed files must have the roots of, such as a copy of the witness',
    )
    .option('--tiles <folder>', 'what kerbtrail evidence tiles wrote: it proves sealed files one by one')
    .addHelpText('after', HELP)
    .action((...given: unknown[]) => {
      const { segments, checkpoint, tiles } = (given.at(-1) as Command).opts<Options>();
      if (segments !== undefined) return ofSegments(...given);
      if (checkpoint ?? tiles) throw usageError('--checkpoint and --tiles are for --segments; the log has --witness');
      return (given[0] === undefined ? ofServer : ofBundle)(...given);
    });
}

function refuseOptions(options: Options, refused: readonly (keyof Options)[], reason: string): void {
  const given = refused.filter((name) => options[name] !== undefined).map((name) => `--${name}`);
  if (given.length > 0) throw usageError(`${reason}: ${given.join(', ')} is for the log of a server`);
}

function verifyBundle({ folder, output }: LocalSession, file: string, options: Options): ExitCode {
  const { key } = options;
  refuseOptions(options, ['from', 'to', 'witness'], 'a bundle is verified whole');
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
