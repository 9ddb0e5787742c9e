/**
 * A contender is a process of its own that serves named cases over IPC: emmett changes pg's parsers for the whole process, and
 * nobody's garbage is another's pause. Only one case of one contender runs at a time.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Measured } from './measure.js';

/** `count` events of a run, or so many `callers` for `forMs`; what a case does not need it ignores. */
export type Load = { readonly callers: number; readonly forMs: number; readonly count: number };

export type Cases = Readonly<Record<string, (load: Load) => Promise<Measured>>>;

type Request = { readonly name: string; readonly load: Load };
type Reply = { readonly measured: Measured } | { readonly failed: string } | { readonly ready: true };

/** In the contender's process: serves its cases until the parent lets go. */
export function serve(cases: Cases): void {
  process.on('message', ({ name, load }: Request) => {
    const run = cases[name] ?? (() => Promise.reject(new Error(`no case ${name}`)));
    run(load).then(
      (measured) => process.send!({ measured } satisfies Reply),
      (error: unknown) => process.send!({ failed: String((error as Error).stack ?? error) } satisfies Reply),
    );
  });
  process.on('disconnect', () => process.exit(0));
  process.send!({ ready: true } satisfies Reply);
}

export class Contender {
  private constructor(
    readonly name: string,
    private readonly child: ChildProcess,
  ) {}

  static async start(name: string, script: string, args: readonly string[]): Promise<Contender> {
    const child = fork(script, [...args], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const contender = new Contender(name, child);
    await contender.#reply();
    return contender;
  }

  async run(name: string, load: Load): Promise<Measured> {
    this.child.send({ name, load } satisfies Request);
    const reply = await this.#reply();
    if ('measured' in reply) return reply.measured;
    throw new Error(`${this.name}, ${name}: ${'failed' in reply ? reply.failed : 'no measurement'}`);
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null) return;
    this.child.disconnect();
    await once(this.child, 'exit');
  }

  #reply(): Promise<Reply> {
    const { child } = this;
    return new Promise((resolve) => {
      const answered = (reply: Reply): void => {
        child.off('message', answered).off('exit', ended);
        resolve(reply);
      };
      const ended = (code: number | null): void => answered({ failed: `the process ended (${code})` });
      child.on('message', answered).on('exit', ended);
    });
  }
}
