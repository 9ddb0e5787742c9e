/** Over the real log and its projectors: any order of import gives equal tables, and a rebuild byte-identical ones. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { eventsProjection } from '../events/events.projection.js';
import { rebuild } from '../rebuild.js';
import { recordSample, type RecordedSample } from '../recorded-sample.spec-support.js';
import { sampleFiles } from '../sample-recording.spec-support.js';
import { tableDigest } from '../table-digest.js';
import { attemptsProjection } from './attempts.projection.js';

const projections = [attemptsProjection, eventsProjection];
let sample: RecordedSample | undefined;

afterEach(async () => {
  await sample?.close();
  sample = undefined;
});

/** The events of imports themselves stand in the order in which the files came, so the index is compared without them. */
async function digests({ database }: RecordedSample): Promise<Record<string, string>> {
  const tables = attemptsProjection.tables;
  const found = await Promise.all(tables.map((table) => tableDigest(database.pool, table)));
  const { rows } = await database.pool.query<{ index: string }>(
    `SELECT md5(string_agg((to_jsonb(e) - 'position')::text, '' ORDER BY event_id)) AS index
       FROM read.event_index e WHERE origin = 'observed'`,
  );
  return { ...Object.fromEntries(tables.map((table, index) => [table, found[index]!])), event_index: rows[0]!.index };
}

async function imported(files: readonly string[]): Promise<Record<string, string>> {
  sample = await recordSample(files, projections);
  await sample.catchUp();
  const found = await digests(sample);
  await sample.close();
  sample = undefined;
  return found;
}

describe('attempts and event index', () => {
  it('are equal in whatever order the files are imported', async () => {
    const [log, ...dumps] = sampleFiles;
    expect(await imported([...dumps.toReversed(), log!])).toEqual(await imported(sampleFiles));
  });

  it('are byte-identical after a rebuild', async () => {
    sample = await recordSample(sampleFiles, projections);
    await sample.catchUp();
    const { database, store } = sample;
    const before = await Promise.all(
      projections.flatMap(({ tables }) => tables.map((table) => tableDigest(database.pool, table))),
    );
    for (const projection of projections) {
      const { position } = await rebuild({ store, pool: database.pool, projection });
      expect(position).toBe(await store.head());
    }
    const after = await Promise.all(
      projections.flatMap(({ tables }) => tables.map((table) => tableDigest(database.pool, table))),
    );
    expect(after).toEqual(before);
  });
});
