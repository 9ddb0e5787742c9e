/** Erasures as facts: what was decided, and which of it is not known to be done. Pure. */
import type { OperationEvent } from '../operation.events.js';
import { OperationRefusal } from '../operation-refusal.error.js';

export type Erasure = {
  readonly erasure: string;
  readonly subjects: readonly string[];
  readonly finished: boolean;
};

/** Ids of 22 characters each, below the size of an event. */
const SUBJECTS_PER_EVENT = 2_000;
const REASON_MAX = 500;
const PRINTABLE = /^[^\p{Cc}\p{Cs}]+$/u;

export function foldErasures(events: readonly OperationEvent[]): readonly Erasure[] {
  const erasures = new Map<string, Erasure>();
  for (const { type, data } of events) {
    if (type === 'PersonErased') {
      const subjects = [...(erasures.get(data.erasure)?.subjects ?? []), ...data.subjects];
      erasures.set(data.erasure, { erasure: data.erasure, subjects, finished: false });
    }
    const decided = type === 'PersonErasureFinished' && erasures.get(data.erasure);
    if (decided) erasures.set(decided.erasure, { ...decided, finished: true });
  }
  return [...erasures.values()];
}

/** `names`: what the person is known by, which the reason must not tell. Throws OPS_ERASURE_INVALID. */
export function erasePerson(
  erasure: string,
  subjects: readonly string[],
  { names, reason }: { readonly names: readonly string[]; readonly reason: string },
): OperationEvent[] {
  if (subjects.length === 0) throw invalid('nothing is stored under a key of this person: there is nothing to erase');
  if (reason.length > REASON_MAX || !PRINTABLE.test(reason))
    throw invalid(`the reason is 1 to ${REASON_MAX} printable characters`);
  const told = reason.toLowerCase();
  if (names.some((name) => name !== '' && told.includes(name.toLowerCase())))
    throw invalid('the reason names the person, and would stay when everything else is gone: say it without the name');
  const events: OperationEvent[] = [];
  for (let from = 0; from < subjects.length; from += SUBJECTS_PER_EVENT) {
    const some = subjects.slice(from, from + SUBJECTS_PER_EVENT);
    events.push({ type: 'PersonErased', data: { erasure, subjects: some, reason } });
  }
  return events;
}

/** No event when it was finished before. */
export function finishErasure(erasures: readonly Erasure[], erasure: string): OperationEvent[] {
  const open = erasures.some((known) => known.erasure === erasure && !known.finished);
  return open ? [{ type: 'PersonErasureFinished', data: { erasure } }] : [];
}

function invalid(message: string): OperationRefusal {
  return new OperationRefusal('OPS_ERASURE_INVALID', message);
}
