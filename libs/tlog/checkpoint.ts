/**
 * Checkpoints (C2SP tlog-checkpoint), the text of the note that a log signs:
 *
 *   <origin>                 who issues this log
 *   <tree size>              decimal
 *   <root>                   base64 of the RFC 6962 root over that many entries
 *   <extension lines …>      none of ours; read past
 */
import { decodeBase64, encodeBase64 } from './base64.js';
import { HASH_BYTES } from './hash.js';
import { openNote } from './note.js';
import type { Verifier } from './note-key.js';
import { NoteInvalid, quote } from './tlog.error.js';

export type Checkpoint = { readonly origin: string; readonly size: number; readonly root: Buffer };

/** Throws NoteInvalid for an origin that is empty or has more than one line, RangeError for what is no size or root. */
export function formatCheckpoint({ origin, size, root }: Checkpoint): string {
  if (!Number.isSafeInteger(size) || size < 0 || root.length !== HASH_BYTES) {
    throw new RangeError(`no checkpoint has size ${size} and a root of ${root.length} bytes`);
  }
  const text = `${origin}\n${size}\n${encodeBase64(root)}\n`;
  parseCheckpoint(text);
  return text;
}

/** `text` is that of an opened note. Throws NoteInvalid. */
export function parseCheckpoint(text: string): Checkpoint {
  const refuse = (line: number, reason: string): never => {
    throw new NoteInvalid('TLOG_CHECKPOINT_SYNTAX', `not a checkpoint: line ${line} ${reason}`);
  };
  const [origin = '', size = '', root = '', ...rest] = text.split('\n');
  if (origin === '') return refuse(1, 'should name the origin and is empty');
  const entries = Number(size);
  if (!/^(0|[1-9]\d*)$/.test(size) || !Number.isSafeInteger(entries))
    return refuse(2, `is no tree size: ${quote(size)}`);
  const bytes = decodeBase64(root);
  if (bytes?.length !== HASH_BYTES) return refuse(3, `is not the base64 of ${HASH_BYTES} bytes: ${quote(root)}`);
  const empty = rest.indexOf('');
  if (rest.length === 0 || empty !== rest.length - 1)
    return refuse(4 + Math.max(empty, 0), 'is empty, or the last one does not end');
  return { origin, size: entries, root: bytes };
}

export type OpenedCheckpoint = { readonly checkpoint: Checkpoint; readonly verifiedBy: readonly Verifier[] };

/**
 * A signed checkpoint. Among the keys that have signed must be the log's own, which is named as its origin: a witness's
 * signature alone does not make it the log's. Throws NoteInvalid.
 */
export function openCheckpoint(note: string, verifiers: readonly Verifier[]): OpenedCheckpoint {
  const { text, verifiedBy } = openNote(note, verifiers);
  const checkpoint = parseCheckpoint(text);
  if (!verifiedBy.some(({ name }) => name === checkpoint.origin)) {
    const names = verifiedBy.map(({ name }) => quote(name)).join(', ');
    throw new NoteInvalid(
      'TLOG_NOTE_UNVERIFIED',
      `the checkpoint of ${quote(checkpoint.origin)} is signed by ${names} only`,
    );
  }
  return { checkpoint, verifiedBy };
}
