/**
 * Decides the steps of one presentation (S6–S9 and the application's requests after them), whoever carries the messages:
 *
 *   presented ──> client verified ──> service verified      application requests are allowed only here
 *        └──> client rejected  └──> service verification failed
 *
 * A step that comes out of this order, or from another agent than the one that presented, changes nothing and is a
 * MisplacedStep; a step in order that fails is an event and ends the presentation. RFC 4120 §3.2 has the steps and the codes.
 */
import type { PresentationEvent } from './exchange.events.js';
import { hasExpired } from './logon.decider.js';
import type { IssuedTicket } from './ticket-request.decider.js';

/** A presentation's stream is bounded by these: further requests must authenticate anew, further refusals are not recorded. */
export const ALLOWED_REQUESTS_MAX = 1_000;
export const RECORDED_REFUSALS_MAX = 100;

export type Step = 'presented' | 'client-verified' | 'client-rejected' | 'service-verified' | 'service-failed';

export type Presentation = {
  readonly forest: string;
  readonly presentation: string;
  readonly request: string;
  readonly ticket: string;
  readonly spn: string;
  /** The agent that presented: account or outside id. */
  readonly service: string;
  readonly step: Step;
  readonly allowed: number;
  readonly refused: number;
};

export type StepDecision = { readonly events: readonly PresentationEvent[] } & (
  { readonly outcome: 'accepted' } | { readonly outcome: 'refused'; readonly code: string; readonly reason: string }
);

/** A step that this presentation does not expect now. The caller's mistake, not a failed authentication. */
export type MisplacedStep = { readonly outcome: 'misplaced'; readonly events: readonly []; readonly reason: string };

const stepAfter: Partial<Record<PresentationEvent['type'], Step>> = {
  TicketPresented: 'presented',
  ClientVerified: 'client-verified',
  ClientRejected: 'client-rejected',
  ServiceVerified: 'service-verified',
  ServiceVerificationFailed: 'service-failed',
};

/** Null when these events presented no ticket of ours. */
export function foldPresentation(
  events: readonly { readonly type: string; readonly data: unknown }[],
): Presentation | null {
  return (events as readonly PresentationEvent[]).reduce<Presentation | null>(evolve, null);
}

function evolve(state: Presentation | null, { type, data }: PresentationEvent): Presentation | null {
  if (type === 'TicketPresented') {
    const { forest, presentation, request, ticket, spn, service } = data;
    if (!presentation || !request || !ticket || !spn) return null;
    return { forest, presentation, request, ticket, spn, service, step: 'presented', allowed: 0, refused: 0 };
  }
  if (!state) return null;
  return {
    ...state,
    step: stepAfter[type] ?? state.step,
    allowed: state.allowed + (type === 'ApplicationRequestAllowed' ? 1 : 0),
    refused: state.refused + (type === 'ApplicationRequestRefused' ? 1 : 0),
  };
}

export type PresentFacts = {
  readonly presentation: string;
  readonly now: string;
  readonly issued: IssuedTicket;
  /** Id of what the service was really handed. */
  readonly ticket: string;
  readonly service: string;
  /** This ticket was presented before by the same means of authentication. */
  readonly replayed: boolean;
};

/** S6. What can be judged without the service's key is judged here; whether it decrypts only the service can say. */
export function presentTicket(facts: PresentFacts): StepDecision {
  const { issued, presentation, ticket, service } = facts;
  const state = { forest: issued.forest, presentation, request: issued.request, ticket, spn: issued.spn };
  const presented: PresentationEvent = { type: 'TicketPresented', data: { ...state, service } };
  const reject = (code: string, reason: string): StepDecision => {
    const rejected: PresentationEvent = { type: 'ClientRejected', data: { ...state, code, reason } };
    return { outcome: 'refused', code, reason, events: [presented, rejected] };
  };
  if (ticket !== issued.ticket) {
    return reject('KRB_AP_ERR_MODIFIED', 'what was presented is not what the KDC made for this request');
  }
  if (facts.replayed) {
    return reject('KRB_AP_ERR_REPEAT', 'this ticket was presented before: ask the KDC for a new one');
  }
  if (hasExpired(issued.expiresAt, facts.now)) {
    return reject('KRB_AP_ERR_TKT_EXPIRED', `the ticket ended at ${issued.expiresAt}: ask the KDC for a new one`);
  }
  return { outcome: 'accepted', events: [presented] };
}

/** What the service's own process found when it decrypted the message with its own key. */
export type ClientReport =
  | { readonly outcome: 'verified'; readonly clientName: string; readonly etype: number; readonly kvno: number }
  | {
      readonly outcome: 'rejected';
      readonly code: string;
      readonly reason: string;
      readonly etype?: number | undefined;
      readonly kvno?: number | undefined;
    };

/** S7. A report that names another client than the ticket's, or comes too late, rejects the client whatever it says. */
export function reportClient(
  state: Presentation,
  issued: IssuedTicket,
  report: ClientReport,
  now: string,
): StepDecision | MisplacedStep {
  if (state.step !== 'presented')
    return misplaced(state, 'the client is verified once, directly after its presentation');
  const reject = (code: string, reason: string, key: { etype?: number; kvno?: number } = {}): StepDecision => {
    const event: PresentationEvent = { type: 'ClientRejected', data: { ...position(state), code, reason, ...key } };
    return { outcome: 'refused', code, reason, events: [event] };
  };
  if (report.outcome === 'rejected') {
    const { code, reason, etype, kvno } = report;
    return reject(code, reason, { ...(etype === undefined ? {} : { etype }), ...(kvno === undefined ? {} : { kvno }) });
  }
  const { clientName, etype, kvno } = report;
  if (clientName !== issued.clientName || etype !== issued.etype || kvno !== issued.kvno) {
    const reason = 'the service reports another client or key than the ticket was made for';
    return reject('KRB_AP_ERR_BADMATCH', reason, { etype, kvno });
  }
  if (hasExpired(issued.expiresAt, now)) {
    return reject('KRB_AP_ERR_TKT_EXPIRED', `the ticket ended at ${issued.expiresAt}`, { etype, kvno });
  }
  const data = { ...position(state), client: issued.client, clientName, etype, kvno };
  return { outcome: 'accepted', events: [{ type: 'ClientVerified', data }] };
}

export type ReturnedProof = {
  readonly proofDigest: string;
  readonly matches: boolean;
  /** The KDC in the challenge form, the client on the wire. */
  readonly verifier: 'kdc' | 'client';
};

/** S8 and S9. */
export function verifyService(
  state: Presentation,
  issued: IssuedTicket,
  proof: ReturnedProof,
  now: string,
): StepDecision | MisplacedStep {
  if (state.step !== 'client-verified') {
    return misplaced(state, 'the service answers once, directly after it has verified the client');
  }
  const { verifier, proofDigest, matches } = proof;
  const returned: PresentationEvent = { type: 'ServiceProofReturned', data: { ...position(state), proofDigest } };
  const fail = (code: string, reason: string): StepDecision => {
    const data = { ...position(state), verifier, code, reason };
    return { outcome: 'refused', code, reason, events: [returned, { type: 'ServiceVerificationFailed', data }] };
  };
  if (!matches) return fail('KRB_AP_ERR_MUT_FAIL', 'the proof is not what the holder of the SPN would have returned');
  if (hasExpired(issued.expiresAt, now)) {
    return fail('KRB_AP_ERR_TKT_EXPIRED', `the ticket ended at ${issued.expiresAt}: ask the KDC for a new one`);
  }
  const verified: PresentationEvent = { type: 'ServiceVerified', data: { ...position(state), verifier } };
  return { outcome: 'accepted', events: [returned, verified] };
}

/** Application traffic: allowed only after both sides are verified and while the ticket lasts. */
export function decideApplicationRequest(
  state: Presentation,
  issued: IssuedTicket,
  operation: string,
  now: string,
): StepDecision {
  const refuse = (code: string, reason: string): StepDecision => {
    const data = { ...position(state), operation, code, reason };
    const recorded = state.refused < RECORDED_REFUSALS_MAX;
    const events: PresentationEvent[] = recorded ? [{ type: 'ApplicationRequestRefused', data }] : [];
    return { outcome: 'refused', code, reason, events };
  };
  if (state.step !== 'service-verified') {
    return refuse('KRB_AP_ERR_MUT_FAIL', `both sides must be verified first; this presentation is at "${state.step}"`);
  }
  if (hasExpired(issued.expiresAt, now)) {
    return refuse('KRB_AP_ERR_TKT_EXPIRED', `the ticket ended at ${issued.expiresAt}: authenticate again`);
  }
  if (state.allowed >= ALLOWED_REQUESTS_MAX) {
    return refuse('KDC_ERR_POLICY', `${ALLOWED_REQUESTS_MAX} requests were allowed on this ticket: authenticate again`);
  }
  const event: PresentationEvent = { type: 'ApplicationRequestAllowed', data: { ...position(state), operation } };
  return { outcome: 'accepted', events: [event] };
}

function position({ forest, presentation, request, ticket, spn }: Presentation) {
  return { forest, presentation, request, ticket, spn };
}

function misplaced(state: Presentation, rule: string): MisplacedStep {
  return {
    outcome: 'misplaced',
    events: [],
    reason: `presentation ${state.presentation} is at "${state.step}": ${rule}`,
  };
}
