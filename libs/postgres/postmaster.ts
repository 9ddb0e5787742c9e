/**
 * Reads `postmaster.pid` of a PostgreSQL data folder: process id, data folder, start time and port, one a line.
 * The file outlives a crash and its process id may since belong to anybody, so the process itself is asked too.
 */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { platform } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const FILE = 'postmaster.pid';
const NOBODY = 2 ** 31 - 1;
const runFile = promisify(execFile);

export type Postmaster = { readonly pid: number; readonly data: string; readonly port: number };

/** `none`: no file; `dead`: its process has ended, or is another program's by now. */
export async function findPostmaster(data: string): Promise<Postmaster | 'none' | 'dead'> {
  const text = await readFile(join(data, FILE), 'utf8').catch(() => undefined);
  if (text === undefined) return 'none';
  const [pid = '', folder = '', , port = ''] = text.split('\n').map((line) => line.trim());
  const command = await commandLine(Number(pid));
  return command?.includes(folder) ? { pid: Number(pid), data: folder, port: Number(port) } : 'dead';
}

/**
 * Puts a process id that nobody can have in the place of a dead server's: a new one refuses to start while that id is
 * taken, by another program (after a reboot, in a new container) or by an ended process that nobody collects. The rest
 * of the file stays, since by it a new server waits for sessions that outlived the old one.
 */
export async function disownPostmaster(data: string): Promise<void> {
  const text = await readFile(join(data, FILE), 'utf8');
  await writeFile(join(data, FILE), text.replace(/^\d+/, String(NOBODY)));
}

/** Nothing when there is no such process (or, on Linux, when it has ended and nobody has collected it yet). */
async function commandLine(pid: number): Promise<string | undefined> {
  if (platform() === 'linux') return readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined);
  const { stdout } = await runFile('ps', ['-o', 'command=', '-p', String(pid)]).catch(() => ({ stdout: undefined }));
  return stdout;
}
