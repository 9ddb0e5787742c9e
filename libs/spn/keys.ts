/**
 * Three equalities of SPNs, each as a key: two SPNs are equal in a sense exactly if their keys in it are one text.
 *
 * raw     the text itself.
 * write   what a directory's uniqueness check compares (folding.ts).
 * lookup  what a KDC compares: the write key without invisible code points (ignorable.ts). It is a function of the
 *         write key, so write-equal implies lookup-equal, and who holds a lookup key can be one stream's invariant.
 *
 * Class and name are folded apart, at the first "/" of the text; no fold makes or removes a "/".
 */
import { fold } from './folding.js';
import { dropIgnorable } from './ignorable.js';
import { parseSpn, type Spn } from './spn.js';

/** `lookup` is `serviceClass` + "/" + `name`. */
export interface SpnKeys {
  readonly raw: string;
  readonly write: string;
  readonly lookup: string;
  readonly serviceClass: string;
  readonly name: string;
}

/** All keys of one SPN text. Throws SpnSyntaxError. */
export function spnKeys(text: string): SpnKeys {
  const spn = parseSpn(text);
  const split = splitLookupName(spn);
  return { raw: rawKey(spn), write: writeKey(spn), lookup: `${split.serviceClass}/${split.name}`, ...split };
}

export function rawKey(spn: Spn): string {
  return spn.raw;
}

export function writeKey(spn: Spn): string {
  return fold(spn.raw);
}

export function lookupKey(spn: Spn): string {
  return lookupFold(spn.raw);
}

/** The two halves of the lookup key. `name` is everything after the class: host, port and service name. */
export function splitLookupName(spn: Spn): { readonly serviceClass: string; readonly name: string } {
  return { serviceClass: lookupClass(spn), name: lookupName(spn) };
}

export function lookupClass(spn: Spn): string {
  return lookupFold(spn.serviceClass);
}

export function lookupName(spn: Spn): string {
  return lookupFold(spn.raw.slice(spn.serviceClass.length + 1));
}

/** Folded again after the drop: a removed joiner can bring marks together that canonical order would swap. */
export function lookupFold(text: string): string {
  return fold(dropIgnorable(fold(text)));
}
