/** What the parts of bench/cluster.ts share: the broker, and how a process of the run is started. */
import { fileURLToPath } from 'node:url';
import { Contender } from '../log/contender.js';
import type { Measured } from '../log/measure.js';
import { processTimes, TICKS_PER_SECOND } from '../process-cpu.js';

export type Site = {
  readonly brokers: readonly string[];
  /** Of a broker of our own. */
  readonly brokerPid: number | undefined;
  readonly isQuick: boolean;
};

/** With the CPU time of the broker, where it is known. */
export type Run = Measured & { readonly brokerCpuSeconds?: number };

export function startProcess(name: string, script: string, args: readonly string[]): Promise<Contender> {
  return Contender.start(name, fileURLToPath(new URL(`${script}.js`, import.meta.url)), args);
}

/** Other topics than those of the run before, on a broker that stays. */
export function topicOf(part: string): string {
  return `bench-${part}-${process.pid}`;
}

export async function withBrokerCpu({ brokerPid }: Site, measure: () => Promise<Measured>): Promise<Run> {
  const ticks = (): number | undefined => (brokerPid === undefined ? undefined : processTimes(brokerPid)?.own);
  const before = ticks();
  const measured = await measure();
  const after = ticks();
  if (before === undefined || after === undefined) return measured;
  return { ...measured, brokerCpuSeconds: (after - before) / TICKS_PER_SECOND };
}
