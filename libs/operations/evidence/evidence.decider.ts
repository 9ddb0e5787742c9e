/** The log's checkpoint keys as its events have them: established once, rotated, overlapping for a while. Pure. */
import { compareInstants, instantToNanos, nanosToInstant } from '#event-store';
import { OperationRefusal } from '../operation-refusal.error.js';
import type { OperationEvent } from '../operation.events.js';

export type CheckpointKeyState = {
  readonly number: number;
  readonly verifierKey: string;
  readonly from: string;
  /** Null: it signs until it is rotated. */
  readonly until: string | null;
};

export type EvidenceState = {
  /** Null: no checkpoint key was established yet. */
  readonly origin: string | null;
  /** The oldest first. */
  readonly keys: readonly CheckpointKeyState[];
};

export type NewCheckpointKey = { readonly key: number; readonly verifierKey: string };

const OVERLAP_DAYS_MAX = 366;
const NANOS_PER_DAY = 86_400n * 1_000_000_000n;

export function foldEvidence(events: readonly OperationEvent[]): EvidenceState {
  return events.reduce<EvidenceState>(
    (state, { type, data }) => {
      if (type === 'CheckpointKeyEstablished') return { origin: data.origin, keys: [signing(data)] };
      if (type === 'CheckpointKeyRotated')
        return { ...state, keys: [...state.keys.map((key) => ending(key, data.previousUntil)), signing(data)] };
      return state;
    },
    { origin: null, keys: [] },
  );
}

function signing(data: NewCheckpointKey & { readonly from: string }): CheckpointKeyState {
  return { number: data.key, verifierKey: data.verifierKey, from: data.from, until: null };
}

/** A key that was to end sooner still does. */
function ending(key: CheckpointKeyState, at: string): CheckpointKeyState {
  return key.until !== null && compareInstants(key.until, at) <= 0 ? key : { ...key, until: at };
}

/** No event when the log has its keys. */
export function establishCheckpointKey(
  state: EvidenceState,
  { origin, now, ...key }: NewCheckpointKey & { readonly origin: string; readonly now: string },
): OperationEvent[] {
  if (state.origin !== null) return [];
  return [{ type: 'CheckpointKeyEstablished', data: { origin, ...key, from: now } }];
}

/** `overlapDays` 0: the keys before it sign no more from now on, as after one became known to others. */
export function rotateCheckpointKey(
  key: NewCheckpointKey,
  { now, overlapDays }: { readonly now: string; readonly overlapDays: number },
): Extract<OperationEvent, { type: 'CheckpointKeyRotated' }> {
  if (!Number.isInteger(overlapDays) || overlapDays < 0 || overlapDays > OVERLAP_DAYS_MAX)
    throw new OperationRefusal('OPS_OVERLAP_INVALID', `the keys overlap for 0 to ${OVERLAP_DAYS_MAX} whole days`);
  const previousUntil = nanosToInstant(instantToNanos(now) + BigInt(overlapDays) * NANOS_PER_DAY);
  return { type: 'CheckpointKeyRotated', data: { ...key, from: now, previousUntil } };
}
