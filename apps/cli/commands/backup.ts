/**
 * `kerbtrail backup` and `kerbtrail restore`: the embedded database as a folder of files, and back. Both run the server's
 * program with that task on this machine: a server never opens a path that it is told.
 */
import type { Command } from 'commander';
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { environmentError, usageError } from '../cli.error.js';
import { openFolder } from '../folder.js';
import { createOutput } from '../output.js';
import { SERVER } from '../server-process.js';
import type { GlobalOptions, Session, Sessions, Terminal } from '../session.js';

type TakenBackup = {
  readonly manifest: string;
  readonly logSize: number;
  readonly files: number;
  readonly bytes: number;
};

type Restored = { readonly folder: string; readonly logSize: number; readonly takenAt: string };

export function addBackupCommands(program: Command, sessions: Sessions): void {
  program
    .command('backup <folder>')
    .summary('copy the embedded database into a new folder')
    .description(
      'Take a base backup of the embedded database into a new folder, while the server goes on. Recorded as an event.\n' +
        'The key-encryption key is not in it: kerbtrail key export, and keep that file elsewhere.',
    )
    .addHelpText('after', '\nExample:\n  kerbtrail backup /backups/kerbtrail-2026-11-22')
    .action(sessions.action<[string]>((session, [folder]) => backUp(session, folder)));

  program
    .command('restore <folder>')
    .summary('make a data folder of a backup')
    .description(
      'Make a new data folder of a backup: checked against its manifest, recovered once, never over another.',
    )
    .requiredOption('--into <folder>', 'the new data folder; absent or empty')
    .addHelpText('after', '\nExample:\n  kerbtrail restore /backups/kerbtrail-2026-11-22 --into .kerbtrail-restored')
    .action(async (folder: string, { into }: { readonly into: string }, command: Command) =>
      restore(sessions.terminal, folder, into, command.optsWithGlobals<GlobalOptions>()),
    );
}

async function backUp({ terminal, folder, client, output }: Session, target: string): Promise<void> {
  if (terminal.env['KERBTRAIL_URL']) {
    throw usageError('a backup is taken on the machine of the server', 'run this there, without KERBTRAIL_URL');
  }
  const taken = await runTask<TakenBackup>(terminal, ['backup', resolve(terminal.cwd, target)], folder.path);
  await client.command('POST', '/v1/backups', taken);
  output.record(taken, [
    ['written to', target],
    ['events', taken.logSize],
    ['files', taken.files],
    ['bytes', taken.bytes],
    ['manifest', taken.manifest],
  ]);
  output.say(output.colors.dim('Without the key-encryption key it authenticates nobody: kerbtrail key export'));
}

async function restore(terminal: Terminal, backup: string, into: string, options: GlobalOptions): Promise<void> {
  const { cwd, env } = terminal;
  const target = resolve(cwd, into);
  const restored = await runTask<Restored>(
    terminal,
    ['restore', resolve(cwd, backup), target],
    openFolder(env, cwd).path,
  );
  const output = createOutput(terminal, options.output);
  output.record(restored, [
    ['data folder', into],
    ['events', restored.logSize],
    ['as of', restored.takenAt],
  ]);
  output.say(
    output.colors.dim(`Put the exported key into ${into}/kek, then: KERBTRAIL_FOLDER=${into} kerbtrail doctor`),
  );
}

/** One line of JSON of the server's program; what it says when it fails is the error. */
async function runTask<Result>({ env }: Terminal, task: readonly string[], folder: string): Promise<Result> {
  const child = spawn(process.execPath, [SERVER, ...task], {
    env: { ...env, KERBTRAIL_FOLDER: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  let failure = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (failure += text));
  const exitCode = await new Promise((done) => child.once('error', () => done(null)).once('close', done));
  if (exitCode === 0) return JSON.parse(said) as Result;
  const reason = failure.trim().replace(/^kerbtrail: /, '') || `it ended with ${String(exitCode)}`;
  throw environmentError(task[0] === 'backup' ? 'BACKUP_FAILED' : 'RESTORE_FAILED', reason);
}
