/** Rebuilding over the real log, beside projectors that go on projecting. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { exchangeEvents } from '#authentication';
import { createNameKey, directoryEvents, readKeyEncryptionKey, type LogPorts } from '#directory';
import { createEventStore, createSystemClock, systemRandom } from '#event-store';
import { importFile } from '#ingestion';
import { operationEvents } from '#operations';
import { randomBytes } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { findDuplicates, findDuplicatesParameters } from './duplicates/duplicates.query.js';
import { projections } from './index.js';
import { startProjectors, type Projectors } from './projectors.js';
import { rebuild, RebuildRunning } from './rebuild.js';
import { directoryProjection } from './spn-directory/directory.projection.js';
import { tableDigest } from './table-digest.js';

const WAIT_MS = 20_000;
const folder = 'samples/lab-samba-ad';
const observedAt = JSON.parse(readFileSync(`${folder}/observed-at.json`, 'utf8')) as Record<string, string>;
const dumps = Object.keys(observedAt);

let database: TestDatabase;
let ports: LogPorts;
let projectors: Projectors;
let said: string[];

beforeEach(async () => {
  database = await createTestDatabase();
  const { pool } = database;
  const store = createEventStore({ pool, catalogues: [directoryEvents, exchangeEvents, operationEvents] });
  const kek = readKeyEncryptionKey(randomBytes(32).toString('base64'), 'test');
  ports = { store, clock: createSystemClock(), nameKey: await createNameKey(pool, kek, systemRandom) };
  said = [];
  projectors = startProjectors({ store, pool, projections, log: (message) => said.push(message) });
});
afterEach(async () => {
  await projectors.stop();
  await database.drop();
});

async function importSample(name: string): Promise<void> {
  const naming = { name, ...(observedAt[name] && { observedAt: observedAt[name] }) };
  await importFile({ ports, actor: 'tester', ...naming }, createReadStream(`${folder}/${name}`));
}

async function caughtUp(): Promise<void> {
  expect(await projectors.waitFor(await ports.store.head(), WAIT_MS)).toEqual([]);
}

/** Every column of every row, and the make of every table. */
async function contents(): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const table of projections.flatMap(({ tables }) => tables)) {
    const { rows } = await database.pool.query<{ content: string; indexes: string; columns: string }>(
      `SELECT (SELECT md5(string_agg(t::text, E'\\n' ORDER BY t::text COLLATE "C")) FROM read.${table} t) AS content,
              (SELECT string_agg(indexdef, E'\\n' ORDER BY indexname) FROM pg_indexes WHERE schemaname = 'read' AND tablename = $1) AS indexes,
              (SELECT string_agg(concat_ws(' ', column_name, data_type, is_nullable, collation_name), E'\\n' ORDER BY ordinal_position)
                 FROM information_schema.columns WHERE table_schema = 'read' AND table_name = $1) AS columns`,
      [table],
    );
    found[table] = JSON.stringify(rows[0]);
  }
  return found;
}

describe('a rebuild', () => {
  it.each(projections.map((projection) => [projection.name, projection] as const))(
    'of %s gives byte-identical tables of the same make',
    async (_, projection) => {
      for (const name of ['log.samba.gz', ...dumps]) await importSample(name);
      await caughtUp();
      const before = await contents();
      const seen: number[] = [];
      const { position } = await rebuild({
        store: ports.store,
        pool: database.pool,
        projection,
        onProgress: (progress) => seen.push(progress.position),
      });
      expect(position).toBe(await ports.store.head());
      expect(seen.at(-1)).toBe(position);
      expect(await contents()).toEqual(before);
    },
  );

  it('goes on with what is appended meanwhile, and the projectors go on after it', async () => {
    const { store } = ports;
    const { pool } = database;
    await importSample('log.samba.gz');
    await caughtUp();
    let imported: Promise<void> | undefined;
    await rebuild({
      store,
      pool,
      projection: directoryProjection,
      onProgress: () => void (imported ??= importSample(dumps[1]!)),
    });
    await imported;
    await importSample(dumps[2]!);
    await caughtUp();
    expect(said).toEqual([]);

    const live: string[] = [];
    for (const table of directoryProjection.tables) live.push(await tableDigest(pool, table));
    await rebuild({ store, pool, projection: directoryProjection });
    const anew: string[] = [];
    for (const table of directoryProjection.tables) anew.push(await tableDigest(pool, table));
    expect(anew).toEqual(live);
    const parameters = findDuplicatesParameters.parse({ asOf: '2026-11-22T10:53:36Z' });
    const { rows } = await findDuplicates(database.prisma, parameters);
    expect(rows.map(({ kind, answer }) => [kind, answer])).toEqual([
      ['exact', 'yes'],
      ['alias', 'yes'],
    ]);
  });

  it('that breaks off leaves the tables in use as they are, and the next one succeeds', async () => {
    const { store } = ports;
    const { pool } = database;
    await importSample('log.samba.gz');
    await caughtUp();
    const before = await contents();
    const breakOff = () => {
      throw new Error('power cut');
    };
    const broken = rebuild({ store, pool, projection: directoryProjection, onProgress: breakOff });
    await expect(broken).rejects.toThrow('power cut');
    expect(await contents()).toEqual(before);
    await rebuild({ store, pool, projection: directoryProjection });
    expect(await contents()).toEqual(before);
  });

  it('runs once at a time for one projection', async () => {
    const elsewhere = await database.pool.connect();
    await elsewhere.query(`SELECT pg_advisory_lock(hashtextextended('rebuild directory', 0))`);
    const second = rebuild({ store: ports.store, pool: database.pool, projection: directoryProjection });
    await expect(second).rejects.toThrow(RebuildRunning);
    elsewhere.release(true);
  });
});
