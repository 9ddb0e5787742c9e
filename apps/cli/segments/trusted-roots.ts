/**
 * The signed roots that segments are judged by, when no server is asked: checkpoints that somebody has kept, by the keys that are
 * trusted here or given, and the last one that `kerbtrail verify` has remembered of the same log.
 */
import { NoteInvalid, openCheckpoint, parseVerifierKey, type Verifier } from '#tlog';
import { readFileSync } from 'node:fs';
import { CliError, environmentError, EXIT, usageError } from '../cli.error.js';
import type { SignedRoot } from '../evidence/tree-check.js';
import { everTrusted, openIfSigned, readVerifierKey, trustedLogs } from '../evidence/trust.js';
import type { Folder } from '../folder.js';

export type TrustedRoot = SignedRoot & { readonly origin: string; readonly note: string };
export type TrustedRoots = {
  readonly keys: readonly Verifier[];
  readonly origin: string;
  readonly roots: readonly TrustedRoot[];
};

export type Given = { readonly key?: string; readonly checkpoints: readonly string[]; readonly tilesNote?: string };

/** Throws CliError: 1 when a note is not signed by a trusted key, 2 when it is not of one log, 3 when it cannot be read. */
export function trustedRoots(folder: Folder, { key, checkpoints, tilesNote }: Given): TrustedRoots {
  const keys = key === undefined ? everTrusted(folder) : [readVerifierKey(key)];
  if (keys.length === 0) {
    throw new CliError(
      EXIT.findings,
      'LOG_NOT_TRUSTED',
      'no key of a log is trusted here, so no checkpoint can be believed',
      {
        next: 'give the key as the operator tells it: --key KEY',
      },
    );
  }
  const given = checkpoints.map((path) => openKept(readNote(path), path, keys));
  if (tilesNote !== undefined) given.push(openKept(tilesNote, "the tiles' checkpoint", keys));
  const remembered = rememberedRoots(folder, keys);
  const origins = new Set((given.length > 0 ? given : remembered).map(({ origin }) => origin));
  if (origins.size > 1) {
    throw usageError(
      `the checkpoints are of ${origins.size} logs: ${[...origins].join(', ')}`,
      'give those of one, or its key: --key KEY',
    );
  }
  const [origin] = origins;
  if (origin === undefined) {
    throw usageError('no checkpoint of this log is known here', 'give one that was kept: --checkpoint FILE');
  }
  return { keys, origin, roots: [...given, ...remembered.filter((root) => root.origin === origin)] };
}

function rememberedRoots(folder: Folder, keys: readonly Verifier[]): TrustedRoot[] {
  return Object.values(trustedLogs(folder)).flatMap(({ checkpoint: note, seenAt, keys: own, formerKeys }) => {
    const trusted = new Set(keys.map(({ verifierKey }) => verifierKey));
    const signers = [...own, ...formerKeys].filter((one) => trusted.has(one)).map(parseVerifierKey);
    const opened = openIfSigned(note, signers);
    return opened ? [{ ...opened, name: `the checkpoint seen here at ${seenAt}` }] : [];
  });
}

function readNote(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw environmentError('CHECKPOINT_UNREADABLE', `${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
}

function openKept(note: string, name: string, keys: readonly Verifier[]): TrustedRoot {
  try {
    return { ...openCheckpoint(note, keys).checkpoint, note, name };
  } catch (cause) {
    if (!(cause instanceof NoteInvalid)) throw cause;
    throw new CliError(
      EXIT.findings,
      'CHECKPOINT_INVALID',
      `${name} is no checkpoint of a trusted key: ${cause.message}`,
      {
        next: 'give a copy of the witness, or what kerbtrail evidence checkpoint wrote; and its key as the operator tells it: --key KEY',
        cause,
      },
    );
  }
}
