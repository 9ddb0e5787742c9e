/** CPU time of other processes, from /proc (Linux; elsewhere nothing is known). */
import { readFileSync } from 'node:fs';

export const TICKS_PER_SECOND = 100;

/** In ticks; `ended`: of its children that are no more. */
export type ProcessTimes = { readonly parent: number; readonly own: number; readonly ended: number };

/** Undefined when there is no such process any more. */
export function processTimes(pid: number): ProcessTimes | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    return { parent: fields[1]!, own: fields[11]! + fields[12]!, ended: fields[13]! + fields[14]! };
  } catch {
    return undefined;
  }
}
