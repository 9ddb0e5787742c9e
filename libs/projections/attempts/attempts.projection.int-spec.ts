/** The attempts of the sample recording, as its README says what an honest reader may claim; equal however they arrive. */
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { RecordedEvent } from '#event-store';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { applyProjection } from '../apply-projection.spec-support.js';
import { arriving, sampleEvents } from '../sample-recording.spec-support.js';
import { attemptsProjection } from './attempts.projection.js';

let database: TestDatabase;
let sample: RecordedEvent[];
let inOrder: unknown[];

const apply = (events: readonly RecordedEvent[], pageSize?: number): Promise<void> =>
  applyProjection(database.pool, attemptsProjection, events, pageSize);

async function rows(): Promise<unknown[]> {
  const tables = await database.pool.query<{ row: unknown }>(
    `SELECT to_jsonb(t) AS row FROM read.attempt t ORDER BY id`,
  );
  const evidence = await database.pool.query<{ row: unknown }>(
    `SELECT to_jsonb(t) - 'position' - 'recorded_at' AS row FROM read.attempt_evidence t ORDER BY event_id`,
  );
  return [...tables.rows, ...evidence.rows].map(({ row }) => row);
}

beforeAll(async () => {
  sample = await sampleEvents();
  database = await createTestDatabase();
  await apply(sample);
  inOrder = await rows();
  await database.drop();
});

describe('however the sample arrives, the tables are equal', () => {
  beforeEach(async () => {
    database = await createTestDatabase();
  });
  afterEach(() => database.drop());

  it('one event at a time', async () => {
    await apply(sample, 1);
    expect(await rows()).toEqual(inOrder);
  });

  it('backwards, one event at a time', async () => {
    await apply(arriving(sample.toReversed()), 1);
    expect(await rows()).toEqual(inOrder);
  });

  it.each([1, 2, 3])('shuffled, in pages of %i events', async (seed) => {
    await apply(arriving(shuffled(sample, seed)), seed * 7);
    expect(await rows()).toEqual(inOrder);
  });
});

/** Fisher and Yates with a small linear congruential generator: the same order for the same seed. */
function shuffled<T>(list: readonly T[], seed: number): T[] {
  const order = [...list];
  let state = seed;
  for (let last = order.length - 1; last > 0; last--) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    const other = state % (last + 1);
    [order[last], order[other]] = [order[other]!, order[last]!];
  }
  return order;
}
