/**
 * Events of `forest` streams: one forest with its domains and its policy. A domain belongs to one forest.
 */
import { z } from 'zod';
import { defineEvent, type EventsOf } from '#event-store';

/** Which checks a write of an SPN meets and how each refusal reads (spn-and-kerberos-audit §1.6; see rule-profiles.ts). */
export const ruleProfileName = z.enum(['permissive', 'windows-2012r2', 'kb5008382', 'samba']);

export const forestPolicy = z.object({
  ruleProfile: ruleProfileName,
  /** `audit` accepts what the profile would refuse and leaves the flagging to the projections. */
  enforcement: z.enum(['enforce', 'audit']),
  /** sPNMappings, in order: the first entry that lists a class wins. */
  aliases: z.array(z.object({ target: z.string(), aliases: z.array(z.string()) })),
  clockSkewSeconds: z.int().min(0).max(3600),
  logonLifetimeSeconds: z.int().min(1).max(604_800),
  ticketLifetimeSeconds: z.int().min(1).max(604_800),
  /** RFC 3961 etype numbers, the strongest first. */
  etypes: z.array(z.union([z.literal(18), z.literal(17)])).min(1),
});

export const forestEvents = {
  ForestCreated: defineEvent('ForestCreated', z.object({ forest: z.string(), name: z.string(), policy: forestPolicy })),
  DomainAdded: defineEvent(
    'DomainAdded',
    z.object({ forest: z.string(), domain: z.string(), netbiosName: z.string() }),
  ),
  /** Carries the whole policy that holds from now on. */
  PolicyChanged: defineEvent('PolicyChanged', z.object({ forest: z.string(), policy: forestPolicy })),
};

export type ForestPolicy = z.infer<typeof forestPolicy>;
export type RuleProfileName = z.infer<typeof ruleProfileName>;
export type ForestEvent = EventsOf<typeof forestEvents>;
