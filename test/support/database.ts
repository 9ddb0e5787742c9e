/**
 * A database of its own for a suite: a clone of the migrated template, made in milliseconds, on the real server that
 * global-setup.ts started. Dropping it is also the check that the suite left no connection behind.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, type Pool } from 'pg';
import { createPool, createPrisma, type PrismaClient } from '#postgres';

export type TestDatabase = {
  /** Logs in as the migration role. */
  readonly url: string;
  /** Works as kerbtrail_app, as the program does. */
  readonly pool: Pool;
  /** Works as the migration role. */
  readonly adminPool: Pool;
  readonly prisma: PrismaClient;
  /** Ends both pools and drops the database. Throws, naming them, when connections of others are still open. */
  drop(): Promise<void>;
};

const POOL_SIZE = 10;
const LEAK_WAIT_MS = 2_000; // a session ends a moment after its socket was closed
const POLL_MS = 20;

type Origin = { readonly migrated?: boolean; readonly copyOf?: TestDatabase };

/**
 * `migrated: false` gives an empty database, for tests of the migrations themselves; `copyOf` another as it is now, whose
 * idle connections are ended for that.
 */
export async function createTestDatabase({ migrated = true, copyOf }: Origin = {}): Promise<TestDatabase> {
  const name = `kerbtrail_test_${randomBytes(6).toString('hex')}`;
  const empty = migrated ? environment('KERBTRAIL_TEST_TEMPLATE') : 'template0';
  const template = copyOf ? new URL(copyOf.url).pathname.slice(1) : empty;
  await asAdmin(async (admin) => {
    if (copyOf)
      await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [template]);
    await admin.query(`CREATE DATABASE ${name} TEMPLATE ${template}`);
  });
  const url = new URL(environment('KERBTRAIL_TEST_ADMIN_URL'));
  url.pathname = `/${name}`;
  const pool = createPool(url.toString(), { max: POOL_SIZE, applicationName: 'test' });
  const adminPool = createPool(url.toString(), { max: POOL_SIZE, applicationName: 'test admin', asRole: 'none' });
  const prisma = createPrisma(pool);
  return {
    url: url.toString(),
    pool,
    adminPool,
    prisma,
    drop: async () => {
      await prisma.$disconnect();
      await Promise.all([pool.end(), adminPool.end()]);
      await dropDatabase(name);
    },
  };
}

async function dropDatabase(name: string): Promise<void> {
  await asAdmin(async (admin) => {
    const deadline = Date.now() + LEAK_WAIT_MS;
    let open = await sessions(admin, name);
    while (open.length > 0 && Date.now() < deadline) {
      await delay(POLL_MS);
      open = await sessions(admin, name);
    }
    await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
    if (open.length > 0) throw new Error(`connections were left open:\n${open.join('\n')}`);
  });
}

/** Who is connected, and what they did last; one line each. */
async function sessions(admin: Client, name: string): Promise<string[]> {
  const { rows } = await admin.query<{ line: string }>(
    `SELECT pid || ' ' || application_name || ' (' || state || '): ' || left(query, 200) AS line
       FROM pg_stat_activity WHERE datname = $1 AND backend_type = 'client backend'`,
    [name],
  );
  return rows.map(({ line }) => line);
}

async function asAdmin<T>(work: (admin: Client) => Promise<T>): Promise<T> {
  const admin = new Client({ connectionString: environment('KERBTRAIL_TEST_ADMIN_URL') });
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.end();
  }
}

function environment(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run the test through Jest, whose global setup starts PostgreSQL`);
  return value;
}
