/** Options that queries have in common, under the names that /v1 gives their parameters. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Parameters } from './client.js';
import { INSTANT_FORMS, readInstant } from './instants.js';

const started = new Date();
const instant = (text: string): string => readInstant(text, started);

/** A log position or an instant, as the archive's `before` takes it. */
export function positionOrInstant(text: string): string {
  if (/^[1-9]\d{0,15}$/.test(text)) return text;
  try {
    return instant(text);
  } catch {
    throw new InvalidArgumentError(`Write a position of the log, from 1 on, or ${INSTANT_FORMS}.`);
  }
}

export function wholeNumber(min: number, max: number) {
  return (text: string): number => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new InvalidArgumentError(`Write a whole number from ${min} to ${max}.`);
    }
    return value;
  };
}

const options = {
  since: () =>
    new Option('--since <instant>', 'from this instant on: 2026-11-22T10:53:33Z, a day, or 2h ago as 2h').argParser(
      instant,
    ),
  until: () => new Option('--until <instant>', 'before this instant').argParser(instant),
  asOf: () => new Option('--as-of <instant>', 'what was true then, instead of now').argParser(instant),
  asKnown: () => new Option('--as-known <instant>', 'what Kerbtrail knew then').argParser(instant),
  forest: () => new Option('--forest <forest>', 'of this forest only'),
  account: () => new Option('--account <name>', 'of this account: id, sAMAccountName, UPN or DN'),
  spn: () => new Option('--spn <spn>', 'about this SPN'),
  actor: () => new Option('--actor <actor>', 'done by this actor'),
  code: () => new Option('--code <code>', 'with this code, such as KDC_ERR_S_PRINCIPAL_UNKNOWN'),
  limit: () => new Option('--limit <n>', 'rows a page (1 to 1000)').argParser(wholeNumber(1, 1_000)),
  cursor: () => new Option('--cursor <cursor>', 'go on where the page before ended'),
} satisfies Record<string, () => Option>;

export type Filter = keyof typeof options;

export function addFilters(command: Command, filters: readonly Filter[]): Command {
  for (const filter of filters) command.addOption(options[filter]());
  return command;
}

/** The given filters as parameters of a query. */
export function filtersOf(given: Readonly<Record<string, unknown>>, filters: readonly Filter[]): Parameters {
  return Object.fromEntries(filters.map((filter) => [filter, given[filter] as string | number | undefined]));
}
