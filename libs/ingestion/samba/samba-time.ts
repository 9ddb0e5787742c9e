/**
 * The two clocks of a Samba log, both to the microsecond: headers in the server's local time without a zone, and JSON
 * lines with their offset from UTC. The JSON lines tell the zone of the headers around them; without one it is UTC.
 */
import { instantToNanos, isIndexable, nanosToInstant } from '#event-store';
import { UnreadableRecord } from '../ingestion.error.js';

const NANOS_PER_MINUTE = 60_000_000_000n;
const OFFSET_MINUTES_MAX = 14 * 60;
const JSON_TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?)(?:Z|([+-])(\d\d):?(\d\d))$/;
const FIRST_JSON_TIME = /"timestamp": ?"([0-9T:.+-]{1,40})"/;

export type SambaTime = { readonly instant: string; readonly offsetMinutes: number };

/** `2026-11-22T10:52:50.539093+0000`. Throws UnreadableRecord. */
export function readJsonTime(text: string): SambaTime {
  const match = JSON_TIME.exec(text);
  if (!match) throw new UnreadableRecord(`its timestamp "${text.slice(0, 40)}" is not a time with an offset`);
  const [, local = '', sign, hours = '0', minutes = '0'] = match;
  const offsetMinutes = (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
  if (Math.abs(offsetMinutes) > OFFSET_MINUTES_MAX) throw new UnreadableRecord(`"${text}" is in no time zone`);
  return { instant: toUtc(`${local}Z`, offsetMinutes), offsetMinutes };
}

/** `2026/11/22 10:52:49.497360`, as a header has it. Throws UnreadableRecord. */
export function readHeaderTime(text: string, offsetMinutes: number): string {
  return toUtc(`${text.replaceAll('/', '-').replace(' ', 'T')}Z`, offsetMinutes);
}

/** The offset of the first JSON line in a log's beginning; 0 if there is none. */
export function firstOffset(head: Buffer): number {
  const text = FIRST_JSON_TIME.exec(head.toString('latin1'))?.[1];
  try {
    return text === undefined ? 0 : readJsonTime(text).offsetMinutes;
  } catch {
    return 0; // the line is quarantined when it is read
  }
}

function toUtc(instant: string, offsetMinutes: number): string {
  try {
    const nanos = instantToNanos(instant) - BigInt(offsetMinutes) * NANOS_PER_MINUTE;
    if (!isIndexable(nanos)) throw new RangeError('no event can have occurred outside the years 1678 to 2261');
    return offsetMinutes === 0 ? instant : nanosToInstant(nanos);
  } catch (cause) {
    throw new UnreadableRecord(`"${instant.slice(0, -1)}" is not a time`, { cause });
  }
}
