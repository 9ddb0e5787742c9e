/**
 * Canonical JSON (RFC 8785): keys in order of UTF-16 code units, no white space, numbers and strings as ECMAScript writes
 * them. Two equal values have equal bytes, which is what leaves and request digests are taken over.
 */
import type { Json } from './event.js';

const DEPTH_MAX = 32;
/** Everything else stands between quotes as it is. Control characters and surrogates, in pairs or not. */
const NOT_PLAIN = /["\\\u0000-\u001f\u007f-\u009f\ud800-\udfff]/; // eslint-disable-line no-control-regex
/** Of a pair that is whole, the u flag sees the character. */
const LONE_SURROGATE = /\p{Cs}/u;
/** JSON.parse moves these to the front of an object: who writes the event out again would get other bytes. */
const INTEGER_KEY = /^(0|[1-9]\d*)$/;

const KEYS_MAX = 1_000;
/** Keys as they stand before their values: events have few, and the same ones. */
const writtenKeys = new Map<string, string>();

/** A value that has no canonical text. The message names the key or the kind of value, never the value. */
export class NotCanonical extends Error {
  readonly code = 'ES_NOT_CANONICAL';
}

/** Properties that are undefined are left out. Throws NotCanonical. */
export function canonicalJson(value: Json): string {
  return writeValue(value, 0);
}

function writeValue(value: unknown, depth: number): string {
  if (typeof value === 'string') return writeString(value);
  if (typeof value === 'number') return writeNumber(value);
  if (typeof value === 'boolean' || value === null) return String(value);
  if (depth === DEPTH_MAX) throw new NotCanonical(`objects and lists are nested more than ${DEPTH_MAX} deep`);
  if (Array.isArray(value)) return writeList(value, depth);
  const kind = Object.prototype.toString.call(value);
  if (kind !== '[object Object]') throw new NotCanonical(`${kind} is not JSON`);
  return writeObject(value as Record<string, unknown>, depth);
}

function writeList(list: readonly unknown[], depth: number): string {
  let entries = '';
  for (const entry of list) entries += `${entries && ','}${writeValue(entry, depth + 1)}`;
  return `[${entries}]`;
}

function writeObject(object: Record<string, unknown>, depth: number): string {
  let members = '';
  for (const key of sortedKeys(object)) {
    const value = object[key];
    if (value === undefined) continue;
    members += `${members && ','}${writeKey(key)}${writeValue(value, depth + 1)}`;
  }
  return `{${members}}`;
}

function writeKey(key: string): string {
  const known = writtenKeys.get(key);
  if (known) return known;
  if (INTEGER_KEY.test(key)) throw new NotCanonical(`"${key}" cannot be a key: choose a word`);
  const written = `${writeString(key)}:`;
  if (writtenKeys.size < KEYS_MAX) writtenKeys.set(key, written);
  return written;
}

/** Most objects are written with their keys in order, and sorting costs more than looking. */
function sortedKeys(object: Record<string, unknown>): string[] {
  const keys = Object.keys(object);
  for (let n = 1; n < keys.length; n++) if (keys[n - 1]! >= keys[n]!) return keys.toSorted();
  return keys;
}

function writeString(text: string): string {
  if (!NOT_PLAIN.test(text)) return `"${text}"`;
  if (LONE_SURROGATE.test(text)) {
    throw new NotCanonical('a string holds half of a surrogate pair: replace it with U+FFFD where the text is read');
  }
  return JSON.stringify(text);
}

function writeNumber(value: number): string {
  if (!Number.isFinite(value)) throw new NotCanonical(`${value} is not a JSON number`);
  return JSON.stringify(value);
}
