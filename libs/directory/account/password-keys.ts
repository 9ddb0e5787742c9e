/**
 * A password becomes keys: derived once per salt, stored under a new version on each try of a decision, settled when an
 * event names the version, removed when a try was lost to another writer. The password itself goes nowhere else.
 */
import { stringToKey } from '#kerberos';
import { DirectoryRefusal } from '../directory-refusal.error.js';
import type { AccountKeys, KeyStore } from '../secret/key-store.js';
import type { AccountState } from './account-state.js';

const PASSWORD_BYTES_MAX = 1_024;

export type StoredKeys = { readonly kvno: number; readonly keys: AccountState['keys'] };

/** For one command. Throws DIR_PASSWORD_INVALID, whose message does not show the password. */
export class PasswordKeys {
  readonly #derived = new Map<string, Promise<AccountKeys>>();
  readonly #stored: number[] = [];

  constructor(
    private readonly keyStore: KeyStore,
    private readonly account: string,
    private readonly password: string,
  ) {
    if (password === '' || Buffer.byteLength(password) > PASSWORD_BYTES_MAX || /[\p{Cs}\0]/u.test(password)) {
      throw new DirectoryRefusal(
        'DIR_PASSWORD_INVALID',
        `a password has 1 to ${PASSWORD_BYTES_MAX} UTF-8 bytes and no NUL`,
      );
    }
  }

  /** Stores the keys under the next free version above `kvno`. */
  async store(etypes: readonly number[], salt: string, kvno: number): Promise<StoredKeys> {
    const cached = JSON.stringify([etypes, salt]);
    const deriving = this.#derived.get(cached) ?? this.#derive(etypes, salt);
    this.#derived.set(cached, deriving);
    const version = await this.keyStore.put(this.account, kvno, await deriving);
    this.#stored.push(version);
    return { kvno: version, keys: etypes.map((etype) => ({ etype, salt })) };
  }

  /** Call when the version is in the log. Only versions of this command are removed. */
  async settle(kvno: number): Promise<void> {
    await this.keyStore.settle({ account: this.account, kvno });
    const lost = this.#stored.filter((version) => version !== kvno);
    await Promise.all(lost.map((version) => this.keyStore.remove({ account: this.account, kvno: version })));
  }

  async #derive(etypes: readonly number[], salt: string): Promise<AccountKeys> {
    const keys = etypes.map(async (etype) => [etype, await stringToKey(etype, this.password, salt)] as const);
    return new Map(await Promise.all(keys));
  }
}
