/**
 * Evidence of one attempt, already joined, to the attempt with its steps. Pure. A step is observed when a record of that very
 * step is there, inferred when the protocol implies it or a rule joined its record to this attempt, and missing otherwise.
 */
import { nanosToInstant } from '#event-store';
import type { Attempt, Outcome, Step, StepName, Verifier } from './attempt.js';
import { stepMeanings } from './attempt.js';
import type { Evidence } from './evidence.js';
import { weakestConfidence, type RuleId } from './join-rules.js';

type EvidenceOf<T extends Evidence['type']> = Extract<Evidence, { type: T }>;

export type ServiceEvidence = {
  readonly id: string;
  /** S2–S5, in order. */
  readonly kdc: readonly Evidence[];
  /** S6 and later, in order. */
  readonly service: readonly Evidence[];
  /** The rules that joined them; `kdcRule` when it is by inference that the KDC's records belong here. */
  readonly rules: readonly RuleId[];
  readonly kdcRule?: RuleId;
  readonly asks?: number;
};

/** An attempt at a service. `kdc` or `service` may be empty, not both. */
export function assembleServiceAttempt(parts: ServiceEvidence): Attempt {
  const { id, kdc, service, kdcRule } = parts;
  const steps = [...kdcSteps(kdc, kdcRule), ...serviceSteps(service)];
  const issued = last(kdc, 'ServiceTicketIssued');
  const seen = last(service, 'ClientVerified', 'ClientRejected');
  const all = [...kdc, ...service];
  const anchor = (service[0] ?? kdc[0])!;
  return {
    ...summary(id, 'service', anchor, all, steps, parts.rules),
    address: find(kdc, 'address') ?? find(service, 'address'),
    account: find(kdc, 'account'),
    service: find(service, 'service') ?? find(service, 'acceptor'),
    etype: issued?.data.etype ?? null,
    kvno: issued?.data.kvno ?? null,
    serviceEtype: seen?.data.etype ?? null,
    serviceKvno: seen?.data.kvno ?? null,
    asks: parts.asks ?? (kdc.length > 0 ? 1 : 0),
  };
}

/** A refused logon: by the refusals, or by the log lines about them, that were joined. */
export function assembleLogon(id: string, rows: readonly Evidence[], rules: readonly RuleId[]): Attempt {
  const refusal = last(rows, 'TgtRefused', 'ServiceTicketRefused') ?? rows[0]!;
  const steps = [observed('S1', refusal, 'failed')];
  return { ...summary(id, 'logon', rows[0]!, rows, steps, rules), spn: null, asks: 1 };
}

function summary(
  id: string,
  kind: Attempt['kind'],
  anchor: Evidence,
  rows: readonly Evidence[],
  steps: readonly Step[],
  rules: readonly RuleId[],
): Attempt {
  const { outcome, failedStep } = outcomeOf(steps);
  const failure = rows.find(({ id }) => id === failedStep?.event);
  return {
    id,
    kind,
    forest: anchor.data.forest,
    at: anchor.occurredAt,
    failedAt: failure?.occurredAt ?? null,
    outcome,
    failedStep: failedStep?.step ?? null,
    ...reported(failure, rows),
    client: find(rows, 'client'),
    clientName: find(rows, 'clientName'),
    spn: find(rows, 'spn'),
    account: null,
    service: null,
    address: find(rows, 'address'),
    ticket: find(rows, 'ticket'),
    logon: find(rows, 'logon'),
    request: find(rows, 'request'),
    presentation: find(rows, 'presentation'),
    etype: null,
    kvno: null,
    serviceEtype: null,
    serviceKvno: null,
    asks: 1,
    rules,
    confidence: weakestConfidence(rules),
    steps,
    evidence: rows.map((row) => row.id),
  };
}

/** The first step that failed decides; a client that only came too early with its application traffic may still succeed. */
function outcomeOf(steps: readonly Step[]): { outcome: Outcome; failedStep?: Step } {
  const passed = (name: StepName): boolean => steps.some(({ step, outcome }) => step === name && outcome === 'passed');
  const failed = (only: (step: StepName) => boolean): Step | undefined =>
    steps.find(({ step, outcome }) => outcome === 'failed' && only(step));
  const failedStep = failed((step) => step !== 'application');
  if (failedStep) return { outcome: 'failed', failedStep };
  if (passed('S9')) return { outcome: 'mutually-authenticated' };
  const tooEarly = failed((step) => step === 'application');
  if (tooEarly) return { outcome: 'failed', failedStep: tooEarly };
  if (passed('S7')) return { outcome: 'client-verified' };
  if (passed('S6')) return { outcome: 'presented' };
  return { outcome: passed('S5') ? 'ticket-issued' : 'requested' };
}

/** What the source said: a KDC's refusal tells the code of the search before it; an acceptor's status is what its caller got. */
function reported(
  failure: Evidence | undefined,
  rows: readonly Evidence[],
): { code: string | null; reason: string | null } {
  if (!failure) return { code: null, reason: null };
  const refusal = last(rows, 'ServiceTicketRefused');
  const told = ['SpnNotFound', 'SpnAmbiguous'].includes(failure.type) && refusal ? refusal : failure;
  const status = last(rows, 'AcceptorStatusLogged')?.data.status;
  const logged = last(rows, 'AuthenticationLogged');
  if (logged && isUnnamed(told)) return { code: logged.data.status, reason: logged.data.description };
  if (told.type === 'AuthenticationLogged') return { code: told.data.status, reason: told.data.description };
  const data = told.data as { code?: string; reason?: string };
  return { code: status ?? data.code ?? null, reason: data.reason ?? null };
}

/** A result that the KDC's own log has no name for: the second log of the same refusal then says more. */
function isUnnamed({ data }: Evidence): boolean {
  return 'code' in data && /^UNKNOWN(-|$)/.test(data.code);
}

function kdcSteps(rows: readonly Evidence[], rule: RuleId | undefined): Step[] {
  const requested = last(rows, 'ServiceTicketRequested');
  const search = last(rows, 'SpnResolved', 'SpnNotFound', 'SpnAmbiguous');
  // The first of two refusals: when the client was told first.
  const answer = first(rows, 'ServiceTicketIssued', 'ServiceTicketRefused');
  const issued = answer?.type === 'ServiceTicketIssued';
  const show = (step: StepName, row: Evidence, outcome: 'passed' | 'failed'): Step =>
    rule ? { ...observed(step, row, outcome), state: 'inferred', rule } : observed(step, row, outcome);
  const implied = (step: StepName, when: boolean): Step => (when ? inferred(step) : missing(step));
  return [
    requested ? show('S2', requested, 'passed') : implied('S2', answer !== undefined),
    search ? show('S3', search, search.type === 'SpnNotFound' ? 'failed' : 'passed') : implied('S3', issued),
    search && search.type !== 'SpnNotFound'
      ? show('S4', search, search.type === 'SpnAmbiguous' ? 'failed' : 'passed')
      : implied('S4', issued),
    answer ? show('S5', answer, issued ? 'passed' : 'failed') : missing('S5'),
  ];
}

function serviceSteps(rows: readonly Evidence[]): Step[] {
  const show = (step: StepName, row: Evidence | undefined, failing: string, verifier?: Verifier): Step =>
    row ? observed(step, row, row.type === failing ? 'failed' : 'passed', verifier) : missing(step);
  const decrypted = last(rows, 'ClientVerified', 'ClientRejected');
  const status = last(rows, 'AcceptorStatusLogged');
  const matched = last(rows, 'ServiceVerified', 'ServiceVerificationFailed');
  const traffic = last(rows, 'ApplicationRequestAllowed', 'ApplicationRequestRefused');
  return [
    show('S6', last(rows, 'TicketPresented'), ''),
    decrypted || !status ? show('S7', decrypted, 'ClientRejected') : observed('S7', status, 'failed'),
    show('S8', last(rows, 'ServiceProofReturned'), ''),
    show('S9', matched, 'ServiceVerificationFailed', matched?.data.verifier),
    show('application', traffic, 'ApplicationRequestRefused'),
  ];
}

function observed(step: StepName, row: Evidence, outcome: 'passed' | 'failed', verifier?: Verifier): Step {
  const { id: event, occurredAt } = row;
  return {
    step,
    state: 'observed',
    outcome,
    verifier: verifier ?? verifierOf(step),
    event,
    at: nanosToInstant(occurredAt),
  };
}

function inferred(step: StepName): Step {
  return { step, state: 'inferred', outcome: 'passed', verifier: verifierOf(step), rule: 'P1' };
}

function missing(step: StepName): Step {
  return { step, state: 'missing', verifier: verifierOf(step) };
}

function verifierOf(step: StepName): Verifier {
  return stepMeanings[step].verifier;
}

function last<T extends Evidence['type']>(rows: readonly Evidence[], ...types: T[]): EvidenceOf<T> | undefined {
  return rows.findLast((row): row is EvidenceOf<T> => (types as readonly string[]).includes(row.type));
}

function first<T extends Evidence['type']>(rows: readonly Evidence[], ...types: T[]): EvidenceOf<T> | undefined {
  return rows.find((row): row is EvidenceOf<T> => (types as readonly string[]).includes(row.type));
}

/** The first that names it. */
function find(rows: readonly Evidence[], field: string): string | null {
  for (const { data } of rows) {
    const value = (data as Readonly<Record<string, unknown>>)[field];
    if (typeof value === 'string') return value;
  }
  return null;
}
