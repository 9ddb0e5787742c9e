/**
 * Why an attempt failed: what was reported, and where that does not tell the cause, the SPN directory as of the instant of the
 * failure. Pure. The code is never translated, and no cause is claimed that the evidence does not show.
 */
import { nanosToInstant } from '#event-store';
import { askedAt, type Attempt, type Step, type StepName } from '../attempts/attempt.js';
import type { Held } from '../attempts/holders.js';
import { answerAt, type Answer, type Interval } from '../interval.js';
import { spnIndexKeys } from '../spn-directory/spn-index-keys.js';
import { keyCauses, logonCauses, searchCodes, serviceCauses, ticketCauses, type Cause } from './causes.js';

export type Circumstances = {
  /** In order of time. `enabled` as of the failure; null: not known. */
  readonly held: readonly (Held & { readonly enabled: boolean | null })[];
  /** The nearest earlier ticket for this SPN that was made with another encryption type. */
  readonly earlierTicket: { readonly event: string; readonly at: bigint; readonly etype: number } | null;
  /** The account that the service runs as; null where what the service says of itself names no account. */
  readonly runsAs: { readonly name: string; readonly names: readonly string[] } | null;
};

export type Fact = { readonly says: string; readonly at: string | null; readonly events: readonly string[] };

/**
 * observed  the party that failed the step stated the cause
 * inferred  it follows from the facts, by `rule`
 * possible  it follows if what is not known of that instant was so
 */
export type Diagnosis = {
  readonly cause: Cause;
  readonly confidence: 'observed' | 'inferred' | 'possible';
  readonly rule: DiagnosisRule | null;
  readonly facts: readonly Fact[];
  readonly repair: Repair | null;
};

export const diagnosisRules = {
  D1: 'The KDC gives one answer for an unknown, a removed and a duplicate SPN; who held the SPN at that instant tells them apart.',
  D2: "A ticket is made with the key of the account that holds the SPN; the service looked for it among another account's keys.",
  D3: 'The version of the key that the service has, beside that of the key that the ticket was made with, tells a stale key.',
} as const;
export type DiagnosisRule = keyof typeof diagnosisRules;

/** What would repair it: accounts to take the SPN from, and one to give it to. */
export type Repair = {
  readonly take: readonly string[];
  readonly give: string | null;
  readonly spn: string;
  /** Since this instant it is not needed any more. */
  readonly doneAt: string | null;
};

/** The failure of a failed attempt. Throws a TypeError for another. */
export function diagnose(attempt: Attempt, circumstances: Circumstances): Diagnosis {
  const { failedStep, failedAt, code } = attempt;
  if (failedStep === null || failedAt === null) throw new TypeError(`attempt ${attempt.id} did not fail`);
  const facts = [...reported(attempt), ...history(circumstances)];
  const stated = (cause: Cause | undefined): Diagnosis =>
    cause ? { cause, confidence: 'observed', rule: null, facts, repair: null } : unknownCause(facts);
  if (failedStep === 'S1') return stated(logonCauses[code ?? '']);
  if (failedStep === 'application') return stated('not-both-verified');
  if (failedStep === 'S9') return stated(serviceCauses[code ?? ''] ?? 'proof-mismatch');
  if (failedStep === 'S7') return diagnoseService(attempt, circumstances, facts, stated);
  const ambiguous = failedStep === 'S4';
  if (!ambiguous && !searchCodes.has(code ?? '')) return stated(ticketCauses[code ?? '']);
  const found = diagnoseSearch(attempt, failedAt, circumstances.held);
  if (ambiguous) {
    const isTold = found.cause.startsWith('spn-duplicate');
    return { ...stated(isTold ? found.cause : 'spn-duplicate'), repair: isTold ? found.repair : null };
  }
  const isSearched = failedStep === 'S3' && (found.cause === 'spn-unknown' || found.cause === 'spn-not-held');
  return isSearched ? { ...stated(found.cause), repair: found.repair } : { ...found, facts };
}

function unknownCause(facts: readonly Fact[]): Diagnosis {
  return { cause: 'not-known', confidence: 'possible', rule: null, facts, repair: null };
}

/** D1. The explicit name comes before the one that its class is an alias of (MS-DRSR LookupSPN). */
function diagnoseSearch(attempt: Attempt, at: bigint, held: Circumstances['held']): Diagnosis {
  const base = { rule: 'D1', facts: [] } as const;
  const answer = ({ interval }: Held): Answer => answerAt(interval, at);
  const exact = held.filter(({ by }) => by === 'exact');
  const standing = exact.some((one) => answer(one) !== 'no') ? exact : held.filter(({ by }) => by === 'alias');
  const certain = standing.filter((one) => answer(one) === 'yes');
  const possible = standing.filter((one) => answer(one) !== 'no');
  const accounts = (some: readonly Held[]): number => new Set(some.map(({ account }) => account)).size;
  if (accounts(possible) > 1) {
    const confidence = accounts(certain) > 1 ? 'inferred' : 'possible';
    return { ...base, cause: duplicateCause(possible), confidence, repair: keepTheEldest(possible) };
  }
  const [only] = possible;
  if (only?.enabled === false) return { ...base, cause: 'holder-disabled', confidence: 'inferred', repair: null };
  if (certain.length > 0) return { ...unknownCause([]), repair: null };
  const cause = held.length > 0 ? 'spn-not-held' : 'spn-unknown';
  return { ...base, cause, confidence: only ? 'possible' : 'inferred', repair: giveBack(attempt, at, exact) };
}

function diagnoseService(
  attempt: Attempt,
  { held, runsAs }: Circumstances,
  facts: readonly Fact[],
  stated: (cause: Cause | undefined) => Diagnosis,
): Diagnosis {
  const { code, serviceKvno, kvno } = attempt;
  const byCode = serviceCauses[code ?? ''];
  if (byCode) return stated(byCode);
  const stating = keyCauses[code ?? ''];
  // An acceptor that names the key it looked for had no such key, whatever status it gave to its caller.
  if (!stating && serviceKvno === null) return unknownCause(facts);
  // Our KDC says so of a ticket that is not the one it made, before any key is tried.
  if (code === 'KRB_AP_ERR_MODIFIED' && attempt.presentation !== null && serviceKvno === null)
    return stated('ticket-modified');
  const holder = holderAt(held, askedAt(attempt));
  if (holder && runsAs && !runsAs.names.some((name) => holder.names.includes(name))) {
    const repair = moveTo(attempt, holder, runsAs.name);
    return { cause: 'spn-on-other-account', confidence: 'inferred', rule: 'D2', facts, repair };
  }
  if (kvno !== null && serviceKvno !== null && kvno !== serviceKvno)
    return { cause: 'stale-key', confidence: 'inferred', rule: 'D3', facts, repair: null };
  return stated(stating);
}

/** The only account that certainly held the SPN then. */
function holderAt(held: readonly Held[], at: bigint): Held | undefined {
  const standing = held.filter(({ interval }) => answerAt(interval, at) !== 'no');
  const exact = standing.filter(({ by }) => by === 'exact');
  const [holder, ...others] = exact.length > 0 ? exact : standing;
  return holder && others.length === 0 && answerAt(holder.interval, at) === 'yes' ? holder : undefined;
}

/** Of SPNs that a KDC takes for one: a directory's own check sees the same name, or two, or the class is another. */
function duplicateCause(standing: readonly Held[]): Cause {
  if (standing.some(({ by }) => by === 'alias')) return 'spn-duplicate-alias';
  const seen = new Set(standing.map(({ spn }) => spnIndexKeys(spn).writeKey));
  return seen.size > 1 ? 'spn-duplicate-unicode' : 'spn-duplicate';
}

/** It stays with the account that had it first, and is taken from the others. */
function keepTheEldest(standing: readonly Held[]): Repair {
  const [eldest, ...others] = standing.toSorted((a, b) => (a.interval.beganBy < b.interval.beganBy ? -1 : 1));
  const rivals = others.filter(({ account }) => account !== eldest!.account);
  const ends = rivals.map(({ interval }) => interval.endedBy);
  const doneAt = ends.includes(null) ? null : latest(ends);
  return { take: rivals.map(({ name }) => name), give: null, spn: rivals[0]!.spn, doneAt: instantOf(doneAt) };
}

/** To the account that had it last; nothing is to be done once an account has it again. */
function giveBack(attempt: Attempt, at: bigint, exact: readonly Held[]): Repair | null {
  const before = exact.filter(({ interval }) => interval.beganBy <= at).at(-1);
  const after = exact.find(({ interval }) => interval.beganBy > at);
  if (!before && !after) return null;
  const doneAt = after ? after.interval.beganBy : null;
  return { take: [], give: (before ?? after)!.name, spn: attempt.spn!, doneAt: instantOf(doneAt) };
}

function moveTo(attempt: Attempt, holder: Held, to: string): Repair {
  const doneAt = instantOf(holder.interval.endedBy);
  return { take: [holder.name], give: to, spn: attempt.spn ?? holder.spn, doneAt };
}

function latest(instants: readonly (bigint | null)[]): bigint | null {
  return instants.reduce((a, b) => (a === null || (b !== null && b > a) ? b : a), null);
}

const instantOf = (nanos: bigint | null): string | null => (nanos === null ? null : nanosToInstant(nanos));

const stepFacts: Readonly<Partial<Record<StepName, string>>> = {
  S1: 'the logon was refused',
  S5: 'the KDC refused the ticket',
  S7: 'the service rejected the client',
  S9: 'the proof of the service did not match',
};

/** What the attempt itself shows. */
function reported(attempt: Attempt): Fact[] {
  const { code, reason, etype, clientName, spn, service, serviceEtype, serviceKvno } = attempt;
  return attempt.steps.flatMap((step: Step): Fact[] => {
    const shown = { at: step.at ?? null, events: step.event ? [step.event] : [] };
    if (step.step === 'S5' && step.outcome === 'passed' && step.event) {
      const joined = step.rule ? ` (joined by rule ${step.rule})` : '';
      return [
        { says: `${clientName} was issued a ticket for ${spn}${etype ? ` of etype ${etype}` : ''}${joined}`, ...shown },
      ];
    }
    if (step.outcome !== 'failed') return [];
    const says = `${stepFacts[step.step] ?? `step ${step.step} failed`}: ${code}${reason ? ` (${reason})` : ''}`;
    const sought = serviceKvno === null ? '' : `${service ?? 'the service'} looked for key version ${serviceKvno}`;
    return [
      { says, ...shown },
      ...(sought ? [{ says: `${sought}${serviceEtype === null ? '' : ` of etype ${serviceEtype}`}`, ...shown }] : []),
    ];
  });
}

/** What the directory shows, and the earlier ticket whose key was another's. */
function history({ held, earlierTicket }: Circumstances): Fact[] {
  const facts = held.map(({ name, spn, interval, events }): Fact => {
    return { says: `${name} held ${spn} ${heldWhen(interval)}`, at: nanosToInstant(interval.beganBy), events };
  });
  if (!earlierTicket) return facts;
  const { at, event, etype } = earlierTicket;
  const says = `an earlier ticket for this SPN was made with etype ${etype}`;
  return [...facts, { says, at: nanosToInstant(at), events: [event] }];
}

function heldWhen({ beganAfter, beganBy, endedAfter, endedBy }: Interval): string {
  const [after, by] = [instantOf(beganAfter), instantOf(beganBy)];
  const began =
    beganAfter === null
      ? `by ${by} (begin not known)`
      : beganAfter === beganBy
        ? `from ${by}`
        : `from between ${after} and ${by}`;
  if (endedBy === null) return `${began}, still`;
  const end = instantOf(endedBy);
  return `${began} until ${endedAfter === endedBy ? end : `between ${instantOf(endedAfter)} and ${end}`}`;
}
