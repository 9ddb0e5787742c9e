/**
 * One event of a Windows event log, from either form that collectors send: the event's own XML (MS-EVEN6 §2.2.13: System and
 * EventData), on one line, or the JSON of winlogbeat, whose `winlog.event_data` has the same names.
 */
import { instantToNanos, isIndexable } from '#event-store';
import { UnreadableRecord } from '../ingestion.error.js';

export type WindowsEvent = {
  readonly provider: string;
  readonly id: number;
  /** Which log of which computer, and its number there. */
  readonly channel: string;
  readonly computer: string;
  readonly record: number;
  /** When it was logged, RFC 3339 UTC: 100 ns in XML, milliseconds in JSON. */
  readonly time: string;
  /** EventData by name. */
  readonly data: ReadonlyMap<string, string>;
};

type JsonObject = Readonly<Record<string, unknown>>;

const DATA_MAX = 256;
const TEXT_MAX = 16_384;
const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };
const DATA = /<Data Name=(?:"([^"<]{1,100})"|'([^'<]{1,100})')\s*(?:\/>|>([^<]*)<\/Data>)/g;
const XML_EVENT = /^\s*<Event[\s>]/;

export function isWindowsXml(text: string): boolean {
  return XML_EVENT.test(text);
}

export function isWindowsJson(json: JsonObject): boolean {
  return isObject(json['winlog']);
}

/** Throws UnreadableRecord. */
export function readWindowsXml(text: string): WindowsEvent {
  if (text.includes('<!')) throw new UnreadableRecord('an event has no document type, comment or CDATA');
  const [begin, end] = [text.indexOf('<System>'), text.indexOf('</System>')];
  if (begin < 0 || end < begin || !text.trimEnd().endsWith('</Event>'))
    throw new UnreadableRecord('the event breaks off');
  if (end - begin > TEXT_MAX) throw new UnreadableRecord(`System has more than ${TEXT_MAX} characters`);
  const system = text.slice(begin, end);
  const element = (name: string): string =>
    new RegExp(`<${name}(?:\\s[^>]*)?>([^<]*)</${name}>`).exec(system)?.[1] ?? '';
  const attribute = (name: string, of: string): string =>
    new RegExp(`<${name}\\s(?:[^>]*\\s)?${of}=(?:"([^"<]*)"|'([^'<]*)')`).exec(system)?.slice(1).find(Boolean) ?? '';
  const data = [...text.matchAll(DATA)].map(
    ([, one, other, value = '']) => [one ?? other ?? '', plain(value)] as const,
  );
  return checked({
    provider: plain(attribute('Provider', 'Name')),
    id: element('EventID'),
    channel: plain(element('Channel')),
    computer: plain(element('Computer')),
    record: element('EventRecordID'),
    time: attribute('TimeCreated', 'SystemTime'),
    data,
  });
}

/** Throws UnreadableRecord. */
export function readWindowsJson(json: JsonObject): WindowsEvent {
  const winlog = isObject(json['winlog']) ? json['winlog'] : {};
  const data = isObject(winlog['event_data']) ? winlog['event_data'] : {};
  return checked({
    provider: text(winlog['provider_name']),
    id: text(winlog['event_id']),
    channel: text(winlog['channel']),
    computer: text(winlog['computer_name']),
    record: text(winlog['record_id']),
    time: text(json['@timestamp']),
    data: Object.entries(data).map(([name, value]) => [name, text(value)] as const),
  });
}

type Found = Omit<WindowsEvent, 'id' | 'record' | 'data'> & {
  readonly id: string;
  readonly record: string;
  readonly data: readonly (readonly [string, string])[];
};

function checked({ id, record, data, ...event }: Found): WindowsEvent {
  if (!/^\d{1,5}$/.test(id)) throw new UnreadableRecord('the event has no number (EventID)');
  if (!/^\d{1,15}$/.test(record) || event.channel === '' || event.computer === '')
    throw new UnreadableRecord('the event does not say who it is: Channel, Computer and EventRecordID');
  if (!isInstant(event.time)) throw new UnreadableRecord('the event has no time in UTC (TimeCreated, @timestamp)');
  if (data.length > DATA_MAX || data.some(([, value]) => value.length > TEXT_MAX))
    throw new UnreadableRecord(`an event has at most ${DATA_MAX} fields of ${TEXT_MAX} characters`);
  return { ...event, id: Number(id), record: Number(record), data: new Map(data) };
}

function isInstant(time: string): boolean {
  try {
    return isIndexable(instantToNanos(time));
  } catch {
    return false;
  }
}

/** Throws UnreadableRecord. */
function plain(escaped: string): string {
  return escaped.replace(/&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|(\w{1,10}));/g, (_, decimal, hex, name: string) => {
    if (name !== undefined) {
      const character = Object.hasOwn(ENTITIES, name) ? ENTITIES[name] : undefined;
      if (character === undefined) throw new UnreadableRecord('the event has an entity that XML does not know');
      return character;
    }
    const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal);
    if (code > 0x10ffff) throw new UnreadableRecord('the event has a character that does not exist');
    return String.fromCodePoint(code);
  });
}

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
