import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { migrate, migrationsFolder } from './migrate.js';

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase({ migrated: false });
});
afterEach(() => database.drop());

const tables = async (): Promise<string[]> => {
  const { rows } = await database.adminPool.query<{ name: string }>(
    `SELECT schemaname || '.' || tablename AS name FROM pg_tables
      WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
};

describe('the migrations of the project', () => {
  it('are applied in order of name, once', async () => {
    const names = (await readdir(migrationsFolder(), { withFileTypes: true }))
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
      .toSorted();
    expect(await migrate(database.url)).toEqual(names);
    expect(await migrate(database.url)).toEqual([]);
    expect(await tables()).toContain('read.checkpoint');
  });

  it('are applied by one of four processes that start together; the others wait and find them done', async () => {
    const applied = await Promise.all([1, 2, 3, 4].map(() => migrate(database.url)));
    expect(applied.map((names) => names.length > 0).toSorted()).toEqual([false, false, false, true]);
  });

  it('agree with Prisma: no migration is open or changed, and schema.prisma says what the SQL made', async () => {
    await migrate(database.url);
    const status = await prisma(['migrate', 'status'], database.url);
    expect(status).toMatchObject({ code: 0, output: expect.stringContaining('Database schema is up to date') });
    const difference = await prisma(COMPARE, database.url);
    expect(difference).toMatchObject({ code: 0, output: expect.stringContaining('No difference detected') });
  });

  it('and Prisma disagree when a read model has a column that schema.prisma does not know', async () => {
    await migrate(database.url);
    await database.pool.query('ALTER TABLE read.checkpoint ADD COLUMN surplus text');
    const difference = await prisma(COMPARE, database.url);
    expect(difference).toMatchObject({ code: 2, output: expect.stringContaining('surplus') });
  });
});

describe('a migration', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kerbtrail-migrations-'));
    await write('0001_first', 'CREATE TABLE public.first (id int);');
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function write(name: string, sql: string): Promise<void> {
    await mkdir(join(folder, name), { recursive: true });
    await writeFile(join(folder, name, 'migration.sql'), sql);
  }

  it('that fails leaves nothing, of itself or of those before it, and the error names its line', async () => {
    await write('0002_second', 'CREATE TABLE public.second (id int);\n\nSELECT missing FROM public.second;\n');
    await expect(migrate(database.url, folder)).rejects.toMatchObject({
      code: 'PG_MIGRATION_FAILED',
      message: 'migration 0002_second, line 3 failed and nothing of it was kept: column "missing" does not exist',
      cause: expect.objectContaining({ code: '42703' }),
    });
    expect(await tables()).toEqual([]);

    await write('0002_second', 'CREATE TABLE public.second (id int);');
    expect(await migrate(database.url, folder)).toEqual(['0001_first', '0002_second']);
  });

  it('that was changed after it was applied is refused', async () => {
    await migrate(database.url, folder);
    await write('0001_first', 'CREATE TABLE public.first (id bigint);');
    await write('0002_second', 'CREATE TABLE public.second (id int);');
    await expect(migrate(database.url, folder)).rejects.toMatchObject({
      code: 'PG_MIGRATION_CHANGED',
      message: expect.stringContaining('0001_first'),
    });
    expect(await tables()).not.toContain('public.second');
  });

  it('that this program does not know makes the database a newer one, which is refused', async () => {
    await write('0002_second', 'CREATE TABLE public.second (id int);');
    await migrate(database.url, folder);
    await rm(join(folder, '0002_second'), { recursive: true });
    await expect(migrate(database.url, folder)).rejects.toMatchObject({
      code: 'PG_DATABASE_IS_NEWER',
      message: expect.stringContaining('0002_second'),
    });
  });

  it("that Prisma's command line began and did not finish is refused until it is resolved there", async () => {
    await migrate(database.url, folder);
    await database.adminPool.query('UPDATE public._prisma_migrations SET finished_at = NULL');
    await expect(migrate(database.url, folder)).rejects.toMatchObject({ code: 'PG_MIGRATION_UNFINISHED' });
    await database.adminPool.query('UPDATE public._prisma_migrations SET rolled_back_at = now()');
    await database.adminPool.query('DROP TABLE public.first');
    expect(await migrate(database.url, folder)).toEqual(['0001_first']);
  });

  it('finds no server: the error says where, and keeps the password to itself', async () => {
    const url = 'postgresql://somebody:hunter2@127.0.0.1:1/nowhere';
    const error = await migrate(url, folder).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'PG_UNAVAILABLE',
      message: expect.stringContaining('127.0.0.1:1/nowhere cannot be used: connect ECONNREFUSED'),
    });
    expect(String(error)).not.toContain('hunter2');
  });
});

const COMPARE = ['migrate', 'diff', '--from-config-datasource', '--to-schema', 'prisma/schema.prisma', '--exit-code'];

/** Prisma's stock command line, with the project's own schema engine. */
function prisma(args: readonly string[], url: string): Promise<{ code: number | null; output: string }> {
  const env = { ...process.env, DATABASE_URL: url, KERBTRAIL_MIGRATION_URL: url, CHECKPOINT_DISABLE: '1' };
  return new Promise((resolve) => {
    const command = ['node_modules/prisma/build/index.js', ...args];
    const child = execFile(process.execPath, command, { env }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode, output: stdout + stderr }),
    );
  });
}
