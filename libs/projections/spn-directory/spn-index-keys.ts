/**
 * The keys of one SPN value as they stand in the tables. Every value that a source ever showed has keys, also one that is
 * no SPN; and every key fits a B-tree entry (2,704 bytes with the columns beside it), so that no record can stop a projection.
 */
import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { lookupFold, spnKeys, SpnSyntaxError } from '#spn';

export type SpnIndexKeys = {
  readonly writeKey: string;
  /** `serviceClass` + "/" + `name`. */
  readonly lookupKey: string;
  /** Folded; empty for a value that is no SPN, which no KDC finds and which is nobody's alias. */
  readonly serviceClass: string;
  /** Folded: what follows the class. */
  readonly name: string;
};

const INDEXED_BYTES_MAX = 600;
/** Of one UTF-16 code unit. */
const UTF8_BYTES_MAX = 3;

/** Folding a name costs more than all else that is done with it, and the same few come again and again. */
const known = new LRUCache<string, SpnIndexKeys>({ max: 10_000 });
const KNOWN_LENGTH_MAX = 200;

export function spnIndexKeys(spn: string): SpnIndexKeys {
  if (spn.length > KNOWN_LENGTH_MAX) return keysOf(spn);
  const keys = known.get(spn) ?? keysOf(spn);
  known.set(spn, keys);
  return keys;
}

function keysOf(spn: string): SpnIndexKeys {
  try {
    const keys = spnKeys(spn);
    return joined(keys.serviceClass, keys.name, keys.write);
  } catch (error) {
    if (!(error instanceof SpnSyntaxError)) throw error;
    return joined('', lookupFold(spn), spn);
  }
}

/** The text, or its SHA-256 where it is too long for an index. */
export function indexed(text: string): string {
  const isShort = text.length * UTF8_BYTES_MAX <= INDEXED_BYTES_MAX; // true of nearly all, and far cheaper to ask
  if (isShort || Buffer.byteLength(text) <= INDEXED_BYTES_MAX) return text;
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

function joined(serviceClass: string, name: string, writeKey: string): SpnIndexKeys {
  const keys = { serviceClass: indexed(serviceClass), name: indexed(name), writeKey: indexed(writeKey) };
  return { ...keys, lookupKey: `${keys.serviceClass}/${keys.name}` };
}
