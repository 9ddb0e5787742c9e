/** A read model built in bulk is the one that was projected page by page: every column of every row, and the make of each table. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { RecordedEvent } from '#event-store';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { applyProjection } from './apply-projection.spec-support.js';
import { attemptsProjection } from './attempts/attempts.projection.js';
import { eventsProjection } from './events/events.projection.js';
import { isHandled, type Projection } from './projection.js';
import { directoryLog, exchangeLog } from './random-events.spec-support.js';
import { createBareTables, inSession } from './shadow-tables.js';
import { ShadowTarget } from './shadow-target.js';
import { directoryProjection } from './spn-directory/directory.projection.js';

const RUNS = 12;

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

async function build(projection: Projection, events: readonly RecordedEvent[], pageSize: number): Promise<void> {
  async function* pages(): AsyncGenerator<RecordedEvent[]> {
    const handled = events.filter(({ type }) => isHandled(projection, type));
    for (let from = 0; from < handled.length; from += pageSize) yield handled.slice(from, from + pageSize);
  }
  await inSession(database.pool, async (client) => {
    await createBareTables(client, projection.tables);
    const target = new ShadowTarget(client, database.pool, projection.tables);
    await projection.build!(pages(), target);
    await target.finishAll();
  });
}

async function contents(schema: string, { tables }: Projection): Promise<Record<string, readonly string[]>> {
  const found: Record<string, readonly string[]> = {};
  for (const table of tables) {
    const { rows } = await database.pool.query<{ row: string }>(
      `SELECT t::text AS row FROM ${schema}.${table} t
        UNION ALL SELECT replace(indexdef, ' ON ${schema}.', ' ON ') FROM pg_indexes WHERE schemaname = $1 AND tablename = $2
        UNION ALL SELECT conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = $3::regclass
        ORDER BY 1`,
      [schema, table, `${schema}.${table}`],
    );
    found[table] = rows.map(({ row }) => row);
  }
  return found;
}

describe.each([
  ['directory', directoryProjection, directoryLog],
  ['attempts', attemptsProjection, exchangeLog],
  ['events', eventsProjection, exchangeLog],
] as const)('%s built in bulk', (_, projection, logs) => {
  const pages = fc.integer({ min: 1, max: 30 });

  it('is what was projected page by page', async () => {
    await fc.assert(
      fc.asyncProperty(logs, pages, pages, async (events, applied, built) => {
        const tables = projection.tables.map((table) => `read.${table}`).join(', ');
        await database.pool.query(`TRUNCATE ${tables}`);
        await applyProjection(database.pool, projection, events, applied);
        await build(projection, events, built);
        expect(await contents('read_next', projection)).toEqual(await contents('read', projection));
      }),
      { numRuns: RUNS },
    );
  }, 120_000);
});

it('of two events with one id the first one stays', async () => {
  const [event] = fc.sample(exchangeLog, 1)[0]!;
  await build(eventsProjection, [event!, { ...event!, position: 2, version: 2 }], 1);
  const { rows } = await database.pool.query<{ position: number }>('SELECT position FROM read_next.event_index');
  expect(rows).toEqual([{ position: 1 }]);
});
