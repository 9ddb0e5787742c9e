/**
 * Which fields of an event speak about a person, and about whom. A catalogue says it per field (docs/personal-data.md has the
 * table); the store seals what is said under the keys of these subjects (seal-event.ts).
 */
import type { JsonObject } from '../event.js';

/** Whose the value is. Paths go through lists: `holders.account` is the account of each holder. */
export type PersonalField = {
  /** The first of these fields that is there names the subject; `self` is the value itself. If none is, it is about nobody. */
  readonly of: readonly string[];
  /** Of our own events it is an opaque id, or our own words, and stays. */
  readonly observedOnly?: true;
  /** A value with a "/" names a service, not an account, and stays. */
  readonly unlessService?: true;
  /** An address with a port, which stays: what was told apart by it can still be. */
  readonly endpoint?: true;
};

export type PersonalFields = Readonly<Record<string, PersonalField>>;

/** A name of the person: what it says is the subject. */
export const PERSON: PersonalField = { of: ['self'] };

/** An account: an opaque id in our own events, which names the subject of other fields but is not sealed itself. */
export const ACCOUNT: PersonalField = { of: ['self'], observedOnly: true };

/** What a ticket is for, as other systems' logs have it: a service, or an account under its own name. */
export const SERVICE: PersonalField = { of: ['self'], observedOnly: true, unlessService: true };

/** Says something about whoever the first of these fields names. */
export function of(...fields: readonly string[]): PersonalField {
  return { of: fields };
}

/** Text of another system about whoever the first of these fields names; our own texts hold no names. */
export function saidOf(...fields: readonly string[]): PersonalField {
  return { of: fields, observedOnly: true };
}

/** The address of whoever the first of these fields names. */
export function endpointOf(...fields: readonly string[]): PersonalField {
  return { of: fields, endpoint: true };
}

/** A person, or whatever else a key belongs to, under one name in one forest; '' where there is no forest. */
export type Subject = { readonly forest: string; readonly name: string };

export type PersonalValue = {
  readonly path: readonly string[];
  readonly value: string;
  /** What of the value stays: a colon and digits, or nothing. */
  readonly port: string;
  readonly subject: Subject;
};

const PORT = /(?<=[\].\w]):\d{1,5}$/;

/** Every personal text in the data, in the order of the catalogue. */
export function personalValues(
  fields: readonly (readonly [path: readonly string[], field: PersonalField])[],
  data: JsonObject,
  origin: 'decided' | 'observed',
): PersonalValue[] {
  const found: PersonalValue[] = [];
  const forest = subjectForest(data);
  for (const [path, field] of fields) {
    if (field.observedOnly && origin === 'decided') continue;
    for (const { at, text } of textsAt(data, path)) {
      if (field.unlessService && text.includes('/')) continue;
      const name = subjectName(field, data, text);
      const port = field.endpoint ? (PORT.exec(text)?.[0] ?? '') : '';
      if (name !== undefined) found.push({ path: at, value: text, port, subject: { forest, name } });
    }
  }
  return found;
}

/** Of a pseudonym and of its value's part in a box, beside the value itself; of a box beside what is in it. */
const VALUE_BYTES = 48;
const BOX_BYTES = 80;

/** Bytes by which sealing lengthens an observed event at the most: a box is base64. */
export function sealingBytesMax(personal: PersonalFields, data: JsonObject): number {
  const fields = Object.entries(personal).map(([path, field]) => [path.split('.'), field] as const);
  const values = personalValues(fields, data, 'observed');
  return values.reduce((sum, { path, value }) => {
    const boxed = Buffer.byteLength(JSON.stringify(value)) + path.join('/').length;
    return sum + Math.ceil(boxed / 3) + 2 * path.join('/').length + VALUE_BYTES + BOX_BYTES;
  }, 0);
}

export function subjectForest(data: JsonObject): string {
  return typeof data['forest'] === 'string' ? data['forest'] : '';
}

function subjectName({ of: fields }: PersonalField, data: JsonObject, text: string): string | undefined {
  for (const field of fields) {
    const name = field === 'self' ? text : data[field];
    if (typeof name === 'string' && name !== '') return name;
  }
  return undefined;
}

type TextAt = { readonly at: readonly string[]; readonly text: string };

/** The texts under a path, none for an empty one: it says nothing. */
function textsAt(value: unknown, path: readonly string[], at: readonly string[] = []): TextAt[] {
  if (Array.isArray(value)) return value.flatMap((entry, index) => textsAt(entry, path, [...at, String(index)]));
  const [field, ...rest] = path;
  if (field === undefined) return typeof value === 'string' && value !== '' ? [{ at, text: value }] : [];
  if (typeof value !== 'object' || value === null) return [];
  return textsAt((value as Record<string, unknown>)[field], rest, [...at, field]);
}
