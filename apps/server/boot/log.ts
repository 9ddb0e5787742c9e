/**
 * What every role stands on: the database, the log in it, and the keys that open what is sealed there. Processes that start
 * together on an empty database agree on one name key and on one origin.
 */
import type { Pool } from 'pg';
import type pino from 'pino';
import { exchangeEvents, lockoutEvents } from '#authentication';
import {
  createKeyStore,
  createSubjectKeys,
  directoryEvents,
  type ErasableSubjectKeys,
  type KeyEncryptionKey,
  type KeyStore,
  type NameKey,
} from '#directory';
import {
  type Clock,
  createEventStore,
  createSystemClock,
  type EventStore,
  type Random,
  systemRandom,
} from '#event-store';
import { establishNameKey, operationEvents } from '#operations';
import type { ServerConfig } from '../config.js';
import { type Database, openDatabase } from './database.js';
import { establishOrigin } from './evidence.js';
import { openKeyEncryptionKey } from './keys.js';
import type { Undo } from './undo.js';

export type OpenLog = {
  readonly database: Database;
  readonly pool: Pool;
  readonly store: EventStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly kek: KeyEncryptionKey;
  readonly keyStore: KeyStore;
  readonly subjectKeys: ErasableSubjectKeys;
  readonly nameKey: NameKey;
  /** Names the log: on its checkpoints, and to readers of its topic. */
  readonly origin: string;
};

export async function openLog(config: ServerConfig, logger: pino.Logger, undo: Undo): Promise<OpenLog> {
  const database = await openDatabase(config, logger);
  undo.add(() => database.close());
  const { pool, appendPool } = database;
  const { segmentsFolder } = config;
  const clock = createSystemClock();
  const random = systemRandom;
  const catalogues = [directoryEvents, exchangeEvents, lockoutEvents, operationEvents];
  const kek = await openKeyEncryptionKey(config, database.embedded);
  // What tells of the log's own keys holds no names, and subjects' keys are looked up under one of them.
  const unsealed = createEventStore({ pool, appendPool, catalogues: [operationEvents], clock, random, segmentsFolder });
  const nameKey = await establishNameKey({ store: unsealed, pool, kek, clock, random });
  const subjectKeys = createSubjectKeys({ pool, kek, nameKey, random });
  const store = createEventStore({ pool, appendPool, catalogues, clock, random, subjectKeys, segmentsFolder });
  const origin = await establishOrigin({ config, store, pool, kek, nameKey, clock, random });
  return {
    database,
    pool,
    store,
    clock,
    random,
    kek,
    keyStore: createKeyStore(pool, kek),
    subjectKeys,
    nameKey,
    origin,
  };
}
