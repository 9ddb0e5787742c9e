/**
 * The keys of one SPN value as they stand in the tables. Every value that a source ever showed has keys, also one that is
 * no SPN; and every key fits a B-tree entry (2,704 bytes with the columns beside it), so that no record can stop a projection.
 */
import { createHash } from 'node:crypto';
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

export function spnIndexKeys(spn: string): SpnIndexKeys {
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
  if (Buffer.byteLength(text) <= INDEXED_BYTES_MAX) return text;
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

function joined(serviceClass: string, name: string, writeKey: string): SpnIndexKeys {
  const keys = { serviceClass: indexed(serviceClass), name: indexed(name), writeKey: indexed(writeKey) };
  return { ...keys, lookupKey: `${keys.serviceClass}/${keys.name}` };
}
