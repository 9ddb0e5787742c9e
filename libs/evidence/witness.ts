/**
 * The second trust domain: a place outside the log's database that remembers the last signed checkpoint, so that a database
 * that was restored from an older copy, truncated or forked is found. A file, or a table of another PostgreSQL.
 */
import { createFileWitness } from './file-witness.js';
import { createPostgresWitness } from './postgres-witness.js';

export interface Witness {
  /** For people: the file, or host and database; never a password. */
  readonly place: string;
  /** The newest note; null when there was never one. Throws WitnessUnavailable. */
  read(): Promise<string | null>;
  /** Puts `next` in the place of `last` (null: of nothing) durably. False: it holds another note. Throws WitnessUnavailable. */
  swap(last: string | null, next: string): Promise<boolean>;
  close(): Promise<void>;
}

/** `where` is a postgresql:// URL or the path of a file; `origin` tells the logs of one table apart. */
export function openWitness(where: string, origin: string): Witness {
  return /^postgres(ql)?:\/\//.test(where) ? createPostgresWitness(where, origin) : createFileWitness(where);
}
