/**
 * Events of `lockout` streams: one account's failed proofs, so that guessing a password never touches `account`.
 */
import { z } from 'zod';
import { ACCOUNT, defineEvent, endpointOf, type EventsOf } from '#event-store';

export const lockoutEvents = {
  ProofFailed: defineEvent(
    'ProofFailed',
    z.object({ forest: z.string(), account: z.string(), code: z.string(), address: z.string().optional() }),
    {
      personal: { account: ACCOUNT, address: endpointOf('account') },
    },
  ),
  /** A proof that was accepted once is refused for as long as its timestamp is within the skew; only its digest is kept. */
  ProofAccepted: defineEvent(
    'ProofAccepted',
    z.object({ forest: z.string(), account: z.string(), proofDigest: z.string(), provenAt: z.string() }),
    {
      personal: { account: ACCOUNT },
    },
  ),
};

export type LockoutEvent = EventsOf<typeof lockoutEvents>;
