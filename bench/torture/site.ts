/**
 * Everything a torture run starts: server A with its embedded PostgreSQL, server B on the same database for a part of the
 * time, and writers, each a process of its own. What was killed is started again; all of it ends with the site.
 */
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createPool } from '#postgres';
import type { Pool } from 'pg';
import { startProcess, type TestProcess } from '../../test/support/processes.js';
import { createApi, type Api, PROGRAM, serverEnv } from '../../test/support/server.js';
import { type CuttablePort, openCuttablePort } from './cuttable-port.js';

const START_MS_MAX = 150_000;
const STARTS_MAX = 8;
const RETRY_MS = 500;
const LANES = 4;

export const WRITERS = ['appender-1', 'appender-2', 'appender-3', 'commander-1'] as const;
export type WriterName = (typeof WRITERS)[number];

export class Site {
  #a: TestProcess | undefined;
  #b: TestProcess | undefined;
  readonly #writers = new Map<WriterName, TestProcess>();
  /** Writers that ended by themselves, with what they said: each is a fault. */
  readonly broken: string[] = [];

  private constructor(
    readonly folder: string,
    readonly seed: number,
    readonly port: CuttablePort,
    private readonly say: (message: string) => void,
  ) {}

  /** `folder` must be one that the account of the embedded PostgreSQL can enter. */
  static async open(folder: string, seed: number, say: (message: string) => void): Promise<Site> {
    const site = new Site(folder, seed, await openCuttablePort(), say);
    await site.startA();
    return site;
  }

  get folderOfA(): string {
    return join(this.folder, 'a');
  }

  get data(): string {
    return join(this.folderOfA, 'postgres', 'data');
  }

  get hasB(): boolean {
    return this.#b !== undefined;
  }

  journal(writer: WriterName): string {
    return join(this.folder, `${writer}.journal`);
  }

  /** Process id of the running postmaster. */
  postmaster(): number {
    return Number(this.#postmasterLine(0));
  }

  /** Of the migration role, past the port whose connections are cut. */
  databaseUrl({ through = Number(this.#postmasterLine(3)) } = {}): string {
    const password = readFileSync(join(this.folder, 'a', 'postgres', 'password'), 'utf8');
    return `postgresql://kerbtrail_migration:${password}@127.0.0.1:${through}/kerbtrail`;
  }

  adminPool(): Pool {
    return createPool(this.databaseUrl(), { max: 2, applicationName: 'torture admin', asRole: 'none' });
  }

  api(): Api {
    const { url, token } = this.#local('a');
    return createApi(url, token);
  }

  async startA(): Promise<void> {
    this.#a = await this.#start('A', serverEnv(join(this.folder, 'a'), { env: { KERBTRAIL_LOG_LEVEL: 'warn' } }));
    this.port.forwardTo(Number(this.#postmasterLine(3)));
    this.#publish();
  }

  /** Begins to start A, and kills it after so many ms, wherever it then is. */
  async startAInVain(afterMs: number): Promise<void> {
    const env = serverEnv(join(this.folder, 'a'), { env: { KERBTRAIL_LOG_LEVEL: 'warn' } });
    const process = await startProcess([PROGRAM], { env });
    await delay(afterMs);
    await process.stop('SIGKILL');
  }

  async startB(): Promise<void> {
    const folder = join(this.folder, 'b');
    const keyEncryptionKey = readFileSync(join(this.folder, 'a', 'kek'), 'utf8').trim();
    const databaseUrl = this.databaseUrl({ through: this.port.port });
    const env = { KERBTRAIL_LOG_LEVEL: 'warn' };
    this.#b = await this.#start('B', serverEnv(folder, { databaseUrl, keyEncryptionKey, env }));
    this.#publish();
  }

  async stopA(signal: NodeJS.Signals): Promise<void> {
    await this.#a?.stop(signal);
  }

  async killB(): Promise<void> {
    await this.#b?.stop('SIGKILL');
  }

  async endB(): Promise<void> {
    const b = this.#b;
    this.#b = undefined;
    this.#publish();
    await b?.stop();
  }

  async startWriter(name: WriterName): Promise<void> {
    const [kind = ''] = name.split('-');
    const script = resolve(`dist/bench/torture/${kind}.js`);
    const where = kind === 'commander' ? this.#serversFile : this.databaseUrl({ through: this.port.port });
    const args = [script, where, this.journal(name), String(this.seed), name, String(LANES)];
    this.#writers.set(name, await startProcess(args, { readyWhen: /^writing$/m }));
  }

  async killWriter(name: WriterName): Promise<void> {
    const writer = this.#writers.get(name)!;
    this.#collect(name, writer);
    await writer.stop('SIGKILL');
  }

  /** Every lane of every writer ends with an answer. */
  async settleWriters(): Promise<void> {
    await Promise.all(
      [...this.#writers].map(async ([name, writer]) => {
        await writer.stop('SIGTERM');
        if (!/^settled$/m.test(writer.output())) this.#collect(name, writer);
      }),
    );
  }

  #collect(name: WriterName, writer: TestProcess): void {
    const said = writer.output().replace('writing\n', '').trim();
    if (said !== '') this.broken.push(`${name} ended: ${said}`);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#writers.values()].map((writer) => writer.stop('SIGKILL')));
    await this.#b?.stop('SIGKILL');
    await this.#a?.stop('SIGTERM');
    await this.port.close();
  }

  /** The sessions of a killed server need a moment to end, so a start may have to be tried again. */
  async #start(name: string, env: NodeJS.ProcessEnv): Promise<TestProcess> {
    for (let attempt = 1; ; attempt++) {
      const started = await startProcess([PROGRAM], { env });
      try {
        await started.waitFor(/^ready http\S+$/m, START_MS_MAX);
        return started;
      } catch (error) {
        await started.stop('SIGKILL');
        if (attempt === STARTS_MAX) throw error;
        this.say(`server ${name} did not start: ${started.output().trim().split('\n').at(-1)?.slice(0, 300)}`);
        await delay(RETRY_MS);
      }
    }
  }

  get #serversFile(): string {
    return join(this.folder, 'servers.json');
  }

  #publish(): void {
    const servers = this.#b ? [this.#local('a'), this.#local('b')] : [this.#local('a')];
    writeFileSync(`${this.#serversFile}.new`, JSON.stringify(servers));
    renameSync(`${this.#serversFile}.new`, this.#serversFile);
  }

  #local(server: 'a' | 'b'): { url: string; token: string } {
    return JSON.parse(readFileSync(join(this.folder, server, 'local.json'), 'utf8')) as { url: string; token: string };
  }

  #postmasterLine(n: number): string {
    return readFileSync(join(this.data, 'postmaster.pid'), 'utf8').split('\n')[n]!.trim();
  }
}

/** Children of a process, from /proc. */
export function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent;
      } catch {
        return false; // it ended meanwhile
      }
    });
}
