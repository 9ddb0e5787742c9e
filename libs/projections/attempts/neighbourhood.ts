/**
 * Which evidence decides about the attempts that newly come evidence touches: that of the same exchange, or of the same key
 * within twice the reach of its family. Pure; attempts.projection.ts reads these ranges from the table.
 */
import { answerKey, exchangeOf, familyOf, presentationKey, requestKey, ticketKey, type Evidence } from './evidence.js';
import { reach } from './join-rules.js';

/** Both ends belong to it. `onlyNear`: to be read only if evidence of that key lies in it too. */
export type Range = {
  readonly key: string;
  readonly from: bigint;
  readonly to: bigint;
  readonly onlyNear: string | null;
};

export type Neighbourhood = {
  /** Evidence of these keys, whenever it occurred, */
  readonly keys: readonly string[];
  /** and that names one of these requests, */
  readonly requests: readonly string[];
  /** and that lies in these ranges. */
  readonly ranges: readonly Range[];
};

/**
 * A ticket that no acceptor's answer is near is an attempt by itself: on a busy forest almost all are, so their neighbours
 * are left unread. A request's presentations are read only when evidence of the request itself comes after theirs.
 */
export function neighbourhoodOf(touched: readonly Evidence[]): Neighbourhood {
  const keys = new Set<string>();
  const requests = new Set<string>();
  const times = new Map<string, { row: Evidence; at: bigint[] }>();
  for (const row of touched) {
    const family = familyOf(row);
    const { request, presentation } = exchangeOf(row);
    if (family === 'exchange') {
      if (presentation !== undefined) keys.add(presentationKey(presentation));
      if (request !== undefined) keys.add(requestKey(request));
      if (presentation === undefined && request !== undefined) requests.add(request);
    } else if (family !== null) {
      const key = family === 'answer' ? answerKey(row.data.forest) : row.joinKey!;
      const known = times.get(key);
      if (known) known.at.push(row.occurredAt);
      else times.set(key, { row, at: [row.occurredAt] });
    }
  }
  const ranges = [...times].flatMap(([key, { row, at }]) => rangesOf(key, row, at));
  return { keys: [...keys], requests: [...requests], ranges };
}

function rangesOf(key: string, row: Evidence, at: readonly bigint[]): Range[] {
  const family = familyOf(row) as keyof typeof reach;
  return merge(at, 2n * reach[family]).flatMap(({ from, to }): Range[] => {
    const range = { key, from, to, onlyNear: null };
    return family === 'answer' ? [range, { ...range, key: ticketKey(row.data.forest), onlyNear: key }] : [range];
  });
}

/** Instants, each widened by `by` on both sides, as ranges that do not touch each other. */
function merge(instants: readonly bigint[], by: bigint): { from: bigint; to: bigint }[] {
  const merged: { from: bigint; to: bigint }[] = [];
  for (const at of instants.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0))) {
    const last = merged.at(-1);
    if (last && at - by <= last.to) last.to = at + by;
    else merged.push({ from: at - by, to: at + by });
  }
  return merged;
}

/**
 * Ids of the attempts that this evidence can make and whose deciding evidence is all in the neighbourhood: of exchanges all,
 * of a range what lies more than one reach from its ends. Only these may be written, and those that came to nothing removed.
 */
export function decidedAttempts({ ranges }: Neighbourhood, evidence: readonly Evidence[]): Set<string> {
  const byKey = new Map<string, Range[]>();
  for (const range of ranges) {
    const known = byKey.get(range.key);
    if (known) known.push(range);
    else byKey.set(range.key, [range]);
  }
  const isDecided = (row: Evidence): boolean => {
    const family = familyOf(row);
    if (family === null || family === 'exchange') return family === 'exchange';
    const { occurredAt, joinKey } = row;
    return (byKey.get(joinKey!) ?? []).some(
      ({ from, to }) => from + reach[family] <= occurredAt && occurredAt <= to - reach[family],
    );
  };
  return new Set(evidence.filter(isDecided).flatMap(attemptIdsOf));
}

/** Ids that attempts can have that rest on this evidence. */
export function attemptIdsOf(evidence: Evidence): string[] {
  const { logon, request, presentation } = exchangeOf(evidence);
  if (presentation !== undefined) return request === undefined ? [presentation] : [presentation, request];
  return [request ?? (evidence.type === 'TgtRefused' && logon !== undefined ? logon : evidence.id)];
}
