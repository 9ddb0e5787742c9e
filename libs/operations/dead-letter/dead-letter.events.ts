/**
 * What operators decide about dead letters. `EventSkipped` in stream `operation-skips-<projection>`: whoever builds this read
 * model, now or anew, leaves these positions out. `DeadLetterRetried` in `operation-letter/<id>`.
 */
import { z } from 'zod';
import { defineEvent } from '#event-store';

export const deadLetterEvents = {
  EventSkipped: defineEvent(
    'EventSkipped',
    z.object({ projection: z.string(), position: z.int().positive(), reason: z.string() }),
  ),
  DeadLetterRetried: defineEvent('DeadLetterRetried', z.object({ letter: z.string() })),
};
