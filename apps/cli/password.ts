/**
 * Passwords and tokens never come by argument, where every process of the machine can read them: they come from standard input, from
 * an environment variable, or from a prompt that does not echo.
 */
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { usageError } from './cli.error.js';

export type PasswordSource = {
  readonly stdin: NodeJS.ReadStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: NodeJS.ProcessEnv;
  /** --password-stdin */
  readonly fromStdin?: boolean | undefined;
};

export const PASSWORD_VARIABLE = 'KERBTRAIL_PASSWORD';
const PASSWORD_BYTES_MAX = 4_096;

/** `confirm`: a new password is asked for twice. Throws a usage error when there is no way to get one. */
export async function readPassword(source: PasswordSource, prompt: string, { confirm = false } = {}): Promise<string> {
  const { stdin, stderr, env, fromStdin } = source;
  const fromEnvironment = env[PASSWORD_VARIABLE];
  if (fromStdin) return readAll(stdin);
  if (fromEnvironment) return fromEnvironment;
  if (!stdin.isTTY) {
    throw usageError('there is no terminal to ask for the password', `--password-stdin, or set ${PASSWORD_VARIABLE}`);
  }
  const password = await ask(stdin, stderr, `${prompt}: `);
  if (confirm && (await ask(stdin, stderr, 'once more: ')) !== password) throw usageError('the two passwords differ');
  return password;
}

/** One line break at the end belongs to the way it was sent. */
async function readAll(stdin: NodeJS.ReadStream): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stdin as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > PASSWORD_BYTES_MAX) throw usageError(`a password has at most ${PASSWORD_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  const password = Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '');
  if (password === '') throw usageError('standard input held no password');
  return password;
}

function ask(input: NodeJS.ReadStream, stderr: NodeJS.WriteStream, prompt: string): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input, output: silent, terminal: true });
  stderr.write(prompt);
  return new Promise<string>((resolve, reject) => {
    lines.once('line', resolve);
    lines.once('SIGINT', () => reject(usageError('no password was given')));
    lines.once('close', () => reject(usageError('no password was given')));
  }).finally(() => {
    lines.close();
    stderr.write('\n');
  });
}
