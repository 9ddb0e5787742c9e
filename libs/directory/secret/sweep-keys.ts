/**
 * Puts the key store right after crashes (key-store.ts): every unsettled version is looked up in its account's stream,
 * and is then either settled or removed. Safe while others write: a version that no event names is removed only when
 * none can name it any more (a newer one is current, or the account is deleted) or a day has passed.
 */
import type { EventStore } from '#event-store';
import { loadAccount } from '../load.js';
import type { KeyStore } from './key-store.js';

const SWEEP_MAX = 10_000;

export type SweptKeys = { readonly settled: number; readonly removed: number; readonly left: number };

export async function sweepKeys(store: EventStore, keyStore: KeyStore): Promise<SweptKeys> {
  const swept = { settled: 0, removed: 0, left: 0 };
  for (const { account, kvno, stale } of await keyStore.unsettled(SWEEP_MAX)) {
    const state = await loadAccount((stream) => store.readStream(stream), account);
    if (state && !state.deleted && state.keyVersions.includes(kvno)) {
      await keyStore.settle({ account, kvno });
      swept.settled++;
    } else if (stale || state?.deleted || (state && kvno < state.kvno)) {
      await keyStore.remove({ account, kvno });
      swept.removed++;
    } else {
      swept.left++;
    }
  }
  return swept;
}
