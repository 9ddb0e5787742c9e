/**
 * Failed mutual authentications with code, cause, confidence and evidence. The cause is joined here: the attempt says what was
 * reported, the SPN directory who held the SPN at that instant; neither read model knows the other.
 */
import type { PrismaClient } from '#postgres';
import { z } from 'zod';
import { viewAttempts, type AttemptView } from '../attempts/attempt-view.js';
import type { Attempt } from '../attempts/attempt.js';
import { attemptFilter, attemptPaging, readAttempt, readAttempts } from '../attempts/attempts.query.js';
import { readHolders } from '../attempts/holders.js';
import { toPage, type Page } from '../query-parameters.js';
import { causes } from './causes.js';
import { readCircumstances } from './circumstances.js';
import { diagnose, diagnosisRules, type Diagnosis } from './failure.derivation.js';
import { commandsOf } from './repair-commands.js';

const { outcome: _, ...filter } = attemptFilter;

export const findFailuresParameters = z.object({ ...filter, ...attemptPaging });
export type FindFailures = z.infer<typeof findFailuresParameters>;

export type FailureView = {
  readonly attempt: AttemptView;
  readonly cause: Diagnosis['cause'];
  /** The cause in a sentence. */
  readonly says: string;
  readonly confidence: Diagnosis['confidence'];
  readonly rule: { readonly id: string; readonly says: string } | null;
  readonly facts: Diagnosis['facts'];
  /** `doneAt`: since when it is not needed any more. */
  readonly repair: { readonly commands: readonly string[]; readonly doneAt: string | null } | null;
};

/** Throws InvalidCursor. */
export async function findFailures(prisma: PrismaClient, parameters: FindFailures): Promise<Page<FailureView>> {
  const found = await readAttempts(prisma, { ...parameters, outcome: 'failed' });
  const page = toPage(found, parameters.limit, ({ at, id }) => [at.toString(), id]);
  return { rows: await explain(prisma, page.rows), next: page.next };
}

/** By the id of its attempt, or of an event in it. Null: there is no such attempt, or it did not fail. */
export async function getFailure(prisma: PrismaClient, id: string): Promise<FailureView | null> {
  const attempt = await readAttempt(prisma, id);
  if (attempt?.outcome !== 'failed') return null;
  return (await explain(prisma, [attempt]))[0] ?? null;
}

/** In the order of the attempts, each of which failed. */
async function explain(prisma: PrismaClient, attempts: readonly Attempt[]): Promise<FailureView[]> {
  const holders = await readHolders(prisma, attempts);
  const views = await viewAttempts(prisma, attempts, { holders });
  const circumstances = await readCircumstances(prisma, attempts, holders);
  return attempts.map((attempt, index): FailureView => {
    const { repair, rule, cause, ...diagnosis } = diagnose(attempt, circumstances.get(attempt.id)!);
    return {
      attempt: views[index]!,
      cause,
      says: causes[cause],
      ...diagnosis,
      rule: rule && { id: rule, says: diagnosisRules[rule] },
      repair: repair && { commands: commandsOf(repair, attempt.forest), doneAt: repair.doneAt },
    };
  });
}
