/** A database whose log holds the sample recording, imported for real, and the projectors of the read models that a suite needs. */
import { createReadStream } from 'node:fs';
import { exchangeEvents } from '#authentication';
import { createNameKey, directoryEvents, readKeyEncryptionKey } from '#directory';
import { createEventStore, createSystemClock, systemRandom, type EventStore } from '#event-store';
import { importFile } from '#ingestion';
import { operationEvents } from '#operations';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import type { Projection } from './projection.js';
import { startProjectors } from './projectors.js';
import { sampleInstant, samplePath } from './sample-recording.spec-support.js';

export type RecordedSample = {
  readonly database: TestDatabase;
  readonly store: EventStore;
  /** Reads all of the log into the read models. */
  catchUp(): Promise<void>;
  close(): Promise<void>;
};

export async function recordSample(
  files: readonly string[],
  projections: readonly Projection[],
): Promise<RecordedSample> {
  const database = await createTestDatabase();
  const { pool } = database;
  const store = createEventStore({ pool, catalogues: [directoryEvents, exchangeEvents, operationEvents] });
  const kek = readKeyEncryptionKey(Buffer.alloc(32, 7).toString('base64'), 'test');
  const ports = { store, clock: createSystemClock(), nameKey: await createNameKey(pool, kek, systemRandom) };
  for (const name of files) {
    const observedAt = sampleInstant(name);
    await importFile(
      { name, ports, actor: 'tester', ...(observedAt && { observedAt }) },
      createReadStream(samplePath(name)),
    );
  }
  const projectors = startProjectors({ store, pool, projections, log: () => {} });
  return {
    database,
    store,
    async catchUp() {
      const behind = await projectors.waitFor(await store.head(), 20_000);
      if (behind.length > 0) throw new Error(`read models are behind: ${JSON.stringify(projectors.status())}`);
    },
    async close() {
      await projectors.stop();
      await database.drop();
    },
  };
}
