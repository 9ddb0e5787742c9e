/**
 * What every command is given: the server's client, the output, the data folder, and a promise that whatever was started
 * for it ends with it, whether it returns, fails or is interrupted.
 */
import type { Command } from 'commander';
import { readFileSync } from 'node:fs';
import { Client } from './client.js';
import { CliError, environmentError, EXIT, type ExitCode } from './cli.error.js';
import { type Folder, openFolder } from './folder.js';
import { createOutput, type Format, type Output } from './output.js';
import { ServerProblem } from './problem.js';
import { type RunningServer, useServer } from './server-process.js';

export type Terminal = {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
};

export type Session = {
  readonly terminal: Terminal;
  readonly folder: Folder;
  readonly output: Output;
  readonly server: RunningServer;
  readonly client: Client;
  /** Done when the command ends, however it ends; the last one first. */
  atEnd(cleanUp: () => Promise<void>): void;
};

export type GlobalOptions = { readonly output: Format; readonly after?: number; readonly tokenFile?: string };

/** What a command has that needs no server. */
export type LocalSession = Pick<Session, 'terminal' | 'folder' | 'output'>;

/** Gives the exit code; nothing means 0. */
type Work<Arguments, Options> = (
  session: Session,
  args: Arguments,
  options: Options & GlobalOptions,
) => Promise<ExitCode | void>;

type Serving = {
  /** The command goes on until it is told to stop: an interruption is its normal end. */
  readonly serves?: boolean;
  readonly port?: () => Promise<number>;
};

/** Ctrl-C, or SIGTERM. */
export class Interrupted extends Error {
  constructor(readonly signal: 'SIGINT' | 'SIGTERM') {
    super(signal);
  }
}

export class Sessions {
  constructor(readonly terminal: Terminal) {}

  /** An action for commander, whose last two arguments are the options and the command. */
  action<Arguments extends readonly unknown[], Options = object>(
    work: Work<Arguments, Options>,
    serving: Serving = {},
  ) {
    return async (...given: unknown[]): Promise<void> => {
      const command = given.at(-1) as Command;
      const options = command.optsWithGlobals<Options & GlobalOptions>();
      const exitCode = await this.run(
        (session) => work(session, given.slice(0, -2) as never, options),
        options,
        serving,
      );
      process.exitCode = exitCode ?? EXIT.ok;
    };
  }

  /** An action on files alone: no server is asked, none is started. */
  withoutServer<Arguments extends readonly unknown[], Options = object>(
    work: (session: LocalSession, args: Arguments, options: Options & GlobalOptions) => ExitCode | Promise<ExitCode>,
  ) {
    return async (...given: unknown[]): Promise<void> => {
      const options = (given.at(-1) as Command).optsWithGlobals<Options & GlobalOptions>();
      const { env, cwd } = this.terminal;
      const output = createOutput(this.terminal, options.output);
      const session = { terminal: this.terminal, folder: openFolder(env, cwd), output };
      process.exitCode = await work(session, given.slice(0, -2) as never, options);
    };
  }

  private async run(
    work: (session: Session) => Promise<ExitCode | void>,
    options: GlobalOptions,
    { serves = false, port }: Serving,
  ): Promise<ExitCode | void> {
    const { env, cwd } = this.terminal;
    const output = createOutput(this.terminal, options.output);
    const folder = openFolder(env, cwd);
    const interruption = watchSignals();
    const cleanUps: (() => Promise<void>)[] = [];
    let interrupted = false;
    try {
      const token = options.tokenFile === undefined ? undefined : readToken(options.tokenFile);
      const server = await useServer(folder, env, { token, port: await port?.() });
      cleanUps.push(() => server.release({ now: interrupted || serves }));
      for (const notice of server.notices) output.note(notice);
      const client = new Client(server, {
        after: options.after,
        onWait: (reason) => output.note(`${reason} Waiting.`),
      });
      cleanUps.push(async () => client.leave());
      if (options.after === undefined) await readToHead(client);
      const atEnd = (step: () => Promise<void>) => void cleanUps.push(step);
      const session = { terminal: this.terminal, folder, output, server, client, atEnd };
      return await Promise.race([work(session), interruption.happens, gone(server)]);
    } catch (error) {
      interrupted = error instanceof Interrupted;
      if (interrupted && serves) return EXIT.ok;
      throw error;
    } finally {
      for (let step = cleanUps.pop(); step; step = cleanUps.pop()) await step();
      interruption.unwatch();
    }
  }
}

/**
 * Lets queries wait for everything that is in the log by now: what the command before this one did, what other processes wrote,
 * what the read models of a server that has just started had not read yet. A server that is not ready says so itself.
 */
export async function readToHead(client: Client): Promise<void> {
  try {
    const { head } = await client.get<{ head: number }>('/ready', { after: undefined });
    client.readAfter(head);
  } catch (error) {
    if (!(error instanceof ServerProblem)) throw error;
  }
}

/** A server of ours that ends before the command does takes the command with it. */
async function gone(server: RunningServer): Promise<never> {
  await server.ended;
  throw environmentError('SERVER_GONE', 'the server ended while the command was running', {
    next: 'see server.log in the data folder',
  });
}

function watchSignals(): { readonly happens: Promise<never>; unwatch(): void } {
  let onSignal: (signal: NodeJS.Signals) => void = () => {};
  const happens = new Promise<never>((_, reject) => {
    onSignal = (signal) => reject(new Interrupted(signal as 'SIGINT' | 'SIGTERM'));
  });
  happens.catch(() => undefined); // nobody may be waiting for it any more
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  return { happens, unwatch: () => void process.off('SIGINT', onSignal).off('SIGTERM', onSignal) };
}

function readToken(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (cause) {
    throw new CliError(EXIT.usage, 'TOKEN_FILE', `the token file cannot be read: ${(cause as Error).message}`, {
      cause,
    });
  }
}
