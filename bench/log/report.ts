/** The tables of `npm run bench:log`: every case as its median, every ratio as the median of its rounds' ratios. */
import Table from 'cli-table3';
import { type Case, latencies, ratios } from './cases.js';
import type { Measured } from './measure.js';

export type Round = Measured;
export type Rounds = ReadonlyMap<string, readonly Round[]>;

/** Without colours: the tables go into documents. */
const STYLE = { head: [], border: [], compact: true };

const rate = ({ events, seconds }: Round): number => events / seconds;

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

export function printCases(cases: readonly Case[], rounds: Rounds): void {
  const table = new Table({
    style: STYLE,
    head: ['case', 'events/s', 'spread', 'Node µs/event', 'PostgreSQL µs/event', 'p50 ms', 'p99 ms'],
  });
  for (const { id } of cases) {
    const measured = rounds.get(id);
    if (!measured || measured.length === 0) continue;
    const rates = measured.map(rate).toSorted((a, b) => a - b);
    const middle = (value: (round: Round) => number | undefined, digits: number): string => {
      const values = measured.map(value).filter((one) => one !== undefined);
      return values.length === 0 ? '' : median(values).toFixed(digits);
    };
    table.push([
      id,
      Math.round(median(rates)).toLocaleString('en'),
      `${Math.round(rates[0]!).toLocaleString('en')} to ${Math.round(rates.at(-1)!).toLocaleString('en')}`,
      middle(({ cpuSeconds, events }) => (cpuSeconds * 1e6) / events, 1),
      middle(({ postgresCpuSeconds, handled }) => postgresCpuSeconds && (postgresCpuSeconds * 1e6) / handled, 1),
      middle(({ p50Ms }) => p50Ms, 2),
      middle(({ p99Ms }) => p99Ms, 2),
    ]);
  }
  console.log(table.toString());
}

export function printRatios(rounds: Rounds): void {
  const table = new Table({ style: STYLE, head: ['ratio', 'to', 'measured', 'must', 'aim', ''] });
  for (const { of, to, must, aim } of ratios) {
    const [own, other] = [rounds.get(of) ?? [], rounds.get(to) ?? []];
    if (own.length === 0 || other.length === 0) continue;
    const measured = median(own.map((round, n) => rate(round) / rate(other[n]!)));
    table.push([of, to, measured.toFixed(2), must ?? '', aim ?? '', verdict(measured, must, aim)]);
  }
  for (const than of latencies.than) {
    for (const percentile of ['p50Ms', 'p99Ms'] as const) {
      const [own, other] = [rounds.get(latencies.of) ?? [], rounds.get(than) ?? []];
      if (own.length === 0 || other.length === 0) continue;
      const measured = median(own.map((round, n) => round[percentile]! / other[n]![percentile]!));
      const name = `${percentile.slice(0, 3)} of ${latencies.of}`;
      table.push([name, than, measured.toFixed(2), '< 1', '', measured < 1 ? 'reached' : 'MISSED']);
    }
  }
  console.log(table.toString());
}

function verdict(measured: number, must?: number, aim?: number): string {
  if (must === undefined) return '';
  if (measured < must) return 'MISSED';
  return aim === undefined || measured >= aim ? 'reached' : 'must, not aim';
}
