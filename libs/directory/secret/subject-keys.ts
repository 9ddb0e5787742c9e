/**
 * The keys of subjects (docs/personal-data.md) in table secret.subject_key, wrapped under the KEK. A person is found under an
 * HMAC of forest and folded name; the log knows only random ids. Erasing is deleting the rows: then a pseudonym is all that
 * is left, and nothing leads to it.
 */
import type { Pool, QueryResultRow } from 'pg';
import {
  LogUnavailable,
  type Random,
  SUBJECT_KEY_BYTES,
  type Subject,
  SubjectKey,
  type SubjectKeys,
} from '#event-store';
import { fold } from '#spn';
import type { KeyEncryptionKey } from './key-encryption-key.js';
import type { NameKey } from './name-key.js';
import { SubjectKeyCache } from './subject-key-cache.js';

/** A process may use a key for so long after it was last seen in the table. Whoever erases waits for it. */
const SUBJECT_KEY_LIFE_MS = 5_000;

export interface ErasableSubjectKeys extends SubjectKeys {
  /** Ids of the subjects among these that have keys. */
  find(subjects: readonly Subject[]): Promise<readonly string[]>;
  /** Deletes the keys for good; answers how many there were. Durable on return; other processes follow within `lifeMs`. */
  erase(ids: readonly string[]): Promise<number>;
  readonly lifeMs: number;
}

const ID_BYTES = 16;
const ROWS_PER_QUERY = 1_000;
const MAKE_TRIES_MAX = 5;

type Row = { readonly lookup: Buffer; readonly id: string; readonly wrapped: Buffer };

export type SubjectKeysOptions = {
  readonly pool: Pool;
  readonly kek: KeyEncryptionKey;
  readonly nameKey: NameKey;
  readonly random: Random;
  readonly lifeMs?: number;
};

/** Throws LogUnavailable when the database cannot be reached, KeyUnwrapFailed under another KEK. */
export function createSubjectKeys(options: SubjectKeysOptions): ErasableSubjectKeys {
  const { lifeMs = SUBJECT_KEY_LIFE_MS, nameKey } = options;
  const table = new SubjectKeyTable(options);
  const cache = new SubjectKeyCache({
    lifeMs,
    ensure: (subjects) => table.ensure(subjects.map((subject) => lookupOf(nameKey, subject))),
    byId: (ids) => table.byId(ids),
  });
  return {
    lifeMs,
    ensure: (subjects) => cache.ensure(subjects),
    byId: (ids) => cache.byId(ids),
    find: (subjects) => table.find(subjects.map((subject) => lookupOf(nameKey, subject))),
    async erase(ids) {
      const erased = await table.erase(ids);
      cache.clear();
      return erased;
    },
  };
}

/** Hex. A name is looked up without case, as directories compare names. */
function lookupOf(nameKey: NameKey, { forest, name }: Subject): string {
  return nameKey.hmac(`subject\0${forest}\0${fold(name)}`);
}

class SubjectKeyTable {
  constructor(private readonly options: SubjectKeysOptions) {}

  /** In the order of the look-ups. Of two processes that make a key at once, both get the first one's. */
  async ensure(lookups: readonly string[]): Promise<SubjectKey[]> {
    const keys = new Map<string, SubjectKey>();
    for (let attempt = 0; attempt < MAKE_TRIES_MAX; attempt++) {
      const missing = [...new Set(lookups)].filter((lookup) => !keys.has(lookup));
      if (missing.length === 0) return lookups.map((lookup) => keys.get(lookup)!);
      for (const row of await this.#select('lookup', missing)) keys.set(row.lookup.toString('hex'), this.#keyOf(row));
      const absent = missing.filter((lookup) => !keys.has(lookup)).toSorted();
      for (const row of await this.#insert(absent)) keys.set(row.lookup.toString('hex'), this.#keyOf(row));
    }
    throw new Error('keys of subjects vanish while they are made: is a restore of schema secret going on? Ask again');
  }

  async byId(ids: readonly string[]): Promise<ReadonlyMap<string, SubjectKey>> {
    const rows = await this.#select('id', ids);
    return new Map(rows.map((row) => [row.id, this.#keyOf(row)]));
  }

  async find(lookups: readonly string[]): Promise<readonly string[]> {
    return (await this.#select('lookup', lookups)).map(({ id }) => id);
  }

  async erase(ids: readonly string[]): Promise<number> {
    const rows = await this.#query<{ id: string }>('DELETE FROM secret.subject_key WHERE id = ANY($1) RETURNING id', [
      ids,
    ]);
    return rows.length;
  }

  async #select(column: 'id' | 'lookup', values: readonly string[]): Promise<Row[]> {
    const rows: Row[] = [];
    const condition =
      column === 'id' ? 'id = ANY($1)' : `lookup = ANY(SELECT decode(hex, 'hex') FROM unnest($1::text[]) AS hex)`;
    for (let from = 0; from < values.length; from += ROWS_PER_QUERY) {
      const some = values.slice(from, from + ROWS_PER_QUERY);
      rows.push(
        ...(await this.#query<Row>(`SELECT lookup, id, wrapped FROM secret.subject_key WHERE ${condition}`, [some])),
      );
    }
    return rows;
  }

  /** Sorted, so that two processes wait for each other in one direction only. */
  async #insert(lookups: readonly string[]): Promise<Row[]> {
    const { kek, random } = this.options;
    const made: Row[] = [];
    for (let from = 0; from < lookups.length; from += ROWS_PER_QUERY) {
      const some = lookups.slice(from, from + ROWS_PER_QUERY);
      const ids = some.map(() => random(ID_BYTES).toString('base64url'));
      const wrapped = ids.map((id) => kek.wrap(random(SUBJECT_KEY_BYTES), labelOf(id)));
      made.push(
        ...(await this.#query<Row>(
          `INSERT INTO secret.subject_key (lookup, id, wrapped)
           SELECT decode(hex, 'hex'), id, wrapped FROM unnest($1::text[], $2::text[], $3::bytea[]) AS made (hex, id, wrapped)
           ON CONFLICT (lookup) DO NOTHING RETURNING lookup, id, wrapped`,
          [some, ids, wrapped],
        )),
      );
    }
    return made;
  }

  #keyOf({ id, wrapped }: Row): SubjectKey {
    return new SubjectKey(id, this.options.kek.unwrap(wrapped, labelOf(id)));
  }

  async #query<Result extends QueryResultRow>(text: string, values: unknown[]): Promise<Result[]> {
    try {
      return (await this.options.pool.query<Result>(text, values)).rows;
    } catch (cause) {
      throw new LogUnavailable('reach the keys of its subjects', cause);
    }
  }
}

function labelOf(id: string): string {
  return `kerbtrail subject key/${id}`;
}
