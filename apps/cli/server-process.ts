/**
 * The server that a command talks to: the one that KERBTRAIL_URL names, the one that runs in the data folder, or, when there is
 * none, an embedded one that is started for the time of the command and stopped after it.
 *
 * Each command that uses the folder's server says so by a file named after its process; whoever started the server waits for
 * the others before stopping it, so that two commands side by side do not take the server from each other.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Server } from './client.js';
import { environmentError } from './cli.error.js';
import { type Folder, readPrivateFile } from './folder.js';

export type RunningServer = Server & {
  /** True when this command started it. */
  readonly isOurs: boolean;
  /** What a server of ours had to say when it started, such as that it found a database left running. */
  readonly notices: readonly string[];
  /** Ends the use of it; a server of ours is stopped, after other commands are done with it unless `now`. */
  release(how?: { readonly now: boolean }): Promise<void>;
  /** Resolves when a server of ours ended by itself. */
  readonly ended: Promise<void>;
};

type LocalFile = { readonly url: string; readonly pid: number; readonly token: string };

/** The server's program. */
export const SERVER = fileURLToPath(new URL('../server/main.js', import.meta.url));
const START_TIMEOUT_MS = 120_000;
const STOP_TIMEOUT_MS = 30_000;
const POLL_MS = 100;
/** pino's levels. */
const WARNING = 40;
const ERROR = 50;
const NEVER = new Promise<void>(() => {});

/** `port` of a server that has to be started: default any free one. `token` overrides the local operator's. */
export async function useServer(
  folder: Folder,
  env: NodeJS.ProcessEnv,
  { port = 0, token }: { port?: number | undefined; token?: string | undefined } = {},
): Promise<RunningServer> {
  const url = env['KERBTRAIL_URL'];
  const given = token ?? env['KERBTRAIL_TOKEN'];
  if (url) {
    if (given) return { url, token: given, isOurs: false, notices: [], ended: NEVER, release: async () => {} };
    throw environmentError('TOKEN_MISSING', `KERBTRAIL_URL names ${url}, but no token is given`, {
      next: 'set KERBTRAIL_TOKEN or use --token-file',
    });
  }
  const leave = announce(folder);
  try {
    const server = await findOrStart(folder, env, port);
    return {
      ...server,
      token: given ?? server.token,
      release: async ({ now } = { now: false }) => {
        leave();
        if (server.isOurs && !now) await othersDone(folder);
        await server.stop();
      },
    };
  } catch (error) {
    leave();
    throw error;
  }
}

type Found = Pick<RunningServer, 'url' | 'token' | 'isOurs' | 'notices' | 'ended'> & { stop(): Promise<void> };

/** Another command may be starting or stopping the server at this very moment: then it is waited for. */
async function findOrStart(folder: Folder, env: NodeJS.ProcessEnv, port: number): Promise<Found> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    const running = await findRunning(folder);
    if (running) return { ...running, isOurs: false, notices: [], ended: NEVER, stop: async () => {} };
    try {
      return await start(folder, env, port);
    } catch (error) {
      if (!(error instanceof FolderTaken) || Date.now() >= deadline) throw error;
      await delay(POLL_MS);
    }
  }
}

/** The server of this folder, if its process lives and it answers. */
export async function findRunning(folder: Folder): Promise<(Server & { readonly pid: number }) | undefined> {
  const local = readPrivateFile<LocalFile>(folder.localFile);
  if (!local || !isAlive(local.pid)) return undefined;
  try {
    const { ok } = await fetch(new URL('/health', local.url), { signal: AbortSignal.timeout(5_000) });
    return ok ? local : undefined;
  } catch {
    return undefined;
  }
}

class FolderTaken extends Error {}

async function start(folder: Folder, env: NodeJS.ProcessEnv, port: number): Promise<Found> {
  mkdirSync(folder.path, { recursive: true });
  const log = openSync(folder.serverLog, 'a', 0o600);
  const logBegin = statSync(folder.serverLog).size;
  const child = spawn(process.execPath, [SERVER], {
    env: { ...env, KERBTRAIL_FOLDER: folder.path, KERBTRAIL_PORT: env['KERBTRAIL_PORT'] ?? String(port) },
    stdio: ['ignore', 'pipe', log],
    detached: true, // Ctrl-C is ours to hand on, when the command is done with the server
  });
  closeSync(log);
  const ended = new Promise<void>((resolve) => void child.once('close', () => resolve()));
  try {
    await ready(child, ended);
  } catch (cause) {
    await stop(child, ended);
    throw startFailed(readLog(folder, logBegin), folder, cause);
  }
  const local = readPrivateFile<LocalFile>(folder.localFile);
  if (!local) throw environmentError('SERVER_START', `the server started but wrote no ${folder.localFile}`);
  const notices = logged(readLog(folder, logBegin))
    .filter(({ level }) => level >= WARNING && level < ERROR)
    .map(({ message }) => message);
  return { ...local, isOurs: true, notices, ended, stop: () => stop(child, ended) };
}

/** The server says `ready <url>` in its first line on standard output. */
async function ready(child: ChildProcess, ended: Promise<void>): Promise<void> {
  const said = new Promise<void>((resolve) => {
    let output = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-4_096);
      if (/^ready \S+/m.test(output)) resolve();
    });
  });
  const failed = (reason: string) => {
    throw new Error(reason);
  };
  await Promise.race([
    said,
    once(child, 'error').then(([error]) => failed((error as Error).message)),
    ended.then(() => failed('it ended')),
    delay(START_TIMEOUT_MS, undefined, { ref: false }).then(() =>
      failed(`not ready after ${START_TIMEOUT_MS / 1000} s`),
    ),
  ]);
}

function startFailed(log: string, folder: Folder, cause: unknown): Error {
  const said = logged(log).filter(({ level }) => level >= ERROR);
  const telling = said.findLast(({ message }) => /error/i.test(message)) ?? said.at(-1);
  const reason = telling?.message ?? (cause instanceof Error ? cause.message : String(cause));
  if (reason.includes('FOLDER_IN_USE') || /already works in/.test(reason)) return new FolderTaken(reason);
  return environmentError('SERVER_START', `the server did not start: ${reason}`, {
    next: `see ${folder.serverLog}`,
    cause,
  });
}

function readLog(folder: Folder, from: number): string {
  return readFileSync(folder.serverLog).subarray(from).toString('utf8');
}

type LogLine = { readonly level: number; readonly message: string };

/** The lines of a server's log; what is no JSON line is what it said when it could not go on. */
function logged(log: string): LogLine[] {
  const lines = log.split('\n').filter((line) => line.trim() !== '');
  return lines.map((line) => {
    try {
      const { level = 0, msg = '' } = JSON.parse(line) as { level?: number; msg?: string };
      return { level, message: msg };
    } catch {
      return { level: ERROR, message: line.trim().replace(/^kerbtrail: /, '') };
    }
  });
}

async function stop(child: ChildProcess, ended: Promise<void>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const late = delay(STOP_TIMEOUT_MS, 'late' as const, { ref: false });
  if ((await Promise.race([ended, late])) !== 'late') return;
  child.kill('SIGKILL');
  await ended;
}

/** Leaves a file that says "this process uses the server"; gives what removes it. */
function announce(folder: Folder): () => void {
  mkdirSync(folder.commands, { recursive: true });
  const own = join(folder.commands, String(process.pid));
  writeFileSync(own, '');
  return () => rmSync(own, { force: true });
}

async function othersDone(folder: Folder): Promise<void> {
  for (;;) {
    const others = readdirSync(folder.commands).map(Number);
    for (const pid of others) if (!isAlive(pid)) rmSync(join(folder.commands, String(pid)), { force: true });
    if (!others.some(isAlive)) return;
    await delay(POLL_MS);
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
