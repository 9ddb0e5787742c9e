import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { createPool } from './pool.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

describe('values from a pool', () => {
  it('hold int8 as a number, exactly', async () => {
    const { rows } = await database.pool.query(
      `SELECT 9007199254740991::int8 AS most, -9007199254740991::int8 AS least, ARRAY[1, NULL, 3]::int8[] AS list, count(*) FROM (VALUES (1)) v`,
    );
    expect(rows).toEqual([{ most: 9007199254740991, least: -9007199254740991, list: [1, null, 3], count: 1 }]);
  });

  it('refuse an int8 that a number cannot hold, and the connection goes on', async () => {
    await expect(database.pool.query('SELECT 9007199254740992::int8')).rejects.toMatchObject({
      code: 'PG_INTEGER_TOO_LARGE',
      message: expect.stringContaining('9007199254740992'),
    });
    expect((await database.pool.query('SELECT 1::int8 AS one')).rows).toEqual([{ one: 1 }]);
  });

  it('hold instants as RFC 3339 UTC text with microseconds, and dates as text', async () => {
    const { rows } = await database.pool.query(
      `SELECT '2026-11-22 12:53:32.933392+02'::timestamptz AS instant, '2026-11-22 10:53:32Z'::timestamptz AS whole,
              ARRAY['2026-11-22 10:53:32.1Z']::timestamptz[] AS list, '2026-11-22 10:53:32.933392'::timestamp AS local,
              '2026-11-22'::date AS day`,
    );
    expect(rows).toEqual([
      {
        instant: '2026-11-22T10:53:32.933392Z',
        whole: '2026-11-22T10:53:32Z',
        list: ['2026-11-22T10:53:32.1Z'],
        local: '2026-11-22 10:53:32.933392',
        day: '2026-11-22',
      },
    ]);
  });

  it('are in UTC although the database prefers another zone and date style', async () => {
    const { rows: names } = await database.adminPool.query<{ name: string }>('SELECT current_database() AS name');
    const name = names[0]!.name;
    await database.adminPool.query(
      `ALTER DATABASE ${name} SET TimeZone = 'Asia/Seoul'; ALTER DATABASE ${name} SET DateStyle = 'German'`,
    );
    const pool = createPool(database.url, { max: 1, applicationName: 'zone' });
    const { rows } = await pool.query("SELECT '2026-11-22 10:53:32Z'::timestamptz AS instant");
    await pool.end();
    await database.adminPool.query(`ALTER DATABASE ${name} RESET ALL`);
    expect(rows).toEqual([{ instant: '2026-11-22T10:53:32Z' }]);
  });

  it('are read so by this pool alone: pg elsewhere and Prisma keep their own reading', async () => {
    const client = new Client({ connectionString: database.url });
    await client.connect();
    const { rows } = await client.query("SELECT 5::int8 AS five, '2026-11-22 10:53:32Z'::timestamptz AS instant");
    await client.end();
    expect(rows).toEqual([{ five: '5', instant: new Date('2026-11-22T10:53:32Z') }]);

    const checkpoint = { projection: 'probe', version: 1, position: 2n ** 60n, epoch: 1n };
    const updatedAt = new Date('2026-11-22T10:53:32.933Z');
    await database.prisma.checkpoint.create({ data: { ...checkpoint, updatedAt } });
    expect(await database.prisma.checkpoint.findMany()).toEqual([{ ...checkpoint, updatedAt }]);
  });
});

describe('a pool', () => {
  it('names itself, keeps the options of its URL and cuts statements that run too long', async () => {
    const url = new URL(database.url);
    url.searchParams.set('options', '-c work_mem=5MB');
    const pool = createPool(url.toString(), { max: 1, applicationName: 'kerbtrail probe', statementTimeoutMs: 50 });
    const { rows } = await pool.query(
      "SELECT current_setting('application_name') AS name, current_setting('work_mem') AS memory, current_user AS role",
    );
    expect(rows).toEqual([{ name: 'kerbtrail probe', memory: '5MB', role: 'kerbtrail_app' }]);
    await expect(pool.query('SELECT pg_sleep(10)')).rejects.toMatchObject({ code: '57014' });
    await pool.end();
  });

  it('survives the loss of its connections, idle and in use', async () => {
    const pool = createPool(database.url, { max: 2, applicationName: 'victim' });
    const inUse = await pool.connect();
    await pool.query('SELECT 1');
    const lost = new Promise((resolve) => inUse.once('end', resolve));
    const removed = new Promise((resolve) => pool.once('remove', resolve));
    const { rowCount } = await database.adminPool.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'victim'",
    );
    expect(rowCount).toBe(2);
    await Promise.all([lost, removed]);
    await expect(inUse.query('SELECT 1')).rejects.toThrow('not queryable');
    inUse.release(true);
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await pool.end();
  });
});
