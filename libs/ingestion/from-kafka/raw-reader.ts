/**
 * Reads the messages of one partition, in order, with the readers that files are read with. What those keep from line to line
 * (the header above a message, the clock's zone, the transactions just seen) is kept per file of a host, and the forest per
 * host; messages that name no file are read each for itself. Both are bounded: the file least lately heard of is forgotten.
 *
 * A record's identity is the one it has in a file, except that here nothing counts occurrences: equal bytes are the same
 * record, since a collector may send one twice.
 */
import type { IncomingMessage } from '#kafka';
import { detect, HEAD_BYTES } from '../detect.js';
import type { Facts, Line, Reading } from '../fact.js';
import { InvalidImport } from '../ingestion.error.js';
import { LineSplitter } from '../lines.js';
import { type Place, placedRecord, type PlacedRecord, placeOf, unstorable } from '../place.js';
import { recordIdentity } from '../record-identity.js';
import { SambaLog } from '../samba/samba-log.js';
import { firstOffset } from '../samba/samba-time.js';
import { WindowsLog } from '../windows/windows-log.js';
import { MESSAGE_BYTES_MAX, type RawKind, type RawRecord, readRawRecord } from './raw-record.js';
import { RawRefused } from './raw-refused.error.js';

export type Refusal = { readonly code: string; readonly reason: string };

/**
 * What one message comes to: records to be appended, and why it is quarantined when not all of it could be read. Neither of
 * the two: it says nothing in our vocabulary.
 */
export type ReadMessage = {
  readonly message: IncomingMessage;
  readonly places: readonly Place[];
  readonly records: readonly PlacedRecord[];
  readonly refusal: Refusal | undefined;
};

type Opened = { readonly message: IncomingMessage; readonly raw: RawRecord | null; readonly refused?: RawRefused };
type Read = Opened & { readonly kind: RawKind; readonly readings: readonly Reading[] };

const FILES_MAX = 1_024;
const SPEAKERS_MAX = 4_096;
const LF = Buffer.from('\n');
const [SPACE, TAB] = [0x20, 0x09];
const READABLE =
  'what is read from Kafka: logs of a Samba AD domain controller (text or JSON lines) and Windows events (XML or JSON of winlogbeat)';

export class RawReader {
  readonly #files = new Map<string, SambaLog>();
  readonly #windows = new WindowsLog();

  /** `forests`: by who speaks; grows as they are named. */
  constructor(readonly forests = new Map<string, string>()) {}

  /** A forest that a later message of the batch names holds for the earlier ones of the same speaker. */
  read(messages: readonly IncomingMessage[]): ReadMessage[] {
    const opened = messages.map(open);
    const read = opened.map((message) => this.#read(message, opened));
    return read.map((message) => this.#placed(message));
  }

  #read(opened: Opened, batch: readonly Opened[]): Read {
    const { message, raw } = opened;
    if (raw === null) return { ...opened, kind: 'samba', readings: [] };
    try {
      const kind = raw.kind ?? this.#kindOf(raw);
      const readings =
        kind === 'windows' ? this.#windows.read(lineOf(raw, message)) : this.#readSamba(raw, message, batch);
      this.#learnForest(raw, readings);
      return { ...opened, kind, readings };
    } catch (error) {
      if (!(error instanceof RawRefused)) throw error;
      return { ...opened, kind: 'samba', readings: [], refused: error };
    }
  }

  /** Throws RawRefused. */
  #kindOf({ text, file }: RawRecord): RawKind {
    return file !== undefined && this.#files.has(file) ? 'samba' : kindOf(text);
  }

  /** Throws RawRefused. */
  #readSamba(raw: RawRecord, message: IncomingMessage, batch: readonly Opened[]): Reading[] {
    const known = raw.file === undefined ? undefined : this.#files.get(raw.file);
    const reader = known ?? new SambaLog(zoneOf(raw, batch));
    if (raw.file !== undefined) keep(this.#files, raw.file, reader, FILES_MAX);
    const readings = linesOf(raw, message).flatMap((line) => reader.read(line));
    if (readings.length === 0 && raw.file === undefined && reader.awaitsText) throw split();
    return readings;
  }

  #learnForest({ speaker }: RawRecord, readings: readonly Reading[]): void {
    if (speaker === undefined) return;
    const named = readings.find((reading) => reading.kind === 'facts' && reading.domain !== undefined) as Facts;
    const forest = this.forests.get(speaker) ?? named?.domain;
    if (forest !== undefined) keep(this.forests, speaker, forest, SPEAKERS_MAX);
  }

  #placed({ message, raw, refused, kind, readings }: Read): ReadMessage {
    const records: PlacedRecord[] = [];
    const places = new Map<string, Place>();
    let refusal: Refusal | undefined = refused && { code: refused.code, reason: refused.message };
    for (const reading of raw ? readings : []) {
      try {
        const { place, record } = this.#place(reading, kind, raw!);
        records.push(record);
        places.set(place.source, place);
      } catch (error) {
        refusal ??= refusalOf(error);
      }
    }
    return { message, places: [...places.values()], records, refusal };
  }

  #place(reading: Reading, kind: RawKind, raw: RawRecord): { place: Place; record: PlacedRecord } {
    if (reading.kind === 'unreadable') throw new Unreadable(reading.reason);
    const reason = unstorable(reading.facts);
    if (reason !== undefined) throw new Unreadable(reason);
    const { speaker, source } = raw;
    const learnt = speaker === undefined ? reading.domain : this.forests.get(speaker);
    const forest = raw.forest ?? learnt;
    if (forest === undefined) throw forestUnknown();
    const place = placeOf(kind, forest, source);
    return { place, record: placedRecord(kind, reading, place, recordIdentity(kind, reading.identity)) };
  }
}

/** A record that its parser could not read. */
class Unreadable extends Error {
  readonly code = 'ING_UNREADABLE_RECORD';
}

function open(message: IncomingMessage): Opened {
  try {
    return { message, raw: readRawRecord(message) };
  } catch (error) {
    if (!(error instanceof RawRefused)) throw error;
    return { message, raw: null, refused: error };
  }
}

/** The whole message as one line. */
function lineOf({ text, offset }: RawRecord, message: IncomingMessage): Line {
  return { bytes: text, number: Number(message.offset) + 1, offset: offset ?? Number(message.offset) };
}

/** All lines of a message are one record's place in the partition: its offset, counted from 1. */
function linesOf(raw: RawRecord, message: IncomingMessage): Line[] {
  const { bytes: text, number, offset: begin } = lineOf(raw, message);
  const splitter = new LineSplitter(MESSAGE_BYTES_MAX);
  const whole = text.at(-1) === LF[0] ? text : Buffer.concat([text, LF]);
  return splitter.push(whole).map((line) => ({ ...line, number, offset: begin + line.offset }));
}

/** Of the headers' clock, as the first JSON line of the same file in this batch tells it. */
function zoneOf(raw: RawRecord, batch: readonly Opened[]): number {
  for (const other of raw.file === undefined ? [{ raw }] : batch) {
    const zone = other.raw?.file === raw.file ? firstOffset(other.raw!.text) : 0;
    if (zone !== 0) return zone;
  }
  return 0;
}

/** By the text alone. Throws RawRefused. */
function kindOf(text: Buffer): RawKind {
  const detected = detect(text.subarray(0, HEAD_BYTES));
  if (detected.kind === 'samba' || detected.kind === 'windows') return detected.kind;
  if (text[0] === SPACE || text[0] === TAB) throw split();
  const looksLike = detected.kind === 'leftOut' ? detected.looksLike : 'a directory dump (LDIF): import it as a file';
  throw new RawRefused('RAW_FORMAT_UNKNOWN', `it looks like ${looksLike}; ${READABLE}`);
}

function refusalOf(error: unknown): Refusal {
  if (error instanceof Unreadable) return { code: error.code, reason: withoutQuotes(error.message) };
  if (error instanceof InvalidImport) return { code: 'RAW_NAME_INVALID', reason: withoutQuotes(error.message) };
  if (error instanceof RawRefused) return { code: error.code, reason: error.message };
  throw error;
}

/** What a reason quotes may name somebody. */
function withoutQuotes(reason: string): string {
  return reason.replace(/"[^"]*"/g, '"…"');
}

function split(): RawRefused {
  return new RawRefused(
    'RAW_LINES_SPLIT',
    'a line of a record that has several, and nothing tells which file it is from: let the collector join them, or name host and file',
  );
}

function forestUnknown(): RawRefused {
  return new RawRefused(
    'RAW_FOREST_UNKNOWN',
    'neither this record nor one of the same host before it names a domain: name the forest in kerbtrail-forest, or retry when one has',
  );
}

function keep<Value>(map: Map<string, Value>, key: string, value: Value, most: number): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > most && oldest !== undefined) map.delete(oldest);
}
