/** Which kind of witness the configuration names: a file, or a table of another PostgreSQL. */
import { createFileWitness } from './file-witness.js';
import { createPostgresWitness } from './postgres-witness.js';
import type { Witness } from './witness.js';

/** `where` is a postgresql:// URL or the path of a file; `origin` tells the logs of one table apart. */
export function openWitness(where: string, origin: string): Witness {
  return /^postgres(ql)?:\/\//.test(where) ? createPostgresWitness(where, origin) : createFileWitness(where);
}
