/**
 * Read model of authentication attempts: evidence as it came, and the attempts derived from it. Each page of the log inserts
 * its evidence, reads what decides about the attempts it touches, and writes anew those that changed: seven statements,
 * whatever the size of the page.
 */
import type { PoolClient } from 'pg';
import { insertRows } from '../bulk-rows.js';
import type { Projection } from '../projection.js';
import { attemptRow } from './attempt-row.js';
import type { Attempt } from './attempt.js';
import { buildAttempts } from './build-attempts.js';
import {
  EVIDENCE_COLUMNS,
  evidenceRow,
  evidenceTypes,
  toEvidence,
  type StoredEvidence,
  type Evidence,
} from './evidence.js';
import { deriveAttempts } from './join.derivation.js';
import { decidedAttempts, neighbourhoodOf, type Neighbourhood } from './neighbourhood.js';

export const attemptsProjection: Projection = {
  name: 'attempts',
  version: 1,
  tables: ['attempt_evidence', 'attempt'],
  types: evidenceTypes,
  serial: ({ data }) => String(data['forest']),
  apply: async (tx, events) => {
    const rows = events.map(evidenceRow).filter((row) => row !== null);
    if (rows.length === 0) return;
    await insertRows(tx, 'attempt_evidence', rows);
    await rederive(tx, rows.map(toEvidence));
  },
  build: buildAttempts,
};

async function rederive(tx: PoolClient, touched: readonly Evidence[]): Promise<void> {
  const neighbourhood = neighbourhoodOf(touched);
  const evidence = new Map(touched.map((row) => [row.id, row]));
  for (const row of await readNeighbourhood(tx, neighbourhood)) evidence.set(row.id, row);
  const rows = [...evidence.values()];
  const decided = decidedAttempts(neighbourhood, rows);
  const attempts = deriveAttempts(rows).filter(({ id }) => decided.has(id));
  const kept = await removeOthers(tx, [...decided], attempts);
  await insertRows(tx, 'attempt', attempts.filter(({ id }) => !kept.has(id)).map(attemptRow));
}

/**
 * Of these ids, removes what stands there and is not among the attempts any more, or is another one now; gives the ids of
 * those that stay. An attempt is a function of its evidence, so one with the same evidence is the same.
 */
async function removeOthers(
  tx: PoolClient,
  ids: readonly string[],
  attempts: readonly Attempt[],
): Promise<Set<string>> {
  const standing = await tx.query<{ id: string; evidence: string[] }>(
    'SELECT id, evidence FROM attempt WHERE id = ANY($1)',
    [ids],
  );
  const evidence = new Map(attempts.map((attempt) => [attempt.id, attempt.evidence.join()]));
  const isKept = (row: { id: string; evidence: string[] }): boolean => evidence.get(row.id) === row.evidence.join();
  const removed = standing.rows.filter((row) => !isKept(row)).map(({ id }) => id);
  if (removed.length > 0) await tx.query('DELETE FROM attempt WHERE id = ANY($1)', [removed]);
  return new Set(standing.rows.filter(isKept).map(({ id }) => id));
}

async function readNeighbourhood(tx: PoolClient, { keys, requests, ranges }: Neighbourhood): Promise<Evidence[]> {
  const exchanges = await tx.query<StoredEvidence>(
    `SELECT ${EVIDENCE_COLUMNS} FROM attempt_evidence e WHERE join_key = ANY($1) OR request = ANY($2)`,
    [keys, requests],
  );
  const near = await tx.query<StoredEvidence>(
    `SELECT ${EVIDENCE_COLUMNS}
       FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[]) AS range (key, first, last, only_near)
       JOIN attempt_evidence e ON e.join_key = range.key AND e.occurred_at BETWEEN range.first AND range.last
      WHERE range.only_near IS NULL OR EXISTS (
        SELECT FROM attempt_evidence near
         WHERE near.join_key = range.only_near AND near.occurred_at BETWEEN range.first AND range.last)`,
    [
      ranges.map(({ key }) => key),
      ranges.map(({ from }) => from.toString()),
      ranges.map(({ to }) => to.toString()),
      ranges.map(({ onlyNear }) => onlyNear),
    ],
  );
  return [...exchanges.rows, ...near.rows].map(toEvidence);
}
