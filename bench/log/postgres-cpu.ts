/** CPU time of an embedded PostgreSQL and all its processes, ended ones included, from /proc (Linux; elsewhere nothing is known). */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const TICKS_PER_SECOND = 100;

/** Seconds since the server started; undefined where it cannot be known. */
export function postgresCpuSeconds(postgresFolder: string): number | undefined {
  const file = join(postgresFolder, 'data', 'postmaster.pid');
  if (!existsSync('/proc/self/stat') || !existsSync(file)) return undefined;
  const postmaster = Number(readFileSync(file, 'utf8').split('\n')[0]);
  const own = times(postmaster);
  if (!own) return undefined;
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => times(Number(pid)))
    .filter((stat) => stat?.parent === postmaster);
  return [own, ...children].reduce((sum, stat) => sum + stat!.own, own.ended) / TICKS_PER_SECOND;
}

function times(pid: number): { parent: number; own: number; ended: number } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    return { parent: fields[1]!, own: fields[11]! + fields[12]!, ended: fields[13]! + fields[14]! };
  } catch {
    return undefined; // it ended meanwhile
  }
}
