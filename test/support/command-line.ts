/** The built `kerbtrail` program as a process: run to its end, with what it said on both streams. */
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';

export const COMMAND_LINE = resolve('dist/apps/cli/main.js');

export type Ran = { readonly exitCode: number | null; readonly stdout: string; readonly stderr: string };

export type RunOptions = { readonly env?: NodeJS.ProcessEnv; readonly stdin?: string };

/** `env` is added to ours; a variable set to undefined is taken away. */
export function runCommandLine(args: readonly string[], { env = {}, stdin = '' }: RunOptions = {}): Promise<Ran> {
  const { NODE_OPTIONS: _flags, ...inherited } = process.env;
  const child = spawn(process.execPath, [COMMAND_LINE, ...args], { env: { ...inherited, ...env } });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.on('error', () => {}).end(stdin); // a command that does not read it may be gone already
  return new Promise((done, failed) => {
    child.once('error', failed);
    child.once('close', (exitCode) => done({ exitCode, stdout, stderr }));
  });
}
