/**
 * Events of `account` streams, and of `source` streams when another system's log recorded the same fact about one of its
 * accounts. Own accounts are known by an opaque id, observed ones by their distinguished name; both stand in `account`.
 */
import { z } from 'zod';
import { ACCOUNT, defineEvent, type EventsOf, of, saidOf } from '#event-store';

const accountRef = { forest: z.string(), account: z.string() };

export const accountKind = z.enum(['user', 'computer', 'managedService']);

/** Another account that already holds the name, and how the two names meet. */
export const holder = z.object({
  account: z.string(),
  spn: z.string(),
  by: z.enum(['same-account', 'exact', 'unicode', 'alias', 'upn']),
});

export const accountEvents = {
  AccountCreated: defineEvent(
    'AccountCreated',
    z.object({
      ...accountRef,
      domain: z.string(),
      kind: accountKind,
      samAccountName: z.string(),
      userPrincipalName: z.string().optional(),
      dnsHostName: z.string().optional(),
      enabled: z.boolean(),
    }),
    { personal: { account: ACCOUNT, samAccountName: of('account'), userPrincipalName: of('account') } },
  ),
  /** Only the names that changed are there; `account` stays the id under which the stream was opened. */
  AccountRenamed: defineEvent(
    'AccountRenamed',
    z.object({
      ...accountRef,
      samAccountName: z.string().optional(),
      userPrincipalName: z.string().nullable().optional(),
      dnsHostName: z.string().nullable().optional(),
    }),
    { personal: { account: ACCOUNT, samAccountName: of('account'), userPrincipalName: of('account') } },
  ),
  /** `kvno` and `keys` are known for own accounts only. The keys themselves never stand in an event. */
  PasswordChanged: defineEvent(
    'PasswordChanged',
    z.object({
      ...accountRef,
      kvno: z.int().min(1).optional(),
      keys: z.array(z.object({ etype: z.int(), salt: z.string() })).optional(),
    }),
    { personal: { account: ACCOUNT, 'keys.salt': of('account') } },
  ),
  AccountEnabled: defineEvent('AccountEnabled', z.object(accountRef), { personal: { account: ACCOUNT } }),
  AccountDisabled: defineEvent('AccountDisabled', z.object(accountRef), { personal: { account: ACCOUNT } }),
  AccountDeleted: defineEvent('AccountDeleted', z.object(accountRef), { personal: { account: ACCOUNT } }),
  SpnRegistered: defineEvent(
    'SpnRegistered',
    z.object({
      ...accountRef,
      domain: z.string(),
      spn: z.string(),
      /** Accepted although these hold a name that meets it: in `audit`, or because the profile lets it pass (at most ten). */ conflicts:
        z.array(holder).optional(),
    }),
    { personal: { account: ACCOUNT, 'conflicts.account': ACCOUNT } },
  ),
  SpnRemoved: defineEvent('SpnRemoved', z.object({ ...accountRef, domain: z.string(), spn: z.string() }), {
    personal: { account: ACCOUNT },
  }),
  /**
   * A write of SPNs that was refused as a whole. Of ours it stands in the account's stream; for an account that never was, in
   * `operation-directory`, with `forest` and `domain` empty.
   */
  SpnRegistrationRefused: defineEvent(
    'SpnRegistrationRefused',
    z.object({
      ...accountRef,
      domain: z.string(),
      operation: z.enum(['add', 'delete', 'replace']),
      spns: z.array(z.string()),
      /** The number and name the refusing system uses: 8647 ERROR_DS_SPN_VALUE_NOT_UNIQUE_IN_FOREST, LDAP 19 constraintViolation … */
      status: z.int(),
      code: z.string(),
      reason: z.string(),
      /** At most ten; empty where the source names nobody. */
      holders: z.array(holder),
    }),
    { personal: { account: ACCOUNT, 'holders.account': ACCOUNT, reason: saidOf('account') } },
  ),
};

export type AccountKind = z.infer<typeof accountKind>;
export type Holder = z.infer<typeof holder>;
export type AccountEvent = EventsOf<typeof accountEvents>;
