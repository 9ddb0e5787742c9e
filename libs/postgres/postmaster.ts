/**
 * Reads `postmaster.pid` of a PostgreSQL data folder: process id, data folder, start time and port, one a line.
 * The file outlives a crash and its process id may since belong to anybody, so the process itself is asked too.
 */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

export type Postmaster = { readonly pid: number; readonly data: string; readonly port: number };

/** `none`: no file; `dead`: a file whose process is gone, or is no PostgreSQL of the folder named in it. */
export async function findPostmaster(data: string): Promise<Postmaster | 'none' | 'dead'> {
  const text = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => undefined);
  if (text === undefined) return 'none';
  const [pid = '', folder = '', , port = ''] = text.split('\n').map((line) => line.trim());
  const command = await commandLine(Number(pid));
  return command?.includes(folder) ? { pid: Number(pid), data: folder, port: Number(port) } : 'dead';
}

async function commandLine(pid: number): Promise<string | undefined> {
  try {
    return await readFile(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'command=', '-p', String(pid)]).catch(() => ({
      stdout: undefined,
    }));
    return stdout;
  }
}
