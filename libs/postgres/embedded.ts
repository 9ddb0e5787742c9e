/**
 * The embedded default: a real PostgreSQL of our own in one folder, for those who have none. `data/` is the cluster,
 * `password` (0600) the login made at first start, `server.log` the output of the last start. It listens on 127.0.0.1
 * alone, on a free port; fsync stays on. It outlives a killed parent, and the next start then adopts it.
 * One process at a time owns a folder: it holds an advisory lock in the server for as long as it lives.
 */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chown, mkdir, mkdtemp, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { EmbeddedPostgresFailed, EmbeddedPostgresInUse } from './embedded.error.js';
import { findAccount, findPrograms, lastLines, run, type Account, type Programs } from './embedded-server.js';
import { disownPostmaster, findPostmaster } from './postmaster.js';

export type EmbeddedPostgres = {
  /** Logs in as the migration role (the cluster's superuser) to the database `kerbtrail`. Holds the password: never log it. */
  readonly url: string;
  /** An earlier run of ours was killed and left this server running. */
  readonly adopted: boolean;
  /** What the start had to put right, in words for the operator. */
  readonly notice?: string;
  /** Fast shutdown, and waits for it. A second call does nothing. */
  stop(): Promise<void>;
};

type Cluster = {
  readonly folder: string;
  readonly data: string;
  readonly account: Account;
  readonly programs: Programs;
  readonly password: string;
};

export const USER = 'kerbtrail_migration';
export const DATABASE = 'kerbtrail';
const OWNER_LOCK = 72707370;
const OWNER_LOCK_WAIT_MS = 2_000;
const ANSWER_WAIT_MS = 3_000;
const RECOVERY_WAIT_MS = 120_000;
const POLL_MS = 50;
const START_RETRY_MS = 10_000;
const STOP_SECONDS_MAX = 20;
/** The port was taken between our look and the server's bind; sessions of a killed server are about to end. */
const PASSING = /could not bind|is still in use/;
const STARTING_OR_STOPPING = '57P03';

/** Written into postgresql.conf at first start. The server's log never holds statements, whose text may name people. */
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_checkpoints: 'off',
};

/**
 * Starts, or adopts, the PostgreSQL of this folder; makes it at first start. Throws `EmbeddedPostgresInUse` when another
 * living process owns it, `EmbeddedPostgresFailed` (which names the folder and what to do) otherwise.
 */
export async function startEmbeddedPostgres(options: {
  folder: string;
  log?: (message: string) => void;
}): Promise<EmbeddedPostgres> {
  const log = options.log ?? (() => {});
  const account = await findAccount(options.folder);
  const programs = await findPrograms(options.folder);
  const parent = dirname(resolve(options.folder));
  await mkdir(parent, { recursive: true });
  const folder = join(await realpath(parent), basename(options.folder));
  const data = join(folder, 'data');
  if (!existsSync(data)) {
    log(`making a PostgreSQL in ${folder}`);
    await initialise(folder, account, programs);
  }
  const cluster = { folder, data, account, programs, password: await readPassword(folder) };

  const found = await takeOver(cluster);
  const owner = found.owner ?? (await startServer(cluster));
  return owned(cluster, owner, found);
}

async function owned(
  cluster: Cluster,
  owner: Client,
  found: { owner?: Client; notice?: string },
): Promise<EmbeddedPostgres> {
  try {
    await own(cluster, owner);
  } catch (error) {
    await owner.end();
    throw error;
  }
  let stopping: Promise<void> | undefined;
  return {
    url: `postgresql://${USER}:${cluster.password}@127.0.0.1:${owner.port}/${DATABASE}`,
    adopted: found.owner !== undefined,
    ...(found.notice ? { notice: found.notice } : {}),
    stop: () => (stopping ??= owner.end().then(() => stopServer(cluster, 'fast'))),
  };
}

/** Made in a folder beside, renamed when complete: an interrupted or doubled first start leaves no half cluster. */
async function initialise(folder: string, account: Account, { initdb }: Programs): Promise<void> {
  const fresh = await mkdtemp(`${folder}.new-`);
  try {
    const passwordFile = join(fresh, 'password');
    await writeFile(passwordFile, randomBytes(24).toString('base64url'), { mode: 0o600 });
    if (account) await Promise.all([fresh, passwordFile].map((path) => chown(path, account.uid, account.gid)));
    const settings = Object.entries(SETTINGS).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
    // The builtin provider orders and folds text alike on every operating system.
    const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
    const login = [`--username=${USER}`, '--auth=scram-sha-256', `--pwfile=${passwordFile}`];
    await run(initdb, [`--pgdata=${join(fresh, 'data')}`, ...login, ...locale, ...settings], fresh, account);
    await rename(fresh, folder);
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    if (existsSync(join(folder, 'data'))) return; // another process was faster
    if (error instanceof EmbeddedPostgresFailed) throw error;
    throw new EmbeddedPostgresFailed(folder, 'it could not be made; the folder must be empty or absent', error);
  }
}

async function readPassword(folder: string): Promise<string> {
  return readFile(join(folder, 'password'), 'utf8').catch((cause: unknown) => {
    throw new EmbeddedPostgresFailed(
      folder,
      'its file "password" cannot be read; without it nobody can log in, so restore it',
      cause,
    );
  });
}

/** A server that still runs on this folder: adopted when it answers, stopped when it does not. */
async function takeOver(cluster: Cluster): Promise<{ owner?: Client; notice?: string }> {
  const answerBy = Date.now() + ANSWER_WAIT_MS;
  const recoverBy = Date.now() + RECOVERY_WAIT_MS;
  for (;;) {
    const postmaster = await findPostmaster(cluster.data);
    if (postmaster === 'none') return {};
    if (postmaster === 'dead') {
      await disownPostmaster(cluster.data);
      return { notice: `the PostgreSQL in ${cluster.folder} was not shut down by its last run; it recovers now` };
    }
    if (postmaster.data !== cluster.data) {
      const reason = `process ${postmaster.pid} serves ${postmaster.data}; stop it, or if this folder is a copy, delete its data/postmaster.pid`;
      throw new EmbeddedPostgresFailed(cluster.folder, reason);
    }
    const answer = await logIn(cluster, postmaster.port);
    if (answer instanceof Client) {
      const notice = `a PostgreSQL left running by an earlier run (process ${postmaster.pid}) was adopted`;
      return { owner: answer, notice };
    }
    if (answer === '28P01') {
      throw new EmbeddedPostgresFailed(
        cluster.folder,
        'the running server refuses the password in its file "password"; restore that file',
      );
    }
    if (Date.now() > (answer === STARTING_OR_STOPPING ? recoverBy : answerBy)) {
      await stopServer(cluster, 'fast').catch(() => stopServer(cluster, 'immediate'));
      return {
        notice: `a PostgreSQL left running by an earlier run (process ${postmaster.pid}) did not answer; it was stopped and started again`,
      };
    }
    await delay(POLL_MS);
  }
}

/** A session, or the reason (SQLSTATE or system error code) why there is none. */
async function logIn({ password }: Cluster, port: number): Promise<Client | string> {
  const client = new Client({
    host: '127.0.0.1',
    port,
    user: USER,
    password,
    database: 'postgres',
    application_name: 'kerbtrail owner',
    connectionTimeoutMillis: ANSWER_WAIT_MS,
    ssl: false,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    return client;
  } catch (error) {
    await client.end().catch(() => {});
    return (error as { code?: string }).code ?? 'no answer';
  }
}

/** Holds the folder's lock for as long as this session lives, and makes the database where it is missing. */
async function own({ folder }: Cluster, owner: Client): Promise<void> {
  const deadline = Date.now() + OWNER_LOCK_WAIT_MS; // the server needs a moment to notice that a killed owner is gone
  for (;;) {
    const { rows } = await owner.query<{ locked: boolean }>('SELECT pg_try_advisory_lock($1) AS locked', [OWNER_LOCK]);
    if (rows[0]?.locked) break;
    if (Date.now() > deadline) throw new EmbeddedPostgresInUse(folder);
    await delay(POLL_MS);
  }
  const { rowCount } = await owner.query('SELECT FROM pg_database WHERE datname = $1', [DATABASE]);
  if (!rowCount) await owner.query(`CREATE DATABASE ${DATABASE}`);
}

async function startServer(cluster: Cluster): Promise<Client> {
  const { folder, data, account, programs } = cluster;
  const logFile = join(folder, 'server.log');
  const retryBy = Date.now() + START_RETRY_MS;
  for (;;) {
    const port = await freePort();
    await rm(logFile, { force: true });
    const args = [
      'start',
      '-w',
      '-s',
      '-t',
      String(RECOVERY_WAIT_MS / 1000),
      '-D',
      data,
      '-l',
      logFile,
      '-o',
      `-p ${port}`,
    ];
    try {
      await run(programs.pg_ctl, args, folder, account);
      const owner = await logIn(cluster, port);
      if (owner instanceof Client) return owner;
      throw new EmbeddedPostgresFailed(folder, `the server started and then refused our login (${owner})`);
    } catch (error) {
      const output = await readFile(logFile, 'utf8').catch(() => '');
      if (PASSING.test(output) && Date.now() < retryBy) {
        await delay(POLL_MS);
        continue;
      }
      throw output ? new EmbeddedPostgresFailed(folder, `it did not start\n${lastLines(output)}`, error) : error;
    }
  }
}

/** PostgreSQL 18 may never end when it is told to while it begins to recover from a crash: at once, then; it recovers when it starts. */
async function stopServer({ folder, data, account, programs }: Cluster, mode: 'fast' | 'immediate'): Promise<void> {
  if (typeof (await findPostmaster(data)) === 'string') return;
  const stop = (how: string): Promise<void> =>
    run(programs.pg_ctl, ['stop', '-w', '-s', '-t', String(STOP_SECONDS_MAX), '-m', how, '-D', data], folder, account);
  await stop(mode).catch(async (error: unknown) => {
    if (mode === 'immediate' || typeof (await findPostmaster(data)) === 'string') throw error;
    await stop('immediate');
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
