/**
 * Decides a logon (S1; the AS exchange of RFC 4120 §3.1), whichever way the request came and the answer goes.
 *
 * Order of the checks: does the client exist, may it log on, did it prove itself. A first request without a proof is answered
 * with "pre-authentication required", which is no failure and no event. Everything refused is a TgtRefused.
 */
import { compareInstants, instantToNanos, nanosToInstant } from '#event-store';
import type { ProofVerdict } from '../lockout/lockout.decider.js';
import type { LogonEvent } from './exchange.events.js';

/** What the directory knows of an account that a decision about a client or a holder rests on. */
export type AccountFacts = {
  readonly account: string;
  /** DNS name of the domain it belongs to. */
  readonly domain: string;
  readonly enabled: boolean;
  /** Absent before the first password. */
  readonly kvno?: number | undefined;
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
  /** Null when nobody holds the name, or its holder was deleted. */
  readonly client: AccountFacts | null;
  /** Null when the request carried no proof. */
  readonly proof: { readonly verdict: ProofVerdict; readonly etype: number; readonly kvno: number } | null;
  /** SHA-256 of the handle's secret part; the wire form, whose handle is the TGT itself, has none. */
  readonly handleDigest?: string;
  readonly logonLifetimeSeconds: number;
};

export type LogonDecision =
  | { readonly outcome: 'issued'; readonly expiresAt: string; readonly events: readonly LogonEvent[] }
  | { readonly outcome: 'preauth-required'; readonly events: readonly [] }
  | {
      readonly outcome: 'refused';
      readonly code: string;
      readonly reason: string;
      readonly events: readonly LogonEvent[];
    };

export function decideLogon(facts: LogonFacts): LogonDecision {
  const { forest, logon, clientName, client, proof } = facts;
  const service = `krbtgt/${facts.realm}`;
  const refuse = (code: string, reason: string): LogonDecision => {
    const known = client ? { client: client.account } : {};
    const data = { forest, logon, ...known, clientName, service, code, reason };
    return { outcome: 'refused', code, reason, events: [{ type: 'TgtRefused', data }] };
  };

  if (!client) return refuse('KDC_ERR_C_PRINCIPAL_UNKNOWN', `no account of the forest is named ${clientName}`);
  if (!client.enabled) return refuse('KDC_ERR_CLIENT_REVOKED', 'the account of the client is disabled');
  if (client.etypes.length === 0) return refuse('KDC_ERR_NULL_KEY', 'the client has no password yet: set one');
  if (!proof) return { outcome: 'preauth-required', events: [] };
  if (!proof.verdict.accepted) return refuse(proof.verdict.code, proof.verdict.reason);

  const expiresAt = addSeconds(facts.now, facts.logonLifetimeSeconds);
  const { etype, kvno } = proof;
  const { account, domain } = client;
  const handle = facts.handleDigest === undefined ? {} : { handleDigest: facts.handleDigest };
  const names = { forest, domain, logon, client: account, clientName, service };
  const data = { ...names, preAuthentication: 'PA-ENC-TIMESTAMP', etype, kvno, ...handle, expiresAt };
  return { outcome: 'issued', expiresAt, events: [{ type: 'TgtIssued', data }] };
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
