/**
 * Brings a database to this program's shape: applies prisma/migrations/<name>/migration.sql in order of name, and keeps
 * the record in Prisma's own table `_prisma_migrations`, so that `prisma migrate status` and `deploy` agree with it.
 * Everything one start applies is one transaction under Prisma's own advisory lock: it is kept whole or not at all, and
 * processes that start together wait for each other. So a migration holds nothing that must run outside a transaction.
 */
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Client, DatabaseError } from 'pg';
import { Umzug } from 'umzug';
import {
  DatabaseIsNewer,
  DatabaseUnavailable,
  MigrationChanged,
  MigrationFailed,
  MigrationUnfinished,
} from './migration.error.js';

type Migration = { readonly name: string; readonly sql: string; readonly checksum: string };
type MigrationRow = { name: string; checksum: string; finished: boolean };

const MIGRATE_LOCK = 72707369; // Prisma's own
const CONNECT_TIMEOUT_MS = 10_000;

const RECORD_TABLE = `
  CREATE TABLE IF NOT EXISTS public._prisma_migrations (
    id varchar(36) PRIMARY KEY,
    checksum varchar(64) NOT NULL,
    finished_at timestamptz,
    migration_name varchar(255) NOT NULL,
    logs text,
    rolled_back_at timestamptz,
    started_at timestamptz NOT NULL DEFAULT now(),
    applied_steps_count integer NOT NULL DEFAULT 0
  )`;

/**
 * Returns the names of the migrations applied now; none when the database was up to date. Throws `DatabaseUnavailable`,
 * `MigrationFailed`, `MigrationChanged`, `MigrationUnfinished` or `DatabaseIsNewer`; the database is then unchanged.
 */
export async function migrate(migrationUrl: string, folder = migrationsFolder()): Promise<string[]> {
  const migrations = await readMigrations(folder);
  const client = new Client({
    connectionString: migrationUrl,
    application_name: 'kerbtrail migrate',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  });
  try {
    await client.connect();
  } catch (cause) {
    throw new DatabaseUnavailable(`${client.host}:${client.port}/${client.database}`, cause);
  }
  try {
    await client.query('BEGIN');
    await client.query('SELECT pg_advisory_xact_lock($1)', [MIGRATE_LOCK]);
    await client.query(RECORD_TABLE);
    const applied = await applyPending(client, migrations);
    await client.query('COMMIT');
    return applied;
  } finally {
    // Ending the session rolls back what was not committed.
    await client.end();
  }
}

async function applyPending(client: Client, migrations: readonly Migration[]): Promise<string[]> {
  const applied = checkApplied(await readRecord(client), migrations);
  const umzug = new Umzug({
    logger: undefined,
    migrations: migrations.map((migration) => ({ name: migration.name, up: () => apply(client, migration) })),
    storage: {
      executed: async () => applied,
      logMigration: async ({ name }) =>
        record(
          client,
          migrations.find((migration) => migration.name === name)!,
        ),
      unlogMigration: async () => {},
    },
  });
  const pending = await umzug.pending();
  try {
    await umzug.up();
  } catch (error) {
    throw error instanceof Error && error.cause instanceof MigrationFailed ? error.cause : error;
  }
  return pending.map(({ name }) => name);
}

async function readRecord(client: Client): Promise<MigrationRow[]> {
  const { rows } = await client.query<MigrationRow>(
    `SELECT migration_name AS name, checksum, finished_at IS NOT NULL AS finished
       FROM public._prisma_migrations WHERE rolled_back_at IS NULL ORDER BY started_at, migration_name`,
  );
  return rows;
}

/** Names of the applied migrations, once each of them is known to be the one that this program has. */
function checkApplied(rows: readonly MigrationRow[], migrations: readonly Migration[]): string[] {
  const known = new Map(migrations.map((migration) => [migration.name, migration]));
  for (const { name, checksum, finished } of rows) {
    if (!finished) throw new MigrationUnfinished(name);
    const migration = known.get(name);
    if (!migration) throw new DatabaseIsNewer(name);
    if (migration.checksum !== checksum) throw new MigrationChanged(name);
  }
  return rows.map(({ name }) => name);
}

async function apply(client: Client, { name, sql }: Migration): Promise<void> {
  try {
    await client.query(sql);
  } catch (cause) {
    const position = cause instanceof DatabaseError && cause.position ? Number(cause.position) : undefined;
    throw new MigrationFailed(name, position && sql.slice(0, position).split('\n').length, cause);
  }
}

async function record(client: Client, { name, checksum }: Migration): Promise<void> {
  await client.query(
    `INSERT INTO public._prisma_migrations (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
     VALUES ($1, $2, $3, clock_timestamp(), clock_timestamp(), 1)`,
    [randomUUID(), checksum, name],
  );
}

async function readMigrations(folder: string): Promise<Migration[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .toSorted();
  return Promise.all(
    names.map(async (name) => {
      const bytes = await readFile(join(folder, name, 'migration.sql'));
      return { name, sql: bytes.toString('utf8'), checksum: createHash('sha256').update(bytes).digest('hex') };
    }),
  );
}

/** prisma/migrations beside the nearest package.json above: the same folder from sources and from dist. */
export function migrationsFolder(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder)
      throw new Error(`no package.json above ${import.meta.dirname}: prisma/migrations cannot be found`);
    folder = parent;
  }
  return join(folder, 'prisma', 'migrations');
}
