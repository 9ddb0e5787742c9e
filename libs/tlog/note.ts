/**
 * Signed notes (C2SP signed-note):
 *
 *   note = text (ends in a newline), an empty line, one or more signature lines: — <name> <base64 of key id || signature>
 *
 * Signatures of keys that we do not know are kept and passed over: that is how keys are rotated, and how witnesses and
 * newer signature types take part. A signature of a known key that is wrong refuses the whole note.
 */
import { decodeBase64 } from './base64.js';
import { isKeyName, type Signer, type Verifier } from './note-key.js';
import { NoteInvalid, quote } from './tlog.error.js';

/** Room for 32 post-quantum signatures of 5 kB. */
export const NOTE_BYTES_MAX = 256 * 1024;
export const NOTE_SIGNATURES_MAX = 32;

export type NoteSignature = { readonly name: string; readonly keyId: Buffer; readonly signature: Buffer };
export type OpenedNote = { readonly text: string; readonly verifiedBy: readonly Verifier[] };

/** Throws NoteInvalid for a text that no note can have. */
export function signNote(text: string, signers: readonly Signer[]): string {
  const note = `${text}\n${signers.map((signer) => signer.sign(text)).join('')}`;
  parseNote(note);
  return note;
}

/** The text, which at least one of the verifiers has signed, and which of them did. Throws NoteInvalid. */
export function openNote(note: string, verifiers: readonly Verifier[]): OpenedNote {
  const { text, signatures } = parseNote(note);
  const verifiedBy = verifiers.filter((verifier) => {
    const own = signatures.filter(({ name, keyId }) => name === verifier.name && keyId.equals(verifier.keyId));
    if (own.some(({ signature }) => !verifier.verify(text, signature))) {
      throw new NoteInvalid(
        'TLOG_NOTE_SIGNATURE',
        `the signature of ${quote(verifier.name)} (key ${verifier.keyId.toString('hex')}) is not of this text: it was changed`,
      );
    }
    return own.length > 0;
  });
  if (verifiedBy.length === 0) {
    const signedBy = signatures.map(({ name, keyId }) => `${quote(name)} (key ${keyId.toString('hex')})`).join(', ');
    throw new NoteInvalid(
      'TLOG_NOTE_UNVERIFIED',
      `none of the ${verifiers.length} known keys has signed; ${signedBy} did`,
    );
  }
  return { text, verifiedBy };
}

/** Without judging any signature. Throws NoteInvalid. */
export function parseNote(note: string): { text: string; signatures: NoteSignature[] } {
  const bytes = Buffer.byteLength(note);
  if (bytes > NOTE_BYTES_MAX) throw limit(`it has ${bytes} bytes; ${NOTE_BYTES_MAX} are the most`);
  const control = /[^\n -\u{10ffff}]|\p{Surrogate}/u.exec(note);
  if (control) throw syntax(`character ${control.index} is a control character or half of one`);
  if (!note.endsWith('\n')) throw syntax('it does not end in a newline');
  const gap = note.lastIndexOf('\n\n');
  if (gap < 0) throw syntax('no empty line parts its text from its signatures');
  const lines = note.slice(gap + 2, -1).split('\n');
  if (lines.length > NOTE_SIGNATURES_MAX) {
    throw limit(`it has ${lines.length} signatures; ${NOTE_SIGNATURES_MAX} are the most`);
  }
  return { text: note.slice(0, gap + 1), signatures: lines.map(parseSignature) };
}

function parseSignature(line: string, i: number): NoteSignature {
  const [, name = '', encoded = ''] = /^— ([^ ]+) ([^ ]+)$/.exec(line) ?? [];
  const bytes = decodeBase64(encoded);
  if (!isKeyName(name) || bytes === undefined || bytes.length <= 4) {
    throw syntax(`signature ${i + 1} is ${quote(line)} instead of — <key name> <base64>`);
  }
  return { name, keyId: bytes.subarray(0, 4), signature: bytes.subarray(4) };
}

function syntax(reason: string): NoteInvalid {
  return new NoteInvalid('TLOG_NOTE_SYNTAX', `not a signed note: ${reason}`);
}

function limit(reason: string): NoteInvalid {
  return new NoteInvalid('TLOG_NOTE_LIMIT', `the signed note is too large: ${reason}`);
}
