/**
 * Where the keys of subjects come from: a port, because they belong apart from the log (another schema, wrapped, not in the
 * log's backups). #directory implements it.
 */
import type { Subject } from './personal-field.js';
import type { SubjectKey } from './subject-key.js';

export interface SubjectKeys {
  /**
   * The keys of these subjects, in their order; made where there is none. They are durable before this returns, and so
   * before the event that is sealed under them.
   */
  ensure(subjects: readonly Subject[]): Promise<readonly SubjectKey[]>;

  /** Those of these keys that there are, by id: what is not there was erased. */
  byId(ids: readonly string[]): Promise<ReadonlyMap<string, SubjectKey>>;
}
