/**
 * The attempts' tables from the whole log at once: evidence as it comes, then the attempts, group by group in order of time.
 * Groups that rules join by time may be as long as the log: of those only what an attempt can still see is kept in memory.
 */
import type { RecordedEvent } from '#event-store';
import type { BuildTarget } from '../projection.js';
import { attemptRow } from './attempt-row.js';
import type { Attempt } from './attempt.js';
import {
  answerKey,
  EVIDENCE_COLUMNS,
  evidenceRow,
  familyOf,
  ticketKey,
  toEvidence,
  type Evidence,
  type StoredEvidence,
} from './evidence.js';
import { reach } from './join-rules.js';
import { deriveAttempts, groupOf } from './join.derivation.js';
import { attemptIdsOf } from './neighbourhood.js';

/** Evidence of one group that is joined by time is derived when there is as much of it, or no more. */
const ROWS_AT_ONCE = 4_000;

export async function buildAttempts(log: AsyncIterable<readonly RecordedEvent[]>, target: BuildTarget): Promise<void> {
  const forests = new Set<string>();
  for await (const events of log) {
    const rows = events.map(evidenceRow).filter((row) => row !== null);
    for (const { forest } of rows) forests.add(forest);
    await target.write('attempt_evidence', rows);
  }
  await target.finish('attempt_evidence');
  // Tickets and answers of a forest are one group under two join keys.
  const answers = [...forests].map((forest) => [answerKey(forest), ticketKey(forest)]);
  await derive(target, `join_key <> ALL ($1) ORDER BY coalesce(request, join_key), occurred_at`, answers.flat());
  for (const keys of answers) await derive(target, 'join_key = ANY ($1) ORDER BY occurred_at', keys);
}

/** `ordered`: the evidence of a group comes together and in order of time. */
async function derive(target: BuildTarget, ordered: string, keys: readonly string[]): Promise<void> {
  const select = `SELECT ${EVIDENCE_COLUMNS} FROM attempt_evidence e WHERE ${ordered}`;
  for await (const attempts of attemptsOf(evidenceOf(target.read<StoredEvidence>(select, [keys]))))
    await target.write('attempt', attempts.map(attemptRow));
}

async function* evidenceOf(pages: AsyncIterable<readonly StoredEvidence[]>): AsyncGenerator<Evidence[]> {
  for await (const rows of pages) yield rows.map(toEvidence);
}

/** The attempts of evidence that comes group by group, each in order of time. */
export async function* attemptsOf(
  pages: AsyncIterable<readonly Evidence[]>,
  rowsAtOnce = ROWS_AT_ONCE,
): AsyncGenerator<Attempt[]> {
  let rows: Evidence[] = [];
  let given = 0;
  for await (const page of pages) {
    rows.push(...page);
    if (rows.length < rowsAtOnce) continue;
    const { undecided, seen } = lastGroup(rows);
    yield attemptsAt(rows, given, undecided);
    rows = rows.slice(seen);
    given = undecided - seen;
  }
  yield attemptsAt(rows, given, rows.length);
}

/** Those that rest on the rows in this range; the rows around it are what they can see. */
function attemptsAt(rows: readonly Evidence[], from: number, to: number): Attempt[] {
  const ids = new Set(rows.slice(from, to).flatMap(attemptIdsOf));
  return deriveAttempts(rows).filter(({ id }) => ids.has(id));
}

/** Where the rows begin whose attempts may depend on what comes next, and where those that these can see. */
function lastGroup(rows: readonly Evidence[]): { undecided: number; seen: number } {
  const last = rows.at(-1)!;
  const group = groupOf(last);
  const family = familyOf(last);
  const begin = rows.findIndex((row) => groupOf(row) === group);
  if (family === null || family === 'exchange') return { undecided: begin, seen: begin };
  const from = (at: bigint): number =>
    Math.max(
      begin,
      rows.findIndex((row) => row.occurredAt >= at && groupOf(row) === group),
    );
  const undecided = from(last.occurredAt - reach[family]);
  return { undecided, seen: from(rows[undecided]!.occurredAt - reach[family]) };
}
