/**
 * The database of this server: the one that DATABASE_URL names, or an embedded PostgreSQL in the data folder. Migrations run
 * before anything else sees it.
 */
import type { Pool } from 'pg';
import { createPool, createPrisma, migrate, type PrismaClient, startEmbeddedPostgres } from '#postgres';
import { projections } from '#projections';
import type { ServerConfig } from '../config.js';

export type Database = {
  readonly embedded: boolean;
  /** Logs in as the migration role, which owns the log: for migrations, and to take partitions out of it. */
  readonly ownerUrl: string;
  /** For queries and projections. */
  readonly pool: Pool;
  /** The appender's own connections: an append never waits behind a read. */
  readonly appendPool: Pool;
  /** A connection for each projection, the evidence's keeper and the relay, and two to spare for what they ask beside. */
  readonly projectorPool: Pool;
  readonly prisma: PrismaClient;
  close(): Promise<void>;
};

const READ_CONNECTIONS = 12;
const APPEND_CONNECTIONS = 2;
const STATEMENT_TIMEOUT_MS = 60_000;

type Log = { info(message: string): void; warn(message: string): void };

export async function openDatabase(config: ServerConfig, log: Log): Promise<Database> {
  const embedded = config.databaseUrl
    ? undefined
    : await startEmbeddedPostgres({ folder: `${config.folder}/postgres`, log: (message) => log.info(message) });
  if (embedded?.notice) log.warn(embedded.notice);
  try {
    const url = config.databaseUrl ?? embedded!.url;
    const ownerUrl = config.migrationUrl ?? url;
    const applied = await migrate(ownerUrl);
    if (applied.length > 0) log.info(`migrations applied: ${applied.join(', ')}`);
    const pool = createPool(url, {
      max: READ_CONNECTIONS,
      applicationName: 'kerbtrail',
      statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    });
    const appendPool = createPool(url, {
      max: APPEND_CONNECTIONS,
      applicationName: 'kerbtrail append',
      pipelined: true,
    });
    const projectorPool = createPool(url, { max: projections.length + 4, applicationName: 'kerbtrail projector' });
    const prisma = createPrisma(pool);
    return {
      embedded: embedded !== undefined,
      ownerUrl,
      pool,
      appendPool,
      projectorPool,
      prisma,
      async close() {
        await prisma.$disconnect();
        await Promise.all([pool.end(), appendPool.end(), projectorPool.end()]);
        await embedded?.stop();
      },
    };
  } catch (error) {
    await embedded?.stop();
    throw error;
  }
}
