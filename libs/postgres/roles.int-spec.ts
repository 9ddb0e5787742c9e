import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { startEmbeddedPostgres } from './embedded.js';
import { migrate } from './migrate.js';
import { createPool } from './pool.js';

const DENIED = { code: '42501' };

describe('the program, as role kerbtrail_app', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  it('is what a pool works as, also after RESET ROLE', async () => {
    const { rows } = await database.pool.query('RESET ROLE; SELECT current_user AS role').then(last);
    expect(rows).toEqual([{ role: 'kerbtrail_app' }]);
  });

  it('makes, swaps and drops read models, whoever made them', async () => {
    const { pool } = database;
    await pool.query('CREATE TABLE read.checkpoint_shadow (LIKE read.checkpoint INCLUDING ALL)');
    await pool.query(
      'BEGIN; DROP TABLE read.checkpoint; ALTER TABLE read.checkpoint_shadow RENAME TO checkpoint; COMMIT',
    );
    const { rows } = await pool.query(
      "SELECT tableowner FROM pg_tables WHERE schemaname = 'read' AND tablename = 'checkpoint'",
    );
    expect(rows).toEqual([{ tableowner: 'kerbtrail_app' }]);
  });

  it.each(['log', 'secret', 'public'])('makes nothing in schema %s', async (schema) => {
    await expect(database.pool.query(`CREATE TABLE ${schema}.intruder (id int)`)).rejects.toMatchObject(DENIED);
  });

  it('owns nothing outside of its read models', async () => {
    const { rows } = await database.adminPool.query(
      `SELECT relname FROM pg_class WHERE relowner = 'kerbtrail_app'::regrole
          AND relnamespace NOT IN ('read'::regnamespace, 'pg_toast'::regnamespace)`,
    );
    expect(rows).toEqual([]);
  });

  it('writes, reads and deletes secrets, and never updates one', async () => {
    await database.adminPool.query('CREATE TABLE secret.probe (id int)');
    await database.pool.query(
      'INSERT INTO secret.probe VALUES (1); SELECT * FROM secret.probe; DELETE FROM secret.probe',
    );
    await expect(database.pool.query('UPDATE secret.probe SET id = 2')).rejects.toMatchObject(DENIED);
    await expect(database.pool.query('TRUNCATE secret.probe')).rejects.toMatchObject(DENIED);
  });

  it('does not touch the record of migrations', async () => {
    await expect(database.pool.query('DELETE FROM public._prisma_migrations')).rejects.toMatchObject(DENIED);
  });
});

describe('a login of its own for the program (two URLs)', () => {
  let database: TestDatabase;
  const login = `kerbtrail_login_${randomBytes(4).toString('hex')}`;
  const urlOf = (user: string) => {
    const url = new URL(database.url);
    [url.username, url.password] = [user, 'secret of the test'];
    return url.toString();
  };
  beforeAll(async () => {
    database = await createTestDatabase();
    await database.adminPool.query(
      `CREATE ROLE ${login} LOGIN PASSWORD 'secret of the test' IN ROLE kerbtrail_app;
       CREATE ROLE ${login}_stranger LOGIN PASSWORD 'secret of the test'`,
    );
  });
  afterAll(async () => {
    await database.adminPool.query(`DROP ROLE ${login}, ${login}_stranger`);
    await database.drop();
  });

  it('works as kerbtrail_app and cannot become the migration role', async () => {
    const pool = createPool(urlOf(login), { max: 1, applicationName: 'strict' });
    try {
      const { rows } = await pool.query<{ role: string; migration: string }>(
        `SELECT current_user AS role, tableowner AS migration FROM pg_tables WHERE tablename = '_prisma_migrations'`,
      );
      expect(rows[0]?.role).toBe('kerbtrail_app');
      await expect(pool.query(`SET ROLE ${rows[0]?.migration}`)).rejects.toMatchObject(DENIED);
      const { rows: without } = await pool.query('SET ROLE NONE; SELECT current_user AS role').then(last);
      expect(without).toEqual([{ role: login }]);
      await expect(pool.query('CREATE TABLE log.intruder (id int)')).rejects.toMatchObject(DENIED);
    } finally {
      await pool.end();
    }
  });

  it('gets no connection when it is not a member of kerbtrail_app', async () => {
    const pool = createPool(urlOf(`${login}_stranger`), { max: 1, applicationName: 'stranger' });
    try {
      await expect(pool.query('SELECT 1')).rejects.toMatchObject(DENIED);
    } finally {
      await pool.end();
    }
  });
});

it('the role, which belongs to the whole server, is made once by databases that migrate for the first time together', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'kerbtrail-roles-'));
  await chmod(folder, 0o755);
  const server = await startEmbeddedPostgres({ folder: join(folder, 'postgres') });
  try {
    const admin = new Client({ connectionString: server.url });
    await admin.connect();
    const names = ['one', 'two', 'three', 'four'];
    for (const name of names) await admin.query(`CREATE DATABASE ${name}`);
    const applied = await Promise.all(names.map((name) => migrate(server.url.replace(/kerbtrail$/, name))));
    expect(applied.every((migrations) => migrations[0] === '0001_roles_and_schemas')).toBe(true);
    const { rows } = await admin.query("SELECT rolcanlogin FROM pg_roles WHERE rolname = 'kerbtrail_app'");
    expect(rows).toEqual([{ rolcanlogin: false }]);
    await admin.end();
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
});

/** The result of the last of several statements. */
function last<T>(results: T | T[]): T {
  return Array.isArray(results) ? results.at(-1)! : results;
}
