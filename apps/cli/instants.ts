/**
 * Instants as people give them: RFC 3339 UTC text with any precision up to nanoseconds, the same as tables show it
 * (`2026-11-22 10:53:32.933392`), a day, or how long ago (`15m`, `2h`, `7d`). Digits are never pushed through a Date.
 */
import { InvalidArgumentError } from 'commander';

const DAY_AND_TIME = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d(?:\.\d{1,9})?)?Z?)?$/i;
const AGO = /^(\d{1,6})(s|m|h|d)$/;
const SECONDS = { s: 1, m: 60, h: 3_600, d: 86_400 } as const;

export const INSTANT_FORMS = 'an instant in UTC such as 2026-11-22T10:53:32.933392Z, a day, or 15m, 2h, 7d for "ago"';

/** For commander's options. `now` is when the program started. */
export function readInstant(text: string, now: Date): string {
  const [, amount, unit] = AGO.exec(text) ?? [];
  if (amount && unit) {
    return new Date(now.getTime() - Number(amount) * SECONDS[unit as keyof typeof SECONDS] * 1_000).toISOString();
  }
  const [, day, minutes = '00:00', seconds = ':00'] = DAY_AND_TIME.exec(text) ?? [];
  if (!day || Number.isNaN(Date.parse(`${day}T${minutes}${seconds.slice(0, 3)}Z`))) {
    throw new InvalidArgumentError(`Write ${INSTANT_FORMS}.`);
  }
  return `${day}T${minutes}${seconds}Z`;
}
