/**
 * A bundle of evidence: events, their proofs and the signed checkpoint in one JSON file, for whoever has no access to the
 * server (format kerbtrail-evidence/1). `body` is the exact text that the event's leaf was taken over; `proof` is that of
 * RFC 6962 §2.1.1, the leaf's sibling first, in base64. Positions count from 1: index in the tree plus one.
 */
import { decodeBase64 } from './base64.js';
import { HASH_BYTES } from './hash.js';
import { BundleInvalid, quote } from './tlog.error.js';
import { ENTRY_BYTES_MAX } from './entry-bundle.js';
import { NOTE_BYTES_MAX } from './note.js';
import { PROOF_HASHES_MAX } from './tlog-proof.js';

export const EVIDENCE_FORMAT = 'kerbtrail-evidence/1';
export const BUNDLE_ENTRIES_MAX = 10_000;
/** Characters of the file: 10,000 events of 4 kB with their proofs. */
export const BUNDLE_LENGTH_MAX = 64 * 1024 * 1024;
const KEYS_MAX = 32;
const TEXT_LENGTH_MAX = 1024;

/** What was asked for. Positions ascend. */
export type Selection =
  | { readonly kind: 'positions'; readonly positions: readonly number[] }
  | { readonly kind: 'range'; readonly from: number; readonly to: number }
  | { readonly kind: 'stream'; readonly stream: string };

export type EvidenceEntry =
  | { readonly position: number; readonly body: string; readonly proof: readonly string[] }
  /** Its bytes are withheld: only that an event with this leaf (hex) stands there can be shown. */
  | { readonly position: number; readonly body: null; readonly leaf: string; readonly proof: readonly string[] };

export type EvidenceBundle = {
  readonly format: typeof EVIDENCE_FORMAT;
  readonly origin: string;
  /** The signed note. */
  readonly checkpoint: string;
  /** Verifier keys as the server claims them. */
  readonly keys: readonly string[];
  readonly selection: Selection;
  readonly entries: readonly EvidenceEntry[];
};

/** One entry a line, so that a diff of two bundles can be read. Throws BundleInvalid for what `parse` would refuse. */
export function formatEvidenceBundle({ entries, ...head }: EvidenceBundle): string {
  const lines = entries.map((entry) => `    ${JSON.stringify(entry)}`).join(',\n');
  const text = `${JSON.stringify(head, null, 2).slice(0, -2)},\n  "entries": [\n${lines}\n  ]\n}\n`;
  parseEvidenceBundle(text);
  return text;
}

/** Shapes and sizes only: what is in it is not yet believed. Throws BundleInvalid. */
export function parseEvidenceBundle(text: string): EvidenceBundle {
  if (text.length > BUNDLE_LENGTH_MAX) {
    throw new BundleInvalid('the file', `has ${text.length} characters; ${BUNDLE_LENGTH_MAX} are the most`);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new BundleInvalid('the file', 'is not JSON', cause);
  }
  const bundle = objectAt('the file', json, ['format', 'origin', 'checkpoint', 'keys', 'selection', 'entries']);
  const format = textAt('format', bundle['format']);
  if (format !== EVIDENCE_FORMAT)
    throw new BundleInvalid('format', `is ${quote(format)}; only ${EVIDENCE_FORMAT} is known here`);
  return {
    format,
    origin: textAt('origin', bundle['origin']),
    checkpoint: textAt('checkpoint', bundle['checkpoint'], NOTE_BYTES_MAX),
    keys: listAt('keys', bundle['keys'], KEYS_MAX, textAt),
    selection: selectionAt('selection', bundle['selection']),
    entries: listAt('entries', bundle['entries'], BUNDLE_ENTRIES_MAX, entryAt),
  };
}

function selectionAt(at: string, value: unknown): Selection {
  const kind = textAt(`${at}.kind`, (Object(value) as Fields)['kind']);
  if (kind === 'stream') {
    const { stream } = objectAt(at, value, ['kind', 'stream']);
    return { kind, stream: textAt(`${at}.stream`, stream) };
  }
  if (kind === 'range') {
    const fields = objectAt(at, value, ['kind', 'from', 'to']);
    const [from, to] = [positionAt(`${at}.from`, fields['from']), positionAt(`${at}.to`, fields['to'])];
    if (to < from) throw new BundleInvalid(at, `ends at ${to}, before it begins at ${from}`);
    return { kind, from, to };
  }
  if (kind !== 'positions') throw new BundleInvalid(`${at}.kind`, 'is none of positions, range, stream');
  const fields = objectAt(at, value, ['kind', 'positions']);
  const positions = listAt(`${at}.positions`, fields['positions'], BUNDLE_ENTRIES_MAX, positionAt);
  const descent = positions.findIndex((position, i) => i > 0 && position <= positions[i - 1]!);
  if (descent > 0) throw new BundleInvalid(`${at}.positions[${descent}]`, 'is not above the one before');
  return { kind, positions };
}

function entryAt(at: string, value: unknown): EvidenceEntry {
  const isWithheld = (Object(value) as Fields)['body'] === null;
  const fields = objectAt(
    at,
    value,
    isWithheld ? ['position', 'body', 'leaf', 'proof'] : ['position', 'body', 'proof'],
  );
  const position = positionAt(`${at}.position`, fields['position']);
  const proof = listAt(`${at}.proof`, fields['proof'], PROOF_HASHES_MAX, hashAt, 0);
  if (!isWithheld) {
    const body = textAt(`${at}.body`, fields['body'], ENTRY_BYTES_MAX);
    if (Buffer.byteLength(body) > ENTRY_BYTES_MAX)
      throw new BundleInvalid(`${at}.body`, `has more than ${ENTRY_BYTES_MAX} bytes`);
    return { position, body, proof };
  }
  const leaf = textAt(`${at}.leaf`, fields['leaf']);
  if (!/^[0-9a-f]{64}$/.test(leaf)) throw new BundleInvalid(`${at}.leaf`, `is not ${2 * HASH_BYTES} hex digits`);
  return { position, body: null, leaf, proof };
}

type Fields = Readonly<Record<string, unknown>>;

function objectAt(at: string, value: unknown, keys: readonly string[]): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new BundleInvalid(at, 'is not an object');
  const missing = keys.find((key) => !Object.hasOwn(value, key));
  if (missing !== undefined) throw new BundleInvalid(at, `has no ${missing}`);
  const unknown = Object.keys(value).find((key) => !keys.includes(key));
  if (unknown !== undefined) throw new BundleInvalid(at, `has a field that is not known here: ${quote(unknown)}`);
  return value as Fields;
}

/** Not empty, and with bytes of its own: half of a surrogate pair has none. */
function textAt(at: string, value: unknown, lengthMax = TEXT_LENGTH_MAX): string {
  if (typeof value !== 'string' || value === '') throw new BundleInvalid(at, 'is not a text');
  if (value.length > lengthMax)
    throw new BundleInvalid(at, `has ${value.length} characters; ${lengthMax} are the most`);
  if (/\p{Surrogate}/u.test(value)) throw new BundleInvalid(at, 'has half of a surrogate pair');
  return value;
}

function listAt<Item>(
  at: string,
  value: unknown,
  lengthMax: number,
  itemAt: (at: string, item: unknown) => Item,
  lengthMin = 1,
): Item[] {
  if (!Array.isArray(value)) throw new BundleInvalid(at, 'is not a list');
  if (value.length < lengthMin) throw new BundleInvalid(at, 'is empty');
  if (value.length > lengthMax) throw new BundleInvalid(at, `has ${value.length} items; ${lengthMax} are the most`);
  return value.map((item, i) => itemAt(`${at}[${i}]`, item));
}

function positionAt(at: string, value: unknown): number {
  if (!Number.isSafeInteger(value) || (value as number) < 1)
    throw new BundleInvalid(at, 'is not a position: 1, 2, 3 …');
  return value as number;
}

function hashAt(at: string, value: unknown): string {
  const text = textAt(at, value);
  if (decodeBase64(text)?.length !== HASH_BYTES)
    throw new BundleInvalid(at, `is not the base64 of ${HASH_BYTES} bytes`);
  return text;
}
