/**
 * Accounts' long-term keys, wrapped under the KEK in schema `secret`, written apart from the log (architecture §5):
 *
 *   1. put      the new keys, under a version that nobody else can get
 *   2. append   PasswordChanged with that version: this makes them current
 *   3. settle   the version is named by an event, so it stays
 *
 * A crash after 1 leaves an unsettled orphan that no event names; after 2, an unsettled version that one does. `sweep`
 * tells the two apart from the log. Rows are inserted and deleted, never updated.
 */
import { DatabaseError, type Pool } from 'pg';
import type { KeyEncryptionKey } from './key-encryption-key.js';
import { KeyVersionContended } from './key.error.js';

export const KEY_STORE = Symbol('KEY_STORE');

/** Key bytes by RFC 3961 etype number. */
export type AccountKeys = ReadonlyMap<number, Uint8Array>;

export type KeyVersion = { readonly account: string; readonly kvno: number };

export interface KeyStore {
  /** Stores the keys under the first free version above `above` and returns it. Throws KeyVersionContended. */
  put(account: string, above: number, keys: AccountKeys): Promise<number>;
  /** Call when an event names the version. */
  settle(version: KeyVersion): Promise<void>;
  /** Empty when the version has no keys (any more). Throws KeyUnwrapFailed. */
  get(account: string, kvno: number): Promise<AccountKeys>;
  /** Call before the account is deleted: from then on `unsettled` names all its versions. */
  unsettle(account: string): Promise<void>;
  /** Versions whose place in the log is to be looked up, the oldest first; `stale`: older than a day. */
  unsettled(limit: number): Promise<(KeyVersion & { readonly stale: boolean })[]>;
  remove(version: KeyVersion): Promise<void>;
  /** Call when the log says that the account is deleted. */
  removeAll(account: string): Promise<void>;
}

const PUT_TRIES_MAX = 10;
const UNIQUE_VIOLATION = '23505';

export function createKeyStore(pool: Pool, kek: KeyEncryptionKey): KeyStore {
  return {
    async put(account, above, keys) {
      for (let attempt = 0; attempt < PUT_TRIES_MAX; attempt++) {
        const kvno = Math.max(above, await highestVersion(pool, account)) + 1;
        if (await insertKeys(pool, kek, { account, kvno }, keys)) return kvno;
      }
      throw new KeyVersionContended(account);
    },
    async settle({ account, kvno }) {
      await pool.query('DELETE FROM secret.unsettled_key WHERE account = $1 AND kvno = $2', [account, kvno]);
    },
    async get(account, kvno) {
      const { rows } = await pool.query<{ etypes: number[]; wrapped: Buffer[] }>(
        'SELECT etypes, wrapped FROM secret.account_key WHERE account = $1 AND kvno = $2',
        [account, kvno],
      );
      const { etypes = [], wrapped = [] } = rows[0] ?? {};
      return new Map(wrapped.map((bytes, i) => [etypes[i]!, kek.unwrap(bytes, label({ account, kvno }, etypes[i]!))]));
    },
    async unsettle(account) {
      await pool.query(
        `INSERT INTO secret.unsettled_key (account, kvno)
         SELECT account, kvno FROM secret.account_key WHERE account = $1 ON CONFLICT DO NOTHING`,
        [account],
      );
    },
    async unsettled(limit) {
      const { rows } = await pool.query<KeyVersion & { stale: boolean }>(
        `SELECT account, kvno, created_at < clock_timestamp() - interval '1 day' AS stale
           FROM secret.unsettled_key ORDER BY created_at, account, kvno LIMIT $1`,
        [limit],
      );
      return rows;
    },
    async remove({ account, kvno }) {
      await pool.query('DELETE FROM secret.account_key WHERE account = $1 AND kvno = $2', [account, kvno]);
    },
    async removeAll(account) {
      await pool.query('DELETE FROM secret.account_key WHERE account = $1', [account]);
    },
  };
}

async function highestVersion(pool: Pool, account: string): Promise<number> {
  const { rows } = await pool.query<{ kvno: number }>(
    'SELECT coalesce(max(kvno), 0)::int AS kvno FROM secret.account_key WHERE account = $1',
    [account],
  );
  return rows[0]?.kvno ?? 0;
}

/** False when another writer took the version meanwhile. */
async function insertKeys(pool: Pool, kek: KeyEncryptionKey, version: KeyVersion, keys: AccountKeys): Promise<boolean> {
  try {
    await pool.query(
      `WITH kept AS (INSERT INTO secret.account_key (account, kvno, etypes, wrapped) VALUES ($1, $2, $3, $4) RETURNING account, kvno)
       INSERT INTO secret.unsettled_key (account, kvno) SELECT account, kvno FROM kept`,
      [
        version.account,
        version.kvno,
        [...keys.keys()],
        [...keys].map(([etype, key]) => kek.wrap(key, label(version, etype))),
      ],
    );
    return true;
  } catch (error) {
    if (error instanceof DatabaseError && error.code === UNIQUE_VIOLATION) return false;
    throw error;
  }
}

function label({ account, kvno }: KeyVersion, etype: number): string {
  return `kerbtrail account key/${account}/${kvno}/${etype}`;
}
