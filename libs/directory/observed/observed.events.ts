/**
 * What other systems record about their directories and our own commands never say: full lists, dumps, collision
 * reports. They stand in `source` streams with `origin: observed`; the facts that both know (SpnRegistered, PasswordChanged …)
 * have one vocabulary, in account.events.ts.
 */
import { z } from 'zod';
import { ACCOUNT, defineEvent, type EventsOf, of } from '#event-store';
import { accountKind } from '../account/account.events.js';

const accountRef = { forest: z.string(), domain: z.string(), account: z.string() };

export const observedEvents = {
  /** An audited write that set the account's whole list: exactly these SPNs from this instant on. */
  SpnsReplaced: defineEvent('SpnsReplaced', z.object({ ...accountRef, spns: z.array(z.string()) }), {
    personal: { account: ACCOUNT },
  }),
  /** A dump showed the account like this at the dump's instant. `parts` > 1 when the list needed several events. */
  AccountListed: defineEvent(
    'AccountListed',
    z.object({
      ...accountRef,
      kind: accountKind.optional(),
      samAccountName: z.string().optional(),
      userPrincipalName: z.string().optional(),
      dnsHostName: z.string().optional(),
      sid: z.string().optional(),
      guid: z.string().optional(),
      enabled: z.boolean().optional(),
      passwordChangedAt: z.string().optional(),
      /** The directory's own last-change stamps: whole seconds, and an update sequence number as text. */
      changedAt: z.string().optional(),
      updateSequence: z.string().optional(),
      spns: z.array(z.string()),
      part: z.int().min(1),
      parts: z.int().min(1),
    }),
    {
      personal: {
        account: ACCOUNT,
        samAccountName: of('account'),
        userPrincipalName: of('account'),
        sid: of('account'),
        guid: of('account'),
      },
    },
  ),
  /** A dump of the forest at one instant: which accounts it listed is told by the AccountListed events of the same instant. */
  DirectoryDumped: defineEvent(
    'DirectoryDumped',
    z.object({ forest: z.string(), domain: z.string(), accounts: z.int(), spns: z.int() }),
  ),
  /** The directory's own check saw a collision; whether the write was then refused is told by its status, elsewhere. */
  SpnCollisionReported: defineEvent(
    'SpnCollisionReported',
    z.object({ ...accountRef, spn: z.string(), holder: z.string(), holderSpn: z.string() }),
    { personal: { account: ACCOUNT, holder: ACCOUNT } },
  ),
};

export type ObservedDirectoryEvent = EventsOf<typeof observedEvents>;
