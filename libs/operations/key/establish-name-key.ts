/**
 * The log's name key at a start: made on the first, checked on every other. Processes that start together agree on one,
 * because the row is inserted once and the event is written under its stream's version.
 */
import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { createNameKey, readNameKey, recordCommand, type KeyEncryptionKey, type NameKey } from '#directory';
import type { Clock, EventStore, Random } from '#event-store';
import { KEYS_STREAM, operationsOf } from '../operation-log.js';
import { operationEvents } from '../operation.events.js';
import { establishKey, foldKeys, mustMakeNameKey } from './keys.decider.js';

/** Throws NameKeyMismatch, NameKeyMissing and, with another KEK, KeyUnwrapFailed. */
export async function establishNameKey(ports: {
  readonly store: EventStore;
  readonly pool: Pool;
  readonly kek: KeyEncryptionKey;
  readonly clock: Clock;
  readonly random: Random;
}): Promise<NameKey> {
  const { store, pool, kek, clock, random } = ports;
  const state = foldKeys(await operationsOf((stream) => store.readStream(stream), KEYS_STREAM));
  const stored = await readNameKey(pool, kek);
  const nameKey = mustMakeNameKey(state, stored) ? await createNameKey(pool, kek, random) : stored!;
  if (state.nameKeyFingerprint === nameKey.fingerprint) return nameKey;

  const request = { requestId: randomUUID(), caller: { actor: 'kerbtrail', administers: 'all' } } as const;
  await recordCommand({ store, nameKey, clock }, operationEvents, { request }, async (load) => {
    const events = establishKey(foldKeys(await operationsOf(load, KEYS_STREAM)), nameKey.fingerprint);
    return { writes: [{ stream: KEYS_STREAM, events }], reply: { fingerprint: nameKey.fingerprint } };
  });
  return nameKey;
}
