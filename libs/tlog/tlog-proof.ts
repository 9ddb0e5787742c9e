/**
 * The receipt of one entry, verifiable offline (C2SP tlog-proof):
 *
 *   c2sp.org/tlog-proof@v1
 *   extra <base64>           optional, not authenticated
 *   index <n>                from 0
 *   <base64 hash …>          inclusion proof, the leaf's sibling first
 *                            (an empty line)
 *   <checkpoint>             the signed note, as the log gave it out
 */
import { decodeBase64, encodeBase64 } from './base64.js';
import { HASH_BYTES } from './hash.js';
import { NOTE_BYTES_MAX } from './note.js';
import { NoteInvalid, quote } from './tlog.error.js';

const VERSION_LINE = 'c2sp.org/tlog-proof@v1';
/** A tree of 2^53 entries has proofs of 53 hashes. */
export const PROOF_HASHES_MAX = 53;
const EXTRA_LENGTH_MAX = 64 * 1024;

export type TlogProof = {
  readonly extra?: Buffer;
  readonly index: number;
  readonly proof: readonly Buffer[];
  /** A signed note: open it with the log's key before believing anything of it. */
  readonly checkpoint: string;
};

export function formatTlogProof({ extra, index, proof, checkpoint }: TlogProof): string {
  const head = extra === undefined ? [VERSION_LINE] : [VERSION_LINE, `extra ${encodeBase64(extra)}`];
  return [...head, `index ${index}`, ...proof.map(encodeBase64), '', checkpoint].join('\n');
}

/** Throws NoteInvalid. The checkpoint in it is not opened. */
export function parseTlogProof(text: string): TlogProof {
  const refuse = (line: number, reason: string): never => {
    throw new NoteInvalid('TLOG_PROOF_SYNTAX', `not a tlog-proof: line ${line} ${reason}`);
  };
  if (text.length > NOTE_BYTES_MAX + EXTRA_LENGTH_MAX) return refuse(1, `begins ${text.length} characters, too many`);
  const gap = text.indexOf('\n\n');
  const lines = (gap < 0 ? text : text.slice(0, gap)).split('\n');
  if (lines[0] !== VERSION_LINE) return refuse(1, `is ${quote(lines[0] ?? '')} instead of ${VERSION_LINE}`);
  const extra = lines[1]?.startsWith('extra ') ? decodeBase64(lines[1].slice('extra '.length)) : undefined;
  if (lines[1]?.startsWith('extra ') && extra === undefined) return refuse(2, 'is not base64 behind "extra "');
  const indexLine = extra === undefined ? 1 : 2;
  const [, digits = ''] = /^index (0|[1-9]\d*)$/.exec(lines[indexLine] ?? '') ?? [];
  const index = Number(digits);
  if (digits === '' || !Number.isSafeInteger(index)) return refuse(indexLine + 1, 'is not "index <number>"');
  const hashes = lines.slice(indexLine + 1);
  if (hashes.length > PROOF_HASHES_MAX) return refuse(indexLine + 2, `begins ${hashes.length} hashes, too many`);
  const proof = hashes.map((line, i) => {
    const hash = decodeBase64(line);
    return hash?.length === HASH_BYTES ? hash : refuse(indexLine + 2 + i, `is not the base64 of ${HASH_BYTES} bytes`);
  });
  if (gap < 0) return refuse(lines.length + 1, 'should be empty, before the checkpoint');
  return { ...(extra ? { extra } : {}), index, proof, checkpoint: text.slice(gap + 2) };
}
