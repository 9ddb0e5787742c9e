/**
 * An authentication attempt as one reads it: the steps S0–S9 of architecture §2, each observed, inferred or missing, with who
 * verified it. An attempt is not a ticket: one presentation of a ticket is one attempt, and so is a ticket request that no
 * presentation is known of. A refused logon is an attempt of its own kind: it never came to a service.
 *
 * Nothing is claimed that was not seen: `mutually-authenticated` needs an observed S9.
 */
import { instantToNanos } from '#event-store';
import type { Confidence, RuleId } from './join-rules.js';

export const stepNames = ['S0', 'S1', 'S2', 'S3', 'S4', 'S5', 'S6', 'S7', 'S8', 'S9', 'application'] as const;
export type StepName = (typeof stepNames)[number];

/** What happens in each step, and who judges it: the party whose record settles it. */
export const stepMeanings: Readonly<Record<StepName, { readonly says: string; readonly verifier: Verifier }>> = {
  S0: { says: 'the SPN is registered on the account of the service', verifier: 'directory' },
  S1: { says: 'the client has a security context and composes the SPN', verifier: 'kdc' },
  S2: { says: 'the client presents the SPN to the KDC', verifier: 'kdc' },
  S3: { says: 'the KDC finds the holder of the SPN', verifier: 'kdc' },
  S4: { says: 'the SPN has one holder', verifier: 'kdc' },
  S5: { says: "the KDC encrypts with the holder's key", verifier: 'kdc' },
  S6: { says: 'the client passes it to the service', verifier: 'service' },
  S7: { says: 'the service decrypts it and knows the client', verifier: 'service' },
  S8: { says: 'the service passes the proof back', verifier: 'client' },
  S9: { says: 'the proof matches: the service is authenticated', verifier: 'client' },
  application: { says: 'application traffic', verifier: 'service' },
};

export type Verifier = 'directory' | 'kdc' | 'service' | 'client';

export type Step = {
  readonly step: StepName;
  /** `observed`: a record of this very step. `inferred`: it follows, by `rule`. `missing`: nothing tells. */
  readonly state: 'observed' | 'inferred' | 'missing';
  readonly outcome?: 'passed' | 'failed';
  readonly verifier: Verifier;
  readonly rule?: RuleId;
  /** Id of the event that shows it, and its instant. */
  readonly event?: string;
  readonly at?: string;
};

/**
 * mutually-authenticated  S9 was observed
 * failed                  a step failed; `failedStep` says which
 * client-verified         the service knows the client; the client's side was not seen
 * presented               passed to the service, which was not seen to answer
 * ticket-issued           ticket issued, the service's answer was not seen
 * requested               the KDC's answer was not seen
 */
export const outcomes = [
  'mutually-authenticated',
  'failed',
  'client-verified',
  'presented',
  'ticket-issued',
  'requested',
] as const;
export type Outcome = (typeof outcomes)[number];

export type Attempt = {
  /** Of the presentation, the ticket request or the logon; of an observed attempt, the id of the event that it rests on. */
  readonly id: string;
  readonly kind: 'service' | 'logon';
  readonly forest: string;
  /** Of the event it rests on, in nanoseconds since 1970: the first record of the presentation, request, refusal or answer. */
  readonly at: bigint;
  readonly failedAt: bigint | null;
  readonly outcome: Outcome;
  readonly failedStep: StepName | null;
  /** As the source reported it; never translated. */
  readonly code: string | null;
  readonly reason: string | null;
  readonly client: string | null;
  readonly clientName: string | null;
  readonly spn: string | null;
  /** The holder that the KDC named, if it did. */
  readonly account: string | null;
  /** The account that the service runs as, as it said. */
  readonly service: string | null;
  readonly address: string | null;
  readonly ticket: string | null;
  readonly logon: string | null;
  readonly request: string | null;
  readonly presentation: string | null;
  /** Of the ticket. */
  readonly etype: number | null;
  readonly kvno: number | null;
  /** Of the key that the service looked for, as it said. */
  readonly serviceEtype: number | null;
  readonly serviceKvno: number | null;
  /** How often the client asked the KDC in this attempt. */
  readonly asks: number;
  readonly rules: readonly RuleId[];
  readonly confidence: Confidence;
  /** S2 and later; S0 and S1 rest on what outlives an attempt and are joined when it is read. Of a logon: S1. */
  readonly steps: readonly Step[];
  /** Ids of the events, in order. */
  readonly evidence: readonly string[];
};

/** When the KDC answered, and chose a key; of an answer of a service whose ticket was not seen, that answer's instant. */
export function askedAt({ at, steps }: Attempt): bigint {
  const answer = steps.find(({ step }) => step === 'S5')?.at;
  return answer === undefined ? at : instantToNanos(answer);
}
