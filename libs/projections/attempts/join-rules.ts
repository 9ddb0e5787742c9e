/**
 * By which rules records of one authentication are joined to an attempt, and how sure each rule is (architecture §5: "by
 * ticket id where there is one, else by a stated rule with a stated confidence"). This is the one place that states them;
 * attempts carry the ids of the rules that made them, and the derivations beside this file carry them out.
 *
 * Every rule looks at a bounded window of time, so an attempt is a function of the evidence around it, whenever that
 * evidence arrives. A change here means a new version of the projection.
 */

/**
 * certain  the records share an id that was made for this
 * strong   the same party wrote them, about the same peer, within the time one message takes
 * likely   the best candidate in a window that may hold others
 */
export type Confidence = 'certain' | 'strong' | 'likely';

export type JoinRule = {
  readonly says: string;
  readonly confidence: Confidence;
  /** How far apart, in nanoseconds, two records may stand to be joined. Absent where an id joins them. */
  readonly window?: bigint;
};

const MILLISECOND = 1_000_000n;
const SECOND = 1_000n * MILLISECOND;

export const joinRules = {
  J1: {
    says: 'The records name the same ticket request, presentation or logon.',
    confidence: 'certain',
  },
  /**
   * Clients ask again without `canonicalize` when a server principal is unknown; seen 4 to 10 ms apart. Each of the two must
   * be the other's nearest, so that a client that asks over and over is not folded into one attempt.
   */
  J2: {
    says:
      'Two refusals of one client for one SPN, with one code, from one host but two ports, each the nearest to the other, ' +
      'are one attempt that asked twice.',
    confidence: 'strong',
    window: 50n * MILLISECOND,
  },
  /** An acceptor's failure names neither client nor SPN. A ticket taken from a cache is not found by this rule. */
  J3: {
    says:
      "An acceptor's answer without an id belongs to the latest service ticket issued in the same forest shortly before it " +
      'whose encryption type is the one that the acceptor named.',
    confidence: 'likely',
    window: 3n * SECOND,
  },
  J4: {
    says: 'A status line of an acceptor belongs to the failure that the same source logged just before it.',
    confidence: 'strong',
    window: 100n * MILLISECOND,
  },
  J5: {
    says: 'A log line about a failed logon belongs to the refusal of the same client at the same address and port.',
    confidence: 'strong',
    window: 500n * MILLISECOND,
  },
  /** A TGT serves for hours, so it is joined when an attempt is read and not kept with it (attempts.query.ts). */
  J6: {
    says: "A client's security context is the latest TGT that was issued to it before it asked for the ticket.",
    confidence: 'likely',
    window: 10n * 3600n * SECOND,
  },
  /** Not a join: what the protocol implies of a step that nobody recorded (RFC 4120 §3.3.3, MS-KILE 3.3.5.7). */
  P1: {
    says: 'A KDC issues a service ticket only to a client with a TGT, that asked for it, and for an SPN with one holder.',
    confidence: 'certain',
  },
} as const satisfies Record<string, JoinRule>;

export type RuleId = keyof typeof joinRules;

const WEAKEST_FIRST: readonly Confidence[] = ['likely', 'strong', 'certain'];

/** How sure an attempt is that was joined by all of these rules: as its weakest. `certain` when nothing had to be joined. */
export function weakestConfidence(rules: readonly RuleId[]): Confidence {
  return (
    WEAKEST_FIRST.find((confidence) => rules.some((rule) => joinRules[rule].confidence === confidence)) ?? 'certain'
  );
}

/**
 * Families of evidence that is joined by time, and how far an attempt of theirs can see from the record it rests on: through
 * the window to another record, and through that one's windows to what it is joined to. So evidence at t touches attempts in
 * t ± reach, and those need what lies in t ± 2 reach.
 */
export const reach = {
  refusal: 2n * joinRules.J2.window,
  logon: 3n * joinRules.J5.window,
  answer: joinRules.J3.window,
} as const;

export type Family = keyof typeof reach;
