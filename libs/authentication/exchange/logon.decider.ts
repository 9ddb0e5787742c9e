/**
 * Decides a logon (S1; the AS exchange of RFC 4120 §3.1), whichever way the request came and the answer goes.
 *
 * Order of the checks: does the client exist, may it log on, did it prove itself. A first request without a proof is answered
 * with "pre-authentication required", which is no failure and no event. Everything refused is a TgtRefused.
 */
import { compareInstants, instantToNanos, nanosToInstant } from '#event-store';
import { judgeProof, type ProofFacts } from '../lockout/lockout.decider.js';
import type { LockoutEvent } from '../lockout/lockout.events.js';
import type { LogonEvent } from './exchange.events.js';

/** What the directory knows of an account that a decision about a client or a holder rests on. */
export type AccountFacts = {
  readonly account: string;
  /** DNS name of the domain it belongs to. */
  readonly domain: string;
  readonly enabled: boolean;
  /** Version of its current keys; 0 before the first password. */
  readonly kvno: number;
  /** Encryption types of its current keys. */
  readonly etypes: readonly number[];
};

export type LogonFacts = {
  readonly forest: string;
  readonly logon: string;
  readonly now: string;
  /** As the client wrote it. */
  readonly clientName: string;
  /** The realm that was asked, upper case. */
  readonly realm: string;
  readonly client: AccountFacts | 'unknown' | 'ambiguous';
  /** Encryption types that the forest's policy allows, the strongest first. */
  readonly etypes: readonly number[];
  /** Null when the request carried no proof. */
  readonly proof: (ProofFacts & { readonly etype: number }) | null;
  /** SHA-256 of the handle's secret part; the wire form, whose handle is the TGT itself, has none. */
  readonly handleDigest?: string;
  readonly logonLifetimeSeconds: number;
};

/** `events` are the logon's own; `lockout` is what is to be remembered of the proof. */
export type LogonDecision = { readonly events: readonly LogonEvent[]; readonly lockout?: LockoutEvent } & (
  | { readonly outcome: 'issued'; readonly expiresAt: string }
  | { readonly outcome: 'preauth-required' }
  | { readonly outcome: 'refused'; readonly code: string; readonly reason: string }
);

export function decideLogon(facts: LogonFacts): LogonDecision {
  const { forest, client, proof } = facts;
  if (client === 'unknown') {
    return refuse(facts, 'KDC_ERR_C_PRINCIPAL_UNKNOWN', `no account of forest ${forest} goes by this name`);
  }
  if (client === 'ambiguous') {
    return refuse(facts, 'KDC_ERR_PRINCIPAL_NOT_UNIQUE', `several accounts of forest ${forest} go by this name`);
  }
  if (!client.enabled) return refuse(facts, 'KDC_ERR_CLIENT_REVOKED', 'the account of the client is disabled');
  if (client.etypes.length === 0) {
    return refuse(facts, 'KDC_ERR_NULL_KEY', 'the client has no key: set a password');
  }
  const usable = facts.etypes.filter((etype) => client.etypes.includes(etype));
  if (usable.length === 0 || (proof && !usable.includes(proof.etype))) {
    const reason = `the client has keys of etype ${client.etypes.join(', ')}, the forest allows ${facts.etypes.join(', ')}`;
    return refuse(facts, 'KDC_ERR_ETYPE_NOSUPP', reason);
  }
  if (!proof) return { outcome: 'preauth-required', events: [] };
  const verdict = judgeProof(proof);
  if (verdict.accepted) return issue(facts, client, proof.etype, verdict.event);
  return { ...refuse(facts, verdict.code, verdict.reason), ...(verdict.event ? { lockout: verdict.event } : {}) };
}

function issue(facts: LogonFacts, client: AccountFacts, etype: number, lockout: LockoutEvent): LogonDecision {
  const { forest, logon, clientName, handleDigest } = facts;
  const expiresAt = addSeconds(facts.now, facts.logonLifetimeSeconds);
  const parties = { forest, domain: client.domain, logon, client: client.account, clientName, service: tgs(facts) };
  const key = { preAuthentication: 'PA-ENC-TIMESTAMP', etype, kvno: client.kvno };
  const data = { ...parties, ...key, ...(handleDigest === undefined ? {} : { handleDigest }), expiresAt };
  return { outcome: 'issued', expiresAt, events: [{ type: 'TgtIssued', data }], lockout };
}

function refuse(facts: LogonFacts, code: string, reason: string): LogonDecision {
  const { forest, logon, clientName, client } = facts;
  const known = typeof client === 'string' ? {} : { client: client.account };
  const data = { forest, logon, ...known, clientName, service: tgs(facts), code, reason };
  return { outcome: 'refused', code, reason, events: [{ type: 'TgtRefused', data }] };
}

/** The ticket-granting service that an initial ticket is for. */
function tgs({ realm }: LogonFacts): string {
  return `krbtgt/${realm}`;
}

/** A logon that was issued, as the ticket requests that rest on it see it. */
export type Logon = {
  readonly logon: string;
  readonly forest: string;
  readonly domain: string;
  readonly client: string;
  readonly clientName: string;
  readonly handleDigest?: string | undefined;
  readonly expiresAt: string;
};

/** Null when these events issued no logon of ours. */
export function foldLogon(events: readonly { readonly type: string; readonly data: unknown }[]): Logon | null {
  for (const event of events as readonly LogonEvent[]) {
    if (event.type !== 'TgtIssued') continue;
    const { logon, forest, domain, client, clientName, handleDigest, expiresAt } = event.data;
    if (!logon || !domain || !client || !expiresAt) return null;
    return { logon, forest, domain, client, clientName, handleDigest, expiresAt };
  }
  return null;
}

/** Half-open: at `expiresAt` itself it has ended. */
export function hasExpired(expiresAt: string, now: string): boolean {
  return compareInstants(now, expiresAt) >= 0;
}

export function addSeconds(instant: string, seconds: number): string {
  return nanosToInstant(instantToNanos(instant) + BigInt(seconds) * 1_000_000_000n);
}
