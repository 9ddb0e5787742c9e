/** The log's keys as events: which name key it was made with, and which key-encryption keys were exported. Pure. */
import { NameKeyMismatch, NameKeyMissing } from './name-key.error.js';
import type { OperationEvent } from '../operation.events.js';

export type KeysState = {
  /** Null: the log is new. */
  readonly nameKeyFingerprint: string | null;
  readonly exportedFingerprints: readonly string[];
};

export function foldKeys(events: readonly OperationEvent[]): KeysState {
  return events.reduce<KeysState>(
    (state, { type, data }) => {
      if (type === 'NameKeyEstablished') return { ...state, nameKeyFingerprint: data.fingerprint };
      if (type === 'KeyEncryptionKeyExported')
        return { ...state, exportedFingerprints: [...state.exportedFingerprints, data.fingerprint] };
      return state;
    },
    { nameKeyFingerprint: null, exportedFingerprints: [] },
  );
}

/** No event when this key was established before. Throws NameKeyMismatch. */
export function establishKey({ nameKeyFingerprint }: KeysState, fingerprint: string): OperationEvent[] {
  if (nameKeyFingerprint === null) return [{ type: 'NameKeyEstablished', data: { fingerprint } }];
  if (nameKeyFingerprint !== fingerprint) throw new NameKeyMismatch(nameKeyFingerprint, fingerprint);
  return [];
}

/** Whether the name key has to be made now. Throws NameKeyMissing when the log had one and the database has it no more. */
export function mustMakeNameKey(
  { nameKeyFingerprint }: KeysState,
  stored: { readonly fingerprint: string } | null,
): boolean {
  if (stored) return false;
  if (nameKeyFingerprint !== null) throw new NameKeyMissing(nameKeyFingerprint);
  return true;
}

export function exportKey(fingerprint: string): OperationEvent[] {
  return [{ type: 'KeyEncryptionKeyExported', data: { fingerprint } }];
}
