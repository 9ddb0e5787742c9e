/**
 * Canonical JSON (RFC 8785): keys in order of UTF-16 code units, no white space, numbers and strings as ECMAScript writes
 * them. Two equal values have equal bytes, which is what leaves and request digests are taken over.
 */
import type { Json } from './event.js';

const DEPTH_MAX = 32;
/** Everything else stands between quotes as it is. */
const NOT_PLAIN = /["\\\p{Cc}\p{Cs}]/u;
/** Of a pair that is whole, the u flag sees the character. */
const LONE_SURROGATE = /\p{Cs}/u;
/** JSON.parse moves these to the front of an object: who writes the event out again would get other bytes. */
const INTEGER_KEY = /^(0|[1-9]\d*)$/;

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
  if (Array.isArray(value)) return `[${Array.from(value, (entry) => writeValue(entry, depth + 1)).join(',')}]`;
  const kind = Object.prototype.toString.call(value);
  if (kind !== '[object Object]') throw new NotCanonical(`${kind} is not JSON`);
  return writeObject(value as Record<string, unknown>, depth);
}

function writeObject(object: Record<string, unknown>, depth: number): string {
  let members = '';
  for (const key of Object.keys(object).toSorted()) {
    const value = object[key];
    if (value === undefined) continue;
    if (INTEGER_KEY.test(key)) throw new NotCanonical(`"${key}" cannot be a key: choose a word`);
    members += `${members && ','}${writeString(key)}:${writeValue(value, depth + 1)}`;
  }
  return `{${members}}`;
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
