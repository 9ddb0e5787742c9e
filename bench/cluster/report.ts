/** Tables of bench/cluster.ts: every case as its median, every ratio as the median of its rounds' ratios. */
import Table from 'cli-table3';
import { median } from '../log/report.js';
import type { Run } from './site.js';

/** Without colours: the tables go into documents. */
export const STYLE = { head: [], border: [], compact: true };

export const rateOf = ({ events, seconds }: Run): number => events / seconds;

export function count(value: number): string {
  return Math.round(value).toLocaleString('en');
}

/** `beside`: the case that the others are compared with. */
export function printRuns(title: string, cases: ReadonlyMap<string, readonly Run[]>, beside?: string): void {
  const cpu = ['own', 'PostgreSQL', 'broker'].map((whose) => `CPU µs/event: ${whose}`);
  const table = new Table({ style: STYLE, head: ['case', 'events/s', 'spread', ...cpu, `: ${beside ?? ''}`] });
  for (const [name, runs] of cases) {
    if (runs.length === 0) continue;
    const rates = runs.map(rateOf).toSorted((a, b) => a - b);
    const micros = (of: (run: Run) => number | undefined): string => {
      const values = runs.flatMap((run) => (of(run) === undefined ? [] : [(of(run)! * 1e6) / run.events]));
      return values.length === 0 ? '' : median(values).toFixed(1);
    };
    const others = beside === undefined ? undefined : cases.get(beside);
    table.push([
      name,
      count(median(rates)),
      `${count(rates[0]!)} to ${count(rates.at(-1)!)}`,
      micros(({ cpuSeconds }) => cpuSeconds),
      micros(({ postgresCpuSeconds }) => postgresCpuSeconds),
      micros(({ brokerCpuSeconds }) => brokerCpuSeconds),
      others ? median(runs.map((run, round) => rateOf(run) / rateOf(others[round]!))).toFixed(2) : '',
    ]);
  }
  console.log(`\n${title}\n${table.toString()}`);
}
