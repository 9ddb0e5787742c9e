/**
 * Reads a Samba log line by line. A record is a header and the indented lines below it; JSON lines come without a header
 * of their own, below a text twin or in a file of their own.
 *
 *   [2026/11/22 10:52:49.497360,  3, pid=7, effective(0, 0), real(0, 0), class=kdc] ../../file.c:621(function)
 *     the message
 *     {"timestamp": …}
 *
 * Facts are taken from, and identified by, the header with the line below it, or a JSON line alone: so a record whose last
 * lines are not written yet has the same identity when they are. A record's other lines say nothing that we read.
 */
import { hash } from 'node:crypto';
import { isUtf8 } from 'node:buffer';
import { RAW_HEAD_BYTES, type Line, type Mapped, type Reader, type Reading, type Unreadable } from '../fact.js';
import { UnreadableRecord } from '../ingestion.error.js';
import { RecentTransactions, readAuditFacts } from './audit-facts.js';
import { readAuditLine } from './audit-json.js';
import { isKdcLine, readKdcLine } from './kdc-line.js';
import { readHeaderTime, readJsonTime } from './samba-time.js';

const HEADER = /^\[(\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d(?:\.\d{1,9})?), +\d+(?:, [^\]]*)?\](.*)$/s;
const LOCATION = /^ \S+:\d+\([^)]*\)\s*$/;
const JSON_LINE = /^\s*\{"/;
const BRACKET = 0x5b;

/** The record that is being read. `header` is missing where none could be read: then text has no time. */
type Open = {
  readonly line: number;
  readonly offset: number;
  readonly header?: { readonly bytes: Buffer; readonly time: string };
  hasText: boolean;
  items: number;
  /** It gave facts or a quarantined line. */
  spoke: boolean;
};

export class SambaLog implements Reader {
  records = 0;
  unmapped = 0;
  #open: Open | undefined;
  readonly #recent = new RecentTransactions();

  /** `offsetMinutes`: of the headers' clock from UTC, until a JSON line tells it. */
  constructor(private offsetMinutes = 0) {}

  /** Its last line was a header, whose message is the next one. */
  get awaitsText(): boolean {
    return this.#open?.header !== undefined && !this.#open.hasText;
  }

  read(line: Line): Reading[] {
    try {
      const reading = this.#line(line);
      return reading ? [reading] : [];
    } catch (error) {
      if (!(error instanceof UnreadableRecord)) throw error;
      return [this.#unreadable(line, error.message)];
    }
  }

  end(): Reading[] {
    this.#close();
    return [];
  }

  #line(line: Line): Reading | undefined {
    const { bytes, overlong } = line;
    if (overlong) throw this.#lost(line, `the line has ${overlong.bytes} bytes, more than a record may have`);
    if (bytes.length === 0) return undefined;
    const header = bytes[0] === BRACKET ? HEADER.exec(bytes.toString('latin1')) : null;
    if (header) return this.#header(line, header[1] ?? '', header[2] ?? '');
    if (!isUtf8(bytes)) throw this.#lost(line, 'the line is not UTF-8 text');
    if (bytes.includes(0)) throw this.#lost(line, 'the line holds a NUL byte');
    const text = bytes.toString('utf8');
    if (JSON_LINE.test(text)) return this.#json(line, text.trim());
    if (/^\S/.test(text)) throw this.#lost(line, 'the line is neither a header nor indented below one');
    return this.#text(line, text.trim());
  }

  #header(line: Line, time: string, rest: string): Reading | undefined {
    this.#begin(line, { bytes: line.bytes, time });
    // With "debug prefix timestamp" the message stands behind the header instead of below it.
    if (LOCATION.test(rest) || rest.trim() === '') return undefined;
    if (!isUtf8(line.bytes) || line.bytes.includes(0)) throw new UnreadableRecord('the line is not UTF-8 text');
    return this.#message(
      line.bytes
        .subarray(line.bytes.indexOf(']') + 1)
        .toString('utf8')
        .trim(),
      line.bytes,
    );
  }

  #text(line: Line, text: string): Reading | undefined {
    const open = this.#open;
    if (!open) throw this.#lost(line, 'the line stands before the first header');
    if (open.header && !open.hasText)
      return this.#message(text, Buffer.concat([open.header.bytes, Buffer.from('\n'), line.bytes]));
    if (isKdcLine(text))
      throw new UnreadableRecord('the line stands without a header of its own, so its time is not known');
    return undefined;
  }

  #message(text: string, identity: Buffer): Reading | undefined {
    const open = this.#open;
    if (!open?.header) return undefined;
    open.hasText = true;
    if (!isKdcLine(text)) return undefined;
    const stamp = readHeaderTime(open.header.time, 0);
    const occurredAt = this.offsetMinutes === 0 ? stamp : readHeaderTime(open.header.time, this.offsetMinutes);
    return this.#facts(readKdcLine(text, occurredAt), identity, stamp);
  }

  #json(line: Line, text: string): Reading | undefined {
    if (!this.#open?.header) this.#begin(line);
    const audit = readAuditLine(text);
    const time = readJsonTime(audit.timestamp);
    this.offsetMinutes = time.offsetMinutes;
    return this.#facts(readAuditFacts(audit, time.instant, this.#recent), Buffer.from(text), time.instant);
  }

  #facts(mapped: Mapped | undefined, identity: Buffer, stamp: string): Reading | undefined {
    const open = this.#open;
    if (!mapped || !open) return undefined;
    const { line: record, offset, items: firstItem } = open;
    open.spoke = true;
    open.items += mapped.facts.length;
    return { kind: 'facts', record, offset, firstItem, identity, stamp, ...mapped };
  }

  #begin(line: Line, header?: Open['header']): void {
    this.#close();
    this.records++;
    const { number, offset } = line;
    this.#open = { line: number, offset, ...(header && { header }), hasText: false, items: 0, spoke: false };
  }

  #close(): void {
    if (this.#open && !this.#open.spoke) this.unmapped++;
    this.#open = undefined;
  }

  /** A line that is the open record's message, or one after which it is not known whose message the next lines are. */
  #lost(line: Line, reason: string): UnreadableRecord {
    if (this.#open?.header && !this.#open.hasText) this.#open.hasText = true;
    else this.#begin(line);
    return new UnreadableRecord(reason);
  }

  #unreadable({ number, offset, bytes, overlong }: Line, reason: string): Unreadable {
    if (this.#open) this.#open.spoke = true;
    const head = Buffer.from(bytes.subarray(0, RAW_HEAD_BYTES));
    const whole = overlong ?? { bytes: bytes.length, sha256: hash('sha256', bytes, 'buffer') };
    return { kind: 'unreadable', line: number, offset, reason, head, bytes: whole.bytes, sha256: whole.sha256 };
  }
}
