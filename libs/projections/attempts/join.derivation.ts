/**
 * Joins evidence to attempts by the rules of join-rules.ts. Pure, and blind to the order of arrival: evidence is put into its
 * total order first, and each rule looks at its own window only.
 */
import type { Attempt } from './attempt.js';
import { assembleLogon, assembleServiceAttempt } from './assemble.derivation.js';
import { compareEvidence, exchangeOf, splitAddress, ticketKindOf, type Evidence } from './evidence.js';
import { joinRules } from './join-rules.js';

/**
 * Attempts of the evidence that stands under one join key. Each attempt depends on evidence within JOIN_HORIZON of its
 * first record alone: what is missing further away changes nothing.
 */
export function joinByTime(evidence: readonly Evidence[]): Attempt[] {
  const rows = evidence.toSorted(compareEvidence);
  const family = rows[0]?.type;
  if (family === undefined) return [];
  if (family === 'ServiceTicketRefused') return joinRefusals(rows);
  if (family === 'TgtRefused' || family === 'AuthenticationLogged') return joinLogons(rows);
  return joinAnswers(rows);
}

/** J1: the records of one ticket request of ours, with those of the presentations of its ticket. */
export function joinByIds(requestSide: readonly Evidence[], presented: readonly Evidence[]): Attempt[] {
  const kdc = requestSide.toSorted(compareEvidence);
  const presentations = new Map<string, Evidence[]>();
  for (const row of presented.toSorted(compareEvidence)) {
    const { presentation = '' } = exchangeOf(row);
    presentations.set(presentation, [...(presentations.get(presentation) ?? []), row]);
  }
  if (presentations.size > 0)
    return [...presentations].map(([id, service]) => assembleServiceAttempt({ id, kdc, service, rules: ['J1'] }));
  if (kdc.length === 0) return [];
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
      return [assembleLogon(row.event, kdc, rules)];
    return [assembleServiceAttempt({ id: row.event, kdc, service: [], rules, asks: kdc.length })];
  });
}

/** Index of the nearer neighbour in time that can be the same attempt; of two equally near ones the earlier. */
function nearestTwin(rows: readonly Evidence[], index: number): number | undefined {
  const distance = (other: number): bigint | undefined => {
    const [a, b] = [rows[index]!, rows[other]];
    if (!b || portOf(a) === portOf(b)) return undefined;
    const gap = a.at < b.at ? b.at - a.at : a.at - b.at;
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
    if (failure && !statuses.has(failure.event)) statuses.set(failure.event, row);
    else loneStatuses.push(row);
  });
  const attempts = rows.flatMap((row, index): Attempt[] => {
    if (row.type !== 'ClientRejected' && row.type !== 'ClientVerified') return [];
    const ticket = ticketBefore(rows, index);
    const status = statuses.get(row.event);
    if (ticket) answered.add(ticket.event);
    const service = status ? [row, status] : [row];
    const rules = [...(ticket ? (['J3'] as const) : []), ...(status ? (['J4'] as const) : [])];
    const kdc = ticket ? [ticket] : [];
    return [assembleServiceAttempt({ id: row.event, kdc, service, rules, kdcRule: 'J3' })];
  });
  const single = (row: Evidence): Attempt => {
    const isTicket = row.type === 'ServiceTicketIssued';
    return assembleServiceAttempt({
      id: row.event,
      kdc: isTicket ? [row] : [],
      service: isTicket ? [] : [row],
      rules: [],
    });
  };
  const unanswered = rows.filter((row) => row.type === 'ServiceTicketIssued' && !answered.has(row.event));
  return [...attempts, ...loneStatuses.map(single), ...unanswered.map(single)];
}

function ticketBefore(rows: readonly Evidence[], answer: number): Evidence | undefined {
  const { at, data } = rows[answer]!;
  const asked = (data as { etype?: number }).etype;
  for (let index = answer - 1; index >= 0; index--) {
    const row = rows[index]!;
    if (at - row.at > joinRules.J3.window) return undefined;
    if (row.type !== 'ServiceTicketIssued') continue;
    if (asked === undefined || row.data.etype === undefined || row.data.etype === asked) return row;
  }
  return undefined;
}

function failureBefore(rows: readonly Evidence[], status: number): Evidence | undefined {
  const { at, source } = rows[status]!;
  for (let index = status - 1; index >= 0; index--) {
    const row = rows[index]!;
    if (at - row.at > joinRules.J4.window) return undefined;
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
    if (refusal && !taken.has(refusal.event)) taken.set(refusal.event, row);
    else lone.push(row);
  });
  const refusals = rows.flatMap((row): Attempt[] => {
    if (row.type !== 'TgtRefused') return [];
    const line = taken.get(row.event);
    return [assembleLogon(row.data.logon ?? row.event, line ? [row, line] : [row], line ? ['J5'] : [])];
  });
  return [...refusals, ...lone.map((row) => assembleLogon(row.event, [row], []))];
}

function nearestRefusal(rows: readonly Evidence[], line: number): Evidence | undefined {
  const { at } = rows[line]!;
  const distance = (row: Evidence): bigint => (row.at < at ? at - row.at : row.at - at);
  const isNear = (row: Evidence | undefined): row is Evidence =>
    row !== undefined && row.type === 'TgtRefused' && distance(row) <= joinRules.J5.window;
  const [before, after] = [
    rows.slice(0, line).findLast(({ type }) => type === 'TgtRefused'),
    rows.slice(line + 1).find(({ type }) => type === 'TgtRefused'),
  ];
  if (isNear(before) && isNear(after)) return distance(before) <= distance(after) ? before : after;
  return isNear(before) ? before : isNear(after) ? after : undefined;
}
