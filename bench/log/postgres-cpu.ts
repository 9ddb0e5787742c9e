/** CPU time of an embedded PostgreSQL and all its processes, ended ones included, from /proc (Linux; elsewhere nothing is known). */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { processTimes, TICKS_PER_SECOND } from '../process-cpu.js';

/** Seconds since the server started; undefined where it cannot be known. */
export function postgresCpuSeconds(postgresFolder: string): number | undefined {
  const file = join(postgresFolder, 'data', 'postmaster.pid');
  if (!existsSync('/proc/self/stat') || !existsSync(file)) return undefined;
  const postmaster = Number(readFileSync(file, 'utf8').split('\n')[0]);
  const own = processTimes(postmaster);
  if (!own) return undefined;
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => processTimes(Number(pid)))
    .filter((stat) => stat?.parent === postmaster);
  return [own, ...children].reduce((sum, stat) => sum + stat!.own, own.ended) / TICKS_PER_SECOND;
}
