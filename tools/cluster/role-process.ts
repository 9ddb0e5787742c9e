/** One server process of a cluster: the built program with its roles, a data folder and a log file of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

const PROGRAM = resolve('dist/apps/server/main.js');
const READY_TIMEOUT_MS = 90_000;
const STOP_TIMEOUT_MS = 30_000;
const SAID_MAX = 4_096;

export class RoleProcess {
  readonly role: string;
  readonly log: string;
  #child: ChildProcess | undefined;
  #url = '';

  /** `name`: the role, and a number where there are several of it. */
  constructor(
    readonly name: string,
    readonly folder: string,
    private readonly env: NodeJS.ProcessEnv,
    private readonly detached: boolean,
  ) {
    this.role = name.replace(/-\d+$/, '');
    this.log = join(folder, 'server.log');
  }

  get url(): string {
    return this.#url;
  }

  /** Undefined while it does not run. */
  get pid(): number | undefined {
    return this.#isRunning() ? this.#child?.pid : undefined;
  }

  /** Resolves when it says that it is ready. */
  async start(): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    const log = await open(this.log, 'a', 0o600);
    const { NODE_OPTIONS: _flags, KERBTRAIL_PORT: port, ...inherited } = process.env; // tests run under flags of their own
    const child = spawn(process.execPath, [PROGRAM], {
      env: {
        ...inherited,
        ...this.env,
        KERBTRAIL_ROLES: this.role,
        KERBTRAIL_FOLDER: this.folder,
        KERBTRAIL_PORT: (this.role === 'api' && port) || '0',
      },
      stdio: ['ignore', 'pipe', log.fd],
      detached: this.detached,
    });
    this.#child = child;
    await log.close();
    this.#url = await this.#ready(child);
  }

  /** Asks it to end, makes it end when it does not, and waits for that. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#child;
    if (!child || !this.#isRunning()) return;
    const overdue = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    const exit = once(child, 'exit');
    child.kill(signal);
    await exit;
    clearTimeout(overdue);
  }

  #isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  async #ready(child: ChildProcess): Promise<string> {
    let said = '';
    const url = new Promise<string>((found) => {
      child.stdout!.setEncoding('utf8').on('data', (text: string) => {
        said = (said + text).slice(-SAID_MAX);
        const ready = /^ready (\S+)$/m.exec(said);
        if (ready) found(ready[1]!);
      });
    });
    let timer: NodeJS.Timeout | undefined;
    const overdue = new Promise<string>((found) => (timer = setTimeout(() => found(''), READY_TIMEOUT_MS)));
    const ready = await Promise.race([url, once(child, 'exit').then(() => ''), overdue]);
    clearTimeout(timer);
    if (ready !== '') return ready;
    await this.stop('SIGKILL');
    const tail = (await readFile(this.log, 'utf8')).slice(-SAID_MAX);
    throw new Error(`${this.name} did not become ready; the end of what it said:\n${tail}`);
  }
}
