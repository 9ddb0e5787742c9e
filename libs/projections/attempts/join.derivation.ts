/**
 * Joins evidence to attempts by the rules of join-rules.ts. Pure, and blind to the order of arrival: evidence is put into its
 * total order first, and each rule looks at its own window only.
 */
import type { Attempt } from './attempt.js';
import { assembleLogon, assembleServiceAttempt } from './assemble.derivation.js';
import { compareEvidence } from '../evidence-order.js';
import {
  answerKey,
  exchangeOf,
  familyOf,
  presentationKey,
  requestKey,
  splitAddress,
  ticketKindOf,
  type Evidence,
} from './evidence.js';
import { joinRules } from './join-rules.js';

/**
 * The attempts of this evidence, in no particular order. Each depends only on what names its request or presentation, or on
 * what lies within the reach of its family (join-rules.ts): evidence further away may be left out without changing it.
 */
export function deriveAttempts(evidence: readonly Evidence[]): Attempt[] {
  const groups = new Map<string, Evidence[]>();
  for (const row of evidence.toSorted(compareEvidence)) {
    const key = groupOf(row);
    if (key === null) continue;
    const group = groups.get(key);
    if (group) group.push(row);
    else groups.set(key, [row]);
  }
  return [...groups.values()].flatMap(deriveGroup);
}

/** Only evidence of one group can belong to one attempt: an exchange of ours, or what a rule may join by time. Null: to none. */
export function groupOf(row: Evidence): string | null {
  const { request, presentation } = exchangeOf(row);
  const family = familyOf(row);
  if (family === 'exchange') return request === undefined ? presentationKey(presentation!) : requestKey(request);
  return family === 'answer' ? answerKey(row.data.forest) : row.joinKey;
}

function deriveGroup(rows: readonly Evidence[]): Attempt[] {
  switch (familyOf(rows[0]!)) {
    case 'exchange':
      return joinByIds(rows);
    case 'refusal':
      return joinRefusals(rows);
    case 'logon':
      return joinLogons(rows);
    default:
      return joinAnswers(rows);
  }
}

/** J1: an attempt for each presentation of the ticket that one request gave; while there is none, one for the request. */
function joinByIds(rows: readonly Evidence[]): Attempt[] {
  const kdc: Evidence[] = [];
  const presentations = new Map<string, Evidence[]>();
  for (const row of rows) {
    const { presentation } = exchangeOf(row);
    const service = presentation === undefined ? kdc : (presentations.get(presentation) ?? []);
    service.push(row);
    if (presentation !== undefined) presentations.set(presentation, service);
  }
  if (presentations.size > 0)
    return [...presentations].map(([id, service]) => assembleServiceAttempt({ id, kdc, service, rules: ['J1'] }));
  return [assembleServiceAttempt({ id: exchangeOf(kdc[0]!).request!, kdc, service: [], rules: ['J1'] })];
}

/** J2. */
function joinRefusals(rows: readonly Evidence[]): Attempt[] {
  const nearest = rows.map((_, index) => nearestTwin(rows, index));
  return rows.flatMap((row, index) => {
    const twin = nearest[index];
    const isPair = twin !== undefined && nearest[twin] === index;
    if (isPair && twin < index) return [];
    const kdc = isPair ? [row, rows[twin]!] : [row];
    const rules = isPair ? (['J2'] as const) : [];
    if (row.type === 'ServiceTicketRefused' && ticketKindOf(row.data) !== 'service')
      return [assembleLogon(row.id, kdc, rules)];
    return [assembleServiceAttempt({ id: row.id, kdc, service: [], rules, asks: kdc.length })];
  });
}

/** Index of the nearer neighbour in time that can be the same attempt; of two equally near ones the earlier. */
function nearestTwin(rows: readonly Evidence[], index: number): number | undefined {
  const distance = (other: number): bigint | undefined => {
    const [a, b] = [rows[index]!, rows[other]];
    if (!b || portOf(a) === portOf(b)) return undefined;
    const gap = gapOf(a.occurredAt, b.occurredAt);
    return gap <= joinRules.J2.window ? gap : undefined;
  };
  const [before, after] = [distance(index - 1), distance(index + 1)];
  if (before === undefined) return after === undefined ? undefined : index + 1;
  return after === undefined || before <= after ? index - 1 : index + 1;
}

function portOf({ data }: Evidence): string | null {
  return 'address' in data && data.address !== undefined ? splitAddress(data.address).port : null;
}

/** J3 and J4: an attempt for each answer of an acceptor, and one for each ticket that no answer was joined to. */
function joinAnswers(rows: readonly Evidence[]): Attempt[] {
  const answered = new Set<string>();
  const statuses = new Map<string, Evidence>();
  const loneStatuses: Evidence[] = [];
  rows.forEach((row, index) => {
    if (row.type !== 'AcceptorStatusLogged') return;
    const failure = failureBefore(rows, index);
    if (failure && !statuses.has(failure.id)) statuses.set(failure.id, row);
    else loneStatuses.push(row);
  });
  const attempts = rows.flatMap((row, index): Attempt[] => {
    if (row.type !== 'ClientRejected' && row.type !== 'ClientVerified') return [];
    const ticket = ticketBefore(rows, index);
    const status = statuses.get(row.id);
    if (ticket) answered.add(ticket.id);
    const service = status ? [row, status] : [row];
    const rules = [...(ticket ? (['J3'] as const) : []), ...(status ? (['J4'] as const) : [])];
    const kdc = ticket ? [ticket] : [];
    return [assembleServiceAttempt({ id: row.id, kdc, service, rules, kdcRule: 'J3' })];
  });
  const single = (row: Evidence): Attempt => {
    const isTicket = row.type === 'ServiceTicketIssued';
    return assembleServiceAttempt({
      id: row.id,
      kdc: isTicket ? [row] : [],
      service: isTicket ? [] : [row],
      rules: [],
    });
  };
  const unanswered = rows.filter((row) => row.type === 'ServiceTicketIssued' && !answered.has(row.id));
  return [...attempts, ...loneStatuses.map(single), ...unanswered.map(single)];
}

function ticketBefore(rows: readonly Evidence[], answer: number): Evidence | undefined {
  const { occurredAt, data } = rows[answer]!;
  const asked = (data as { etype?: number }).etype;
  for (let index = answer - 1; index >= 0; index--) {
    const row = rows[index]!;
    if (occurredAt - row.occurredAt > joinRules.J3.window) return undefined;
    if (row.type !== 'ServiceTicketIssued') continue;
    if (asked === undefined || row.data.etype === undefined || row.data.etype === asked) return row;
  }
  return undefined;
}

function failureBefore(rows: readonly Evidence[], status: number): Evidence | undefined {
  const { occurredAt, source } = rows[status]!;
  for (let index = status - 1; index >= 0; index--) {
    const row = rows[index]!;
    if (occurredAt - row.occurredAt > joinRules.J4.window) return undefined;
    if (row.type === 'ClientRejected' && row.source === source) return row;
  }
  return undefined;
}

/**
 * J5: a log line joins the nearest refusal of its key (same client, same address and port), before or after it; each refusal
 * takes one. A line without a refusal is all that the source recorded of that logon.
 */
function joinLogons(rows: readonly Evidence[]): Attempt[] {
  const taken = new Map<string, Evidence>();
  const lone: Evidence[] = [];
  rows.forEach((row, index) => {
    if (row.type !== 'AuthenticationLogged') return;
    const refusal = nearestRefusal(rows, index);
    if (refusal && !taken.has(refusal.id)) taken.set(refusal.id, row);
    else lone.push(row);
  });
  const refusals = rows.flatMap((row): Attempt[] => {
    if (row.type !== 'TgtRefused') return [];
    const line = taken.get(row.id);
    return [assembleLogon(row.data.logon ?? row.id, line ? [row, line] : [row], line ? ['J5'] : [])];
  });
  return [...refusals, ...lone.map((row) => assembleLogon(row.id, [row], []))];
}

function nearestRefusal(rows: readonly Evidence[], line: number): Evidence | undefined {
  const { occurredAt } = rows[line]!;
  const distance = (row: Evidence): bigint => gapOf(row.occurredAt, occurredAt);
  const isNear = (row: Evidence | undefined): row is Evidence =>
    row !== undefined && row.type === 'TgtRefused' && distance(row) <= joinRules.J5.window;
  const [before, after] = [
    rows.slice(0, line).findLast(({ type }) => type === 'TgtRefused'),
    rows.slice(line + 1).find(({ type }) => type === 'TgtRefused'),
  ];
  if (isNear(before) && isNear(after)) return distance(before) <= distance(after) ? before : after;
  return isNear(before) ? before : isNear(after) ? after : undefined;
}

function gapOf(a: bigint, b: bigint): bigint {
  return a < b ? b - a : a - b;
}
