/**
 * An event's bytes: canonical JSON whose SHA-256 leaf (RFC 6962 §2.1: SHA-256(0x00 || body)) the log commits to.
 *
 *   {"data":…,"id":…,"metadata":…,"occurredAt":…,"prev":…,"recordedAt":…,"schemaVersion":…,"stream":…,"type":…,"version":…}
 *
 * `prev` is the hex leaf of the stream's previous event, null for its first. What the append gives an event (prev,
 * recordedAt, version) may have to be given again when the stream has moved: so the rest is written once, as a draft.
 */
import { hash } from 'node:crypto';
import { canonicalJson } from './canonical-json.js';
import type { JsonObject, Metadata, NewEvent, RecordedEvent } from './event.js';
import { isIndexableInstant } from './instant.js';

/** Entry bundles of a tiled log hold at most 65,535 bytes each (C2SP tlog-tiles). */
export const BODY_BYTES_MAX = 60 * 1024;
/** `"prev"` (64 hex digits and quotes), `,"recordedAt":"…Z"`, the version's digits and the last brace, at their longest. */
const APPENDED_BYTES_MAX = 66 + 43 + 10 + 1;

const TYPE_KEY = '"type":"';
const DATA_KEY = '{"data":';

export type EventDraft = {
  readonly id: string;
  readonly type: string;
  readonly schemaVersion: number;
  /** The body up to `"prev":`, and from behind recordedAt up to `"version":`. */
  readonly front: string;
  readonly back: string;
  /** Most bytes that the body can have. */
  readonly bytes: number;
};

export type Link = { readonly prev: string | null; readonly recordedAt: string; readonly version: number };

/** Throws NotCanonical, InvalidInstant, and RangeError for an instant that no read model can keep. */
export function draftEvent(stream: string, id: string, event: NewEvent): EventDraft {
  if (!isIndexableInstant(event.occurredAt)) {
    throw new RangeError(`it occurred at ${event.occurredAt}, outside the years 1678 to 2261`);
  }
  const { type, schemaVersion } = event;
  const data = canonicalJson(event.data);
  const metadata = canonicalJson(event.metadata);
  const front = `{"data":${data},"id":"${id}","metadata":${metadata},"occurredAt":"${event.occurredAt}","prev":`;
  const back = `,"schemaVersion":${schemaVersion},"stream":${JSON.stringify(stream)},"type":"${type}","version":`;
  const bytes = Buffer.byteLength(front) + Buffer.byteLength(back) + APPENDED_BYTES_MAX;
  return { id, type, schemaVersion, front, back, bytes };
}

/** `recordedAt` has six fraction digits. `leaf` is hex. */
export function encodeEvent(draft: EventDraft, { prev, recordedAt, version }: Link): { body: string; leaf: string } {
  const quoted = prev === null ? 'null' : `"${prev}"`;
  // Joined once, with the leaf's prefix in front: the body is then a view of what was hashed.
  const entry = `\0${draft.front}${quoted},"recordedAt":"${recordedAt}"${draft.back}${version}}`;
  const leaf = hash('sha256', entry, 'hex');
  return { body: entry.slice(1), leaf };
}

export function leafHash(body: string): string {
  return hash('sha256', `\0${body}`, 'hex');
}

/** The event as it was written, at the schema version of then. */
export function decodeEvent(position: number, body: string): RecordedEvent {
  const event = JSON.parse(body) as StoredEvent;
  const { id, stream, version, type, schemaVersion, occurredAt, recordedAt, data, metadata } = event;
  return { id, stream, version, position, type, schemaVersion, occurredAt, recordedAt, data, metadata };
}

/** The type, found without parsing: behind it a body has nothing but its version. */
export function eventType(body: string): string {
  const from = body.lastIndexOf(TYPE_KEY) + TYPE_KEY.length;
  return body.slice(from, body.indexOf('"', from));
}

/** An event as it stands in a body: data and metadata are texts of canonical JSON. */
export type WrittenEvent = Omit<RecordedEvent, 'position' | 'data' | 'metadata'> & {
  readonly data: string;
  readonly metadata: string;
};

/**
 * The parts of a body, without parsing it: from its end on, because each key's last appearance before the next one is its own
 * (no text holds a quote that is not escaped, and metadata no key `metadata`). Throws RangeError for what is no body.
 */
export function writtenEvent(body: string): WrittenEvent {
  let end = body.length - 1;
  const last = (key: string): string => {
    const mark = `,"${key}":`;
    const at = body.lastIndexOf(mark, end);
    if (at < 0) throw new RangeError(`the body of an event has no ${key}`);
    const value = body.slice(at + mark.length, end);
    end = at;
    return value;
  };
  const version = Number(last('version'));
  const type = unquote(last('type'));
  const stream = unquote(last('stream'));
  const schemaVersion = Number(last('schemaVersion'));
  const recordedAt = unquote(last('recordedAt'));
  last('prev');
  const occurredAt = unquote(last('occurredAt'));
  const metadata = last('metadata');
  const id = unquote(last('id'));
  const data = body.slice(DATA_KEY.length, end);
  return { id, stream, version, type, schemaVersion, occurredAt, recordedAt, data, metadata };
}

function unquote(json: string): string {
  return json.includes('\\') ? (JSON.parse(json) as string) : json.slice(1, -1);
}

type StoredEvent = Omit<RecordedEvent, 'position'> & {
  readonly prev: string | null;
  data: JsonObject;
  metadata: Metadata;
};
