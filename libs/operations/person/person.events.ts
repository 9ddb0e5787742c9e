/**
 * Events of `operation-persons`: whose personal data was erased, by the random ids of their keys; never a name. The first
 * event is the decision, and whatever it needs is done after it, again after a crash, until the second one says that it is.
 */
import { z } from 'zod';
import { defineEvent } from '#event-store';

export const personEvents = {
  /** The keys of these subjects are gone, or go at the next start. Several events of one `erasure` when there are many. */
  PersonErased: defineEvent(
    'PersonErased',
    z.object({ erasure: z.string(), subjects: z.array(z.string()), reason: z.string() }),
  ),
  /** No key is left, and the read models were built without them. */
  PersonErasureFinished: defineEvent('PersonErasureFinished', z.object({ erasure: z.string() })),
};
