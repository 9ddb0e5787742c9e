/** Attempts derived in pieces are those derived at once, however the pieces fall. */
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { exchangeLog } from '../random-events.spec-support.js';
import { attemptRow } from './attempt-row.js';
import { attemptsOf } from './build-attempts.js';
import { evidenceRow, toEvidence, type Evidence } from './evidence.js';
import { deriveAttempts, groupOf } from './join.derivation.js';

function ordered(evidence: readonly Evidence[]): Evidence[] {
  const keyed = evidence.flatMap((row) => {
    const group = groupOf(row);
    return group === null ? [] : [{ group, row }];
  });
  return keyed
    .toSorted((a, b) => (a.group < b.group ? -1 : a.group > b.group ? 1 : Number(a.row.occurredAt - b.row.occurredAt)))
    .map(({ row }) => row);
}

async function inPieces(rows: readonly Evidence[], pageSize: number, rowsAtOnce: number): Promise<string[]> {
  async function* pages(): AsyncGenerator<Evidence[]> {
    for (let from = 0; from < rows.length; from += pageSize) yield rows.slice(from, from + pageSize);
  }
  const found: string[] = [];
  for await (const attempts of attemptsOf(pages(), rowsAtOnce)) found.push(...attempts.map(contentOf));
  return found.toSorted();
}

const contentOf = (attempt: Parameters<typeof attemptRow>[0]): string =>
  JSON.stringify(attemptRow(attempt), (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));

describe('attempts in pieces', () => {
  it('are the attempts of the whole', async () => {
    const sizes = fc.integer({ min: 1, max: 40 });
    await fc.assert(
      fc.asyncProperty(exchangeLog, sizes, sizes, async (events, pageSize, rowsAtOnce) => {
        const evidence = events.map(evidenceRow).flatMap((row) => (row ? [toEvidence(row)] : []));
        const whole = deriveAttempts(evidence).map(contentOf).toSorted();
        expect(await inPieces(ordered(evidence), pageSize, rowsAtOnce)).toEqual(whole);
      }),
    );
  });
});
