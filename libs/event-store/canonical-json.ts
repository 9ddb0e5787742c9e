/**
 * Canonical JSON (RFC 8785): keys in order of UTF-16 code units, no white space, numbers as ECMAScript prints them. Two
 * equal values have equal bytes, which is what leaves and request digests are taken over.
 * Keys are put in order and JSON.stringify does the rest: about five times faster than a serializer of our own.
 */
import type { Json } from './event.js';

const DEPTH_MAX = 32;
/** JSON.stringify moves these to the front of an object, whatever their order. */
const INTEGER_KEY = /^(0|[1-9]\d*)$/;
/** JSON.stringify escapes surrogates only when they are alone; RFC 8785 §3.2.2.2 refuses those. */
const LONE_SURROGATE = /(?<!\\)(?:\\\\)*\\ud[89a-f]/;

/** A value that has no canonical text. The message names the key or the kind of value, never the value. */
export class NotCanonical extends Error {
  readonly code = 'ES_NOT_CANONICAL';
}

/** Properties that are undefined are left out. Throws NotCanonical. */
export function canonicalJson(value: Json): string {
  const text = JSON.stringify(inOrder(value, 0));
  if (text.includes('\\ud') && LONE_SURROGATE.test(text)) {
    throw new NotCanonical('a string holds half of a surrogate pair: replace it with U+FFFD where the text is read');
  }
  return text;
}

function inOrder(value: unknown, depth: number): Json {
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return value;
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new NotCanonical(`${value} is not a JSON number`);
    return value;
  }
  if (depth === DEPTH_MAX) throw new NotCanonical(`objects and lists are nested more than ${DEPTH_MAX} deep`);
  if (Array.isArray(value)) return Array.from(value, (entry) => inOrder(entry, depth + 1));
  const kind = Object.prototype.toString.call(value);
  if (kind !== '[object Object]') throw new NotCanonical(`${kind} is not JSON`);
  return objectInOrder(value as Record<string, unknown>, depth);
}

function objectInOrder(object: Record<string, unknown>, depth: number): Json {
  const ordered: Record<string, Json> = {};
  for (const key of Object.keys(object).toSorted()) {
    if (object[key] === undefined) continue;
    if (INTEGER_KEY.test(key) || key === '__proto__') throw new NotCanonical(`"${key}" cannot be a key: choose a word`);
    ordered[key] = inOrder(object[key], depth + 1);
  }
  return ordered;
}
