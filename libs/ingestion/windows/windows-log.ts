/**
 * Reads Windows events, one a line, as XML or as winlogbeat's JSON. An event is known by its log, its computer and its number
 * there, in whichever form it comes, and so is the same one twice.
 */
import { hash } from 'node:crypto';
import { isUtf8 } from 'node:buffer';
import { nanosToInstant, instantToNanos } from '#event-store';
import { RAW_HEAD_BYTES, type Line, type Reader, type Reading } from '../fact.js';
import { UnreadableRecord } from '../ingestion.error.js';
import { readWindowsFacts } from './event-facts.js';
import { isWindowsJson, isWindowsXml, readWindowsJson, readWindowsXml, type WindowsEvent } from './windows-event.js';

const NANOS_PER_MILLISECOND = 1_000_000n;

export class WindowsLog implements Reader {
  records = 0;
  unmapped = 0;

  read({ number, offset, bytes, overlong }: Line): Reading[] {
    if (bytes.length === 0) return [];
    this.records++;
    try {
      if (overlong) throw new UnreadableRecord(`the line has ${overlong.bytes} bytes, more than a record may have`);
      const event = readEvent(bytes);
      const mapped = readWindowsFacts(event);
      if (!mapped) this.unmapped++;
      return mapped
        ? [{ kind: 'facts', record: event.record, offset, firstItem: 0, ...identityOf(event), ...mapped }]
        : [];
    } catch (error) {
      if (!(error instanceof UnreadableRecord)) throw error;
      const head = Buffer.from(bytes.subarray(0, RAW_HEAD_BYTES));
      const whole = overlong ?? { bytes: bytes.length, sha256: hash('sha256', bytes, 'buffer') };
      return [{ kind: 'unreadable', line: number, offset, reason: error.message, head, ...whole }];
    }
  }

  end(): Reading[] {
    return [];
  }
}

/** Throws UnreadableRecord. */
function readEvent(bytes: Buffer): WindowsEvent {
  if (!isUtf8(bytes)) throw new UnreadableRecord('the line is not UTF-8 text');
  const text = bytes.toString('utf8');
  if (isWindowsXml(text)) return readWindowsXml(text);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new UnreadableRecord('it is neither an event in XML nor JSON: cut off or damaged', { cause });
  }
  if (typeof json !== 'object' || json === null || !isWindowsJson(json as Record<string, unknown>))
    throw new UnreadableRecord('it is JSON without the "winlog" of a Windows event');
  return readWindowsJson(json as Record<string, unknown>);
}

/** JSON has the time in milliseconds, XML in full: the ids take what both have. */
function identityOf({ channel, computer, record, time }: WindowsEvent): { identity: Buffer; stamp: string } {
  const nanos = instantToNanos(time);
  const stamp = nanosToInstant(nanos - (nanos % NANOS_PER_MILLISECOND));
  return { identity: Buffer.from(`${channel}\0${computer.toLowerCase()}\0${record}`), stamp };
}
