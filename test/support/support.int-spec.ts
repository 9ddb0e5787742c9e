import { describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import { createTestDatabase } from './database.js';
import { startProcess } from './processes.js';

describe('a test database', () => {
  it('is a clone of its own: what one suite writes, another does not see', async () => {
    const [one, two] = await Promise.all([createTestDatabase(), createTestDatabase()]);
    await one.pool.query("INSERT INTO read.checkpoint VALUES ('probe', 1, 1, 1, now())");
    expect((await one.pool.query('SELECT projection FROM read.checkpoint')).rows).toEqual([{ projection: 'probe' }]);
    expect((await two.pool.query('SELECT projection FROM read.checkpoint')).rows).toEqual([]);
    await Promise.all([one.drop(), two.drop()]);
  });

  it('is dropped all the same, but not without complaint, when a connection was left open', async () => {
    const database = await createTestDatabase();
    const leak = new Client({ connectionString: database.url, application_name: 'the leak' });
    leak.on('error', () => {});
    await leak.connect();
    await leak.query('SELECT 1 AS last_word');
    await expect(database.drop()).rejects.toThrow(/left open:\n\d+ the leak \(idle\): SELECT 1 AS last_word/);
    await leak.end();
    await expect(new Client({ connectionString: database.url }).connect()).rejects.toMatchObject({ code: '3D000' });
  });
});

describe('a test process', () => {
  it('is ready when it says so, keeps its output and ends on request', async () => {
    const script =
      "process.on('SIGTERM', () => process.exit(7)); console.log('listening on', process.env.PLACE); setInterval(() => {}, 1000)";
    const started = await startProcess(['-e', script], {
      env: { PLACE: 'port 88' },
      readyWhen: /listening on port \d+/,
    });
    expect((await started.waitFor(/port (\d+)/))[1]).toBe('88');
    expect(await started.stop()).toBe(7);
    expect(started.output()).toBe('listening on port 88\n');
  });

  it('that ends before it was ready fails the start with its output', async () => {
    await expect(
      startProcess(['-e', "console.error('no port'); process.exit(3)"], { readyWhen: /never/ }),
    ).rejects.toThrow('no port');
  });

  it('tells the signal that killed it', async () => {
    const started = await startProcess(['-e', 'setInterval(() => {}, 1000)']);
    expect(await started.stop('SIGKILL')).toBe('SIGKILL');
    expect(await started.ended).toBe('SIGKILL');
  });
});
