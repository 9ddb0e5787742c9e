/** What an operator may decide about a dead letter. Pure. */
import type { OperationEvent } from '../operation.events.js';
import { OperationRefusal } from '../operation-refusal.error.js';
import type { DeadLetter } from './dead-letters.js';

type EventLetter = Extract<DeadLetter, { kind: 'event' }>;

const REASON_MAX = 500;
const PRINTABLE = /^[^\p{Cc}\p{Cs}]+$/u;

/** Positions that a projection leaves out for good. */
export function foldSkips(events: readonly OperationEvent[]): ReadonlySet<number> {
  return new Set(events.flatMap(({ type, data }) => (type === 'EventSkipped' ? [data.position] : [])));
}

/** No event when it waits to be tried again already. Throws OPS_DEAD_LETTER_SETTLED. */
export function retryDeadLetter({ id, status }: DeadLetter): OperationEvent[] {
  if (status === 'done' || status === 'skipped') throw settled(id, status);
  return status === 'retry' ? [] : [{ type: 'DeadLetterRetried', data: { letter: id } }];
}

/** Throws OPS_SKIP_INVALID: nothing waits for a raw record. */
export function eventLetter(letter: DeadLetter): EventLetter {
  if (letter.kind === 'event') return letter;
  throw invalid(`dead letter ${letter.id} is a raw record, which holds nothing up: leave it, or retry it`);
}

/** No event when the position is left out already. Throws OPS_DEAD_LETTER_SETTLED and OPS_SKIP_INVALID. */
export function skipEvent(
  { id, status, projection, position }: EventLetter,
  skipped: ReadonlySet<number>,
  reason: string,
): OperationEvent[] {
  if (status === 'done') throw settled(id, 'done');
  if (reason.length > REASON_MAX || !PRINTABLE.test(reason))
    throw invalid(`the reason is 1 to ${REASON_MAX} printable characters`);
  return skipped.has(position) ? [] : [{ type: 'EventSkipped', data: { projection, position, reason } }];
}

function settled(id: string, status: 'done' | 'skipped'): OperationRefusal {
  const how = status === 'done' ? 'was taken by a later try' : 'was skipped, for good';
  return new OperationRefusal('OPS_DEAD_LETTER_SETTLED', `dead letter ${id} ${how}: there is nothing to decide`);
}

function invalid(message: string): OperationRefusal {
  return new OperationRefusal('OPS_SKIP_INVALID', message);
}
