/**
 * A witness's checkpoint in a file, and those before it: a server's own witness keeps the last hundred beside it, as
 * `<file>.after-<hash>`. They are of one history, which the log may have left when it was restored and written on.
 */
import { NoteInvalid, openCheckpoint, type Verifier } from '#tlog';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { CliError, environmentError, EXIT } from '../cli.error.js';
import type { OlderRoots, SignedRoot } from './tree-check.js';
import { openIfSigned } from './trust.js';

/** The file that the server's witness keeps, or any signed checkpoint that somebody else kept. */
export function witnessRoot(path: string, trusted: readonly Verifier[]): SignedRoot {
  try {
    return { ...openCheckpoint(readFileSync(path, 'utf8'), trusted).checkpoint, name: 'the witness' };
  } catch (cause) {
    if (!(cause instanceof NoteInvalid)) {
      throw environmentError('WITNESS_UNREADABLE', `${path} cannot be read: ${(cause as Error).message}`, { cause });
    }
    throw new CliError(
      EXIT.findings,
      'WITNESS_INVALID',
      `${path} is no checkpoint of a trusted key: ${cause.message}`,
      {
        next: 'give the file that the witness keeps, or one that kerbtrail evidence checkpoint wrote',
        cause,
      },
    );
  }
}

/** What else in the folder is signed by a trusted key; what is not, or is gone meanwhile, counts for nothing. */
export function rootsBeside(path: string, trusted: readonly Verifier[]): OlderRoots {
  const names = readdirSync(dirname(path)).filter((name) => name.startsWith(`${basename(path)}.after-`));
  const roots = names.flatMap((name): SignedRoot[] => {
    const opened = openIfThere(join(dirname(path), name), trusted);
    return opened ? [{ ...opened, name: `the checkpoint of ${opened.size} events beside the witness` }] : [];
  });
  roots.sort((a, b) => a.size - b.size);
  return async (size) => roots.findLast((root) => root.size <= size);
}

function openIfThere(path: string, trusted: readonly Verifier[]) {
  try {
    return openIfSigned(readFileSync(path, 'utf8'), trusted);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
