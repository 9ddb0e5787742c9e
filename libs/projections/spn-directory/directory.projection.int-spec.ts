import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { RecordedEvent } from '#event-store';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { projectPage } from '../project-page.js';
import { sampleEvents, sampleFiles } from '../sample-recording.spec-support.js';
import { tableDigest } from '../table-digest.js';
import { directoryProjection } from './directory.projection.js';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(() =>
  database.pool.query(`TRUNCATE ${directoryProjection.tables.map((table) => `read.${table}`).join(', ')}`),
);

async function project(events: readonly RecordedEvent[], pageSize = 1_000): Promise<void> {
  const client = await database.pool.connect();
  try {
    for (let at = 0; at < events.length; at += pageSize) {
      await client.query('BEGIN');
      await projectPage(client, directoryProjection, events.slice(at, at + pageSize), 'read');
      await client.query('COMMIT');
    }
  } finally {
    client.release(true);
  }
}

async function digests(): Promise<Record<string, string>> {
  const entries: [string, string][] = [];
  for (const table of directoryProjection.tables) entries.push([table, await tableDigest(database.pool, table)]);
  return Object.fromEntries(entries);
}

describe('the directory of the sample recording', () => {
  it('is the same in whatever order its files come, and in whatever pages', async () => {
    await project(await sampleEvents());
    const { rows } = await database.pool.query(
      'SELECT count(*)::int AS holdings, count(DISTINCT account)::int AS holders FROM read.spn_holding',
    );
    console.log(
      rows,
      (await database.pool.query('SELECT kind, account, spn FROM read.finding')).rows,
      (await database.pool.query('SELECT kind,key,lookup_keys, possible_from::text from read.spn_duplicate')).rows,
    );
    const expected = await digests();
    for (const [files, pageSize] of [
      [sampleFiles.toReversed(), 1_000],
      [[3, 0, 4, 2, 1].map((index) => sampleFiles[index] ?? ''), 7],
      [[1, 2, 0, 4, 3].map((index) => sampleFiles[index] ?? ''), 1],
    ] as const) {
      await database.pool.query(`TRUNCATE ${directoryProjection.tables.map((table) => `read.${table}`).join(', ')}`);
      await project(await sampleEvents(files), pageSize);
      expect(await digests()).toEqual(expected);
    }
  });
});
