/**
 * What one message of the raw topic holds, whoever collected it: a record's own text, where it was read, and what the
 * collector was told to say about it. A value is the text itself, or a JSON object around it:
 *
 *   beats      message | event.original   host.name   log.file.path   log.offset
 *   vector     message                    host        file            offset_key
 *   fluent-bit log | message              hostname    path_key        offset_key
 *
 * A Windows event is the whole JSON of winlogbeat, or its XML in `event.original`, `xml` or `System`.
 *
 * What the collector says of a record's kind, forest and source stands in the headers `kerbtrail-kind`, `kerbtrail-forest`
 * and `kerbtrail-source`, or in fields `kerbtrail.kind` and so on.
 */
import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from '#kafka';
import { isWindowsJson, isWindowsXml } from '../windows/windows-event.js';
import { field, isRecord, type JsonRecord, numberField, textField } from './collector-json.js';
import { RawRefused } from './raw-refused.error.js';

export type RawKind = 'samba' | 'windows';

export type RawRecord = {
  readonly text: Buffer;
  /** As the collector says, or as the fields tell; else the text has to. */
  readonly kind: RawKind | undefined;
  /** Who speaks, so that a forest named once is known for the next record: the host, or the message's key. */
  readonly speaker: string | undefined;
  /** The file on its host that the text was read from: lines of one file belong together. */
  readonly file: string | undefined;
  /** Byte offset in that file. */
  readonly offset: number | undefined;
  readonly forest: string | undefined;
  readonly source: string | undefined;
};

export const MESSAGE_BYTES_MAX = 1024 * 1024;

const TEXT = ['event.original', 'message', 'log'];
const WINDOWS_XML = [...TEXT, 'xml', 'winlog.xml', 'System'];
const HOST = ['host.name', 'host.hostname', 'host', 'hostname', 'agent.hostname'];
const FILE = ['log.file.path', 'file', 'path', 'filename'];
const OFFSET = ['log.offset', 'offset'];
const NAME_CHARACTERS_MAX = 1_024;
const UTF8_BOM = Buffer.from([0xef, 0xbb, 0xbf]);
const WHITE_SPACE = /^\s*$/;

/** Null: there is nothing in it (a tombstone, an empty line). Throws RawRefused. */
export function readRawRecord({ value, key, headers }: IncomingMessage): RawRecord | null {
  if (value === null || value.length === 0) return null;
  const bytes = value.length;
  if (bytes > MESSAGE_BYTES_MAX)
    throw new RawRefused('RAW_TOO_LARGE', `the message has ${bytes} bytes; one has at most ${MESSAGE_BYTES_MAX}`);
  if (!isUtf8(value)) throw new RawRefused('RAW_ENCODING', 'the message is not UTF-8: let the collector write UTF-8');
  const json = jsonObject(value);
  const xml = json && windowsXml(json);
  const isWindows = xml !== undefined || (json !== undefined && isWindowsJson(json));
  const wrapped = isWindows ? xml : json && textField(json, TEXT);
  const text = wrapped === undefined ? withoutBom(value) : Buffer.from(wrapped);
  const isEmpty = json && wrapped === undefined && TEXT.some((path) => field(json, path) === '');
  if (isEmpty || (text.length < 1024 && WHITE_SPACE.test(text.toString()))) return null;
  const host = json && short(textField(json, HOST));
  const path = json && short(textField(json, FILE));
  const speaker = host ?? short(key ?? undefined);
  return {
    text,
    kind:
      kindOf(said('kind', headers, json)) ??
      (isWindows || isWindowsXml(text.toString('latin1', 0, 64)) ? 'windows' : undefined),
    speaker,
    file: speaker !== undefined && path !== undefined ? `${speaker}\0${path}` : undefined,
    offset: json && numberField(json, OFFSET),
    forest: said('forest', headers, json),
    source: said('source', headers, json),
  };
}

function windowsXml(json: JsonRecord): string | undefined {
  const texts = WINDOWS_XML.map((path) => textField(json, [path]));
  return texts.find((text) => text !== undefined && isWindowsXml(text));
}

function kindOf(name: string | undefined): RawKind | undefined {
  if (name === undefined || name === 'samba' || name === 'windows') return name;
  throw new RawRefused(
    'RAW_KIND_UNKNOWN',
    'kerbtrail-kind names no kind of record that is read from Kafka: "samba" and "windows" are',
  );
}

function said(
  what: string,
  headers: Readonly<Record<string, string>>,
  json: JsonRecord | undefined,
): string | undefined {
  const header = Object.hasOwn(headers, `kerbtrail-${what}`) ? headers[`kerbtrail-${what}`] : undefined;
  return header ?? (json && textField(json, [`kerbtrail.${what}`, `fields.kerbtrail.${what}`, `kerbtrail_${what}`]));
}

function short(name: string | undefined): string | undefined {
  return name === undefined || name === '' || name.length > NAME_CHARACTERS_MAX ? undefined : name;
}

function withoutBom(value: Buffer): Buffer {
  return value.subarray(0, 3).equals(UTF8_BOM) ? value.subarray(3) : value;
}

function jsonObject(value: Buffer): JsonRecord | undefined {
  const text = withoutBom(value).toString('utf8');
  if (!/^\s*\{/.test(text)) return undefined;
  try {
    const json: unknown = JSON.parse(text);
    return isRecord(json) ? json : undefined;
  } catch {
    return undefined; // it may be a cut-off record: its parser says so
  }
}
