/**
 * Events of `name` streams: who holds one name in its scope. For the decider alone; read models use the account's events.
 *
 * Service names: stream `name-<forest>/spn/<lookup key of what follows the class>`, so that all classes of a host, and with
 * them exact and alias uniqueness, are this one stream's own invariant. UPN and sAMAccountName: `name-<forest>/upn/<hmac>`
 * and `name-<domain>/sam/<hmac>`; `spn` then is absent and no event carries the name in clear. The DNS name of a domain:
 * `name-domain/<dns name>`, held by a forest.
 */
import { z } from 'zod';
import { defineEvent, type EventsOf } from '#event-store';

const holding = z.object({ account: z.string(), spn: z.string().optional() });

export const nameEvents = {
  NameTaken: defineEvent('NameTaken', holding),
  NameReleased: defineEvent('NameReleased', holding),
  DomainNameTaken: defineEvent('DomainNameTaken', z.object({ forest: z.string() })),
};

export type NameEvent = EventsOf<typeof nameEvents>;
