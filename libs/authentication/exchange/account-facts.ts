/** What a decision about a client or a holder rests on: the account as it is now, and its current keys. */
import {
  DirectoryRefusal,
  loadAccount,
  loadForest,
  type AccountKeys,
  type AccountState,
  type ForestState,
  type KeyStore,
} from '#directory';
import type { Load } from '#event-store';
import type { AccountFacts } from './logon.decider.js';

export type KnownAccount = {
  readonly state: AccountState;
  readonly facts: AccountFacts;
  /** Never to leave the handler. */
  readonly keys: AccountKeys;
};

/**
 * Null when there is no such account (any more). Keys are written before the event that makes them current and outlive it;
 * a version without keys is therefore a deletion that overtook us, and the guard on the account has the decision made again.
 */
export async function loadKnownAccount(load: Load, keyStore: KeyStore, account: string): Promise<KnownAccount | null> {
  const state = await loadAccount(load, account);
  if (!state || state.deleted) return null;
  const keys: AccountKeys = state.kvno > 0 ? await keyStore.get(account, state.kvno) : new Map();
  const { domain, enabled, kvno } = state;
  return { state, keys, facts: { account, domain, enabled, kvno, etypes: [...keys.keys()] } };
}

/** Throws DIR_FOREST_UNKNOWN. */
export async function loadKnownForest(load: Load, forest: string): Promise<ForestState> {
  const state = await loadForest(load, forest);
  if (state) return state;
  throw new DirectoryRefusal('DIR_FOREST_UNKNOWN', `there is no forest "${forest}" of ours: list them, or create it`);
}
