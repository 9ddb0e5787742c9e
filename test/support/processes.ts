/**
 * Real processes for tests of several: `node <args>` with its output kept, ready when a line of it says so, and ended
 * for certain. Nothing is left running when a test fails, as long as it calls `stop` in a finally or afterEach.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

export type TestProcess = {
  readonly pid: number;
  /** What it wrote so far, stdout and stderr as they came; the last megabyte. */
  output(): string;
  /** Waits for output that matches; throws with the output when the process ends or the deadline passes before. */
  waitFor(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray>;
  /** Sends the signal (default SIGTERM) and waits for the end; SIGKILL after 45 s. Gives the exit code or the signal. */
  stop(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals>;
  /** The exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
};

const OUTPUT_MAX = 1024 * 1024;
/** A start that shares two cores with other tests takes its time. */
const READY_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 45_000;

/** Starts `node` with these arguments; `env` is added to our own. Resolves once `readyWhen` was seen in the output. */
export async function startProcess(
  args: readonly string[],
  { env = {}, readyWhen, cwd }: { env?: NodeJS.ProcessEnv; readyWhen?: RegExp; cwd?: string } = {},
): Promise<TestProcess> {
  const child = spawn(process.execPath, args, { env: withoutTestFlags(env), cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  await once(child, 'spawn');
  let output = '';
  let running = true;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-OUTPUT_MAX);
      child.emit('output');
    });
  }
  const ended = new Promise<number | NodeJS.Signals>((resolve) => {
    child.once('close', (code, signal) => {
      running = false;
      resolve(code ?? signal ?? 'SIGKILL');
      child.emit('output');
    });
  });

  const waitFor = async (pattern: RegExp, timeoutMs = READY_TIMEOUT_MS): Promise<RegExpExecArray> => {
    const deadline = AbortSignal.timeout(timeoutMs);
    for (;;) {
      const match = pattern.exec(output);
      if (match) return match;
      if (!running) throw new Error(`node ${args.join(' ')} ended without ${pattern}:\n${output}`);
      await once(child, 'output', { signal: deadline }).catch(() => {
        throw new Error(`node ${args.join(' ')} did not print ${pattern} in ${timeoutMs} ms:\n${output}`);
      });
    }
  };
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    return ended.finally(() => clearTimeout(timer));
  };
  const started: TestProcess = { pid: child.pid!, output: () => output, waitFor, stop, ended };
  if (readyWhen) {
    try {
      await waitFor(readyWhen);
    } catch (error) {
      await stop('SIGKILL');
      throw error;
    }
  }
  return started;
}

/** Jest's own Node flags are not the program's. */
function withoutTestFlags(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _flags, JEST_WORKER_ID: _worker, ...inherited } = process.env;
  return { ...inherited, ...env };
}
