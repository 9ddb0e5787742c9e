/**
 * Decides a ticket request (S2–S5; the TGS exchange of RFC 4120 §3.3) in two steps, because the message to the service can only
 * be made once it is known for whom: `resolveService` says who holds the SPN and which of its keys to use, or refuses;
 * `issueTicket` records what was then made. What that message is (a sealed challenge, a ticket) is not known here.
 *
 * An SPN that several accounts hold is refused with KDC_ERR_PRINCIPAL_NOT_UNIQUE (8), which RFC 4120 §7.5.9 has for it. Windows
 * answers 7 there as for an unknown name; the cause therefore stands in SpnAmbiguous and is never to be read from the code.
 */
import type { SpnParts } from '#spn';
import type { TicketRequestEvent } from './exchange.events.js';
import { addSeconds, hasExpired, type AccountFacts, type Logon } from './logon.decider.js';
import { compareInstants } from '#event-store';

/** What the search through all domains of the forest found: the exact name first, then its alias (MS-DRSR LookupSPN). */
export type SpnSearch =
  | { readonly outcome: 'unknown' }
  | {
      readonly outcome: 'found';
      readonly by: 'exact' | 'alias';
      readonly registeredSpn: string;
      readonly holder: AccountFacts;
    }
  | {
      readonly outcome: 'ambiguous';
      readonly by: 'exact' | 'alias';
      readonly holders: readonly { readonly account: string; readonly spn: string }[];
    };

export type TicketRequestFacts = {
  readonly request: string;
  readonly now: string;
  readonly logon: Logon;
  /** The client as it is now, not as it was at the logon; null when it was deleted since. */
  readonly client: Pick<AccountFacts, 'enabled'> | null;
  readonly spn: string;
  /** How the client came to the SPN, when it told us. */
  readonly composedFrom?: SpnParts | undefined;
  readonly search: SpnSearch;
  /** Encryption types that the forest's policy allows, the strongest first. */
  readonly etypes: readonly number[];
  readonly ticketLifetimeSeconds: number;
};

export type Resolution = {
  readonly outcome: 'resolved';
  readonly account: string;
  readonly etype: number;
  readonly kvno: number;
  readonly expiresAt: string;
  readonly events: readonly TicketRequestEvent[];
};

export type Refusal = {
  readonly outcome: 'refused';
  readonly code: string;
  readonly reason: string;
  readonly events: readonly TicketRequestEvent[];
};

export function resolveService(facts: TicketRequestFacts): Resolution | Refusal {
  const { logon, client, search } = facts;
  const asked = requested(facts);
  if (hasExpired(logon.expiresAt, facts.now)) {
    return refuse(facts, asked, 'KRB_AP_ERR_TKT_EXPIRED', `the logon ended at ${logon.expiresAt}: log on again`);
  }
  if (!client?.enabled) {
    const what = client ? 'disabled' : 'deleted';
    return refuse(facts, asked, 'KDC_ERR_CLIENT_REVOKED', `the account of the client was ${what} after the logon`);
  }
  const { forest } = logon;
  const found = { forest, request: facts.request, spn: facts.spn };
  if (search.outcome === 'unknown') {
    const events: TicketRequestEvent[] = [...asked, { type: 'SpnNotFound', data: found }];
    return refuse(facts, events, 'KDC_ERR_S_PRINCIPAL_UNKNOWN', `no account of forest ${forest} holds ${facts.spn}`);
  }
  if (search.outcome === 'ambiguous') {
    const { by, holders } = search;
    const data = { ...found, by, holders: holders.map(({ account, spn }) => ({ account, spn })) };
    const reason = `${holders.length} accounts of forest ${forest} hold ${facts.spn}: remove it from all but one`;
    return refuse(facts, [...asked, { type: 'SpnAmbiguous', data }], 'KDC_ERR_PRINCIPAL_NOT_UNIQUE', reason);
  }
  const { by, registeredSpn, holder } = search;
  const resolved: TicketRequestEvent = {
    type: 'SpnResolved',
    data: { ...found, account: holder.account, registeredSpn, by },
  };
  return chooseKey(facts, [...asked, resolved], holder);
}

/** S5: of the holder's current keys the strongest that the policy allows. */
function chooseKey(
  facts: TicketRequestFacts,
  events: readonly TicketRequestEvent[],
  holder: AccountFacts,
): Resolution | Refusal {
  const { account, kvno, etypes } = holder;
  if (!holder.enabled) {
    return refuse(facts, events, 'KDC_ERR_SERVICE_REVOKED', 'the account that holds the SPN is disabled', account);
  }
  if (etypes.length === 0) {
    const reason = 'the account that holds the SPN has no key: set its password';
    return refuse(facts, events, 'KDC_ERR_NULL_KEY', reason, account);
  }
  const etype = facts.etypes.find((allowed) => etypes.includes(allowed));
  if (etype === undefined) {
    const reason = `the holder has keys of etype ${etypes.join(', ')}, the forest allows ${facts.etypes.join(', ')}: set its password again`;
    return refuse(facts, events, 'KDC_ERR_ETYPE_NOSUPP', reason, account);
  }
  const byLifetime = addSeconds(facts.now, facts.ticketLifetimeSeconds);
  const expiresAt = compareInstants(byLifetime, facts.logon.expiresAt) < 0 ? byLifetime : facts.logon.expiresAt;
  return { outcome: 'resolved', account, etype, kvno, expiresAt, events };
}

/** `ticket` is the id of what was made for the service; `nonceDigest` is there in the challenge form. */
export function issueTicket(
  facts: TicketRequestFacts,
  resolution: Resolution,
  made: { readonly ticket: string; readonly nonceDigest?: string },
): readonly TicketRequestEvent[] {
  const { account, etype, kvno, expiresAt } = resolution;
  const data = { ...parties(facts), account, ...made, etype, kvno, expiresAt };
  return [...resolution.events, { type: 'ServiceTicketIssued', data }];
}

function parties({ logon, request, spn }: TicketRequestFacts) {
  return { forest: logon.forest, request, client: logon.client, clientName: logon.clientName, spn };
}

/** S1 and S2: the SPN as composed, if the client said how, and as presented to the KDC of the client's domain. */
function requested(facts: TicketRequestFacts): TicketRequestEvent[] {
  const { logon, request, spn, composedFrom } = facts;
  const data = { ...parties(facts), domain: logon.domain, logon: logon.logon };
  const asked: TicketRequestEvent = { type: 'ServiceTicketRequested', data };
  if (!composedFrom) return [asked];
  const { serviceClass, host } = composedFrom;
  const port = composedFrom.kind === 'domain' ? undefined : composedFrom.port;
  const serviceName =
    composedFrom.kind === 'host'
      ? undefined
      : composedFrom.kind === 'domain'
        ? composedFrom.domain
        : composedFrom.serviceName;
  const parts = {
    serviceClass,
    host,
    ...(port === undefined ? {} : { port }),
    ...(serviceName ? { serviceName } : {}),
  };
  return [{ type: 'SpnComposed', data: { forest: logon.forest, request, spn, ...parts } }, asked];
}

function refuse(
  facts: TicketRequestFacts,
  events: readonly TicketRequestEvent[],
  code: string,
  reason: string,
  account?: string,
): Refusal {
  const data = { ...parties(facts), ...(account ? { account } : {}), code, reason };
  return { outcome: 'refused', code, reason, events: [...events, { type: 'ServiceTicketRefused', data }] };
}

/** A ticket that was issued, as its presentations see it. */
export type IssuedTicket = {
  readonly forest: string;
  readonly request: string;
  readonly logon: string;
  readonly client: string;
  readonly clientName: string;
  readonly spn: string;
  readonly ticket: string;
  readonly etype: number;
  readonly kvno: number;
  readonly nonceDigest?: string | undefined;
  readonly expiresAt: string;
};

/** Null when these events issued no ticket of ours. */
export function foldTicketRequest(
  events: readonly { readonly type: string; readonly data: unknown }[],
): IssuedTicket | null {
  let logon: string | undefined;
  for (const event of events as readonly TicketRequestEvent[]) {
    if (event.type === 'ServiceTicketRequested') logon = event.data.logon;
    if (event.type !== 'ServiceTicketIssued' || !logon) continue;
    const { forest, request, client, clientName, spn, ticket, etype, kvno, nonceDigest, expiresAt } = event.data;
    if (!request || !client || !ticket || etype === undefined || kvno === undefined || !expiresAt) return null;
    return { forest, request, logon, client, clientName, spn, ticket, etype, kvno, nonceDigest, expiresAt };
  }
  return null;
}
