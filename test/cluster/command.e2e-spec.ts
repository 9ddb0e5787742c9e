/** `npm run cluster` as people use it: one command, a table of what runs where, and one Ctrl-C after which nothing runs any more. */
import { afterEach, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { describeWithOwnKafka } from '../support/kafka-brokers.js';
import { startProcess, type TestProcess } from '../support/processes.js';

const PROGRAM = resolve('dist/tools/cluster/main.js');
const START_MS = 120_000;
const NAMES = ['PostgreSQL', 'Kafka', 'api', 'projector-1', 'projector-2', 'relay', 'ingest'];

/** A PostgreSQL that has ended may stand in the table until somebody collects it. */
function isAlive(pid: number): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
  return stdout.trim() !== '' && !stdout.startsWith('Z');
}

describeWithOwnKafka('npm run cluster', () => {
  let running: TestProcess | undefined;
  const env = { DATABASE_URL: undefined, KAFKA_BROKERS: undefined, KERBTRAIL_PORT: undefined };

  afterEach(async () => void (await running?.stop('SIGINT')), START_MS);

  it(
    'runs a PostgreSQL, a broker and a process per role, tells where, and leaves nothing behind',
    async () => {
      running = await startProcess([PROGRAM], { env });
      const [, folder = ''] = await running.waitFor(/Ctrl-C stops all of it and removes (\S+)\.\n/, START_MS);
      const rows = [...running.output().matchAll(/│ (\S+).* │ (\S+) +│ (\d+) +│/g)];
      expect(rows.map(([, name]) => name?.replace(',', ''))).toEqual(NAMES);
      const pids = rows.map(([, , , pid]) => Number(pid));
      expect(pids.filter(isAlive)).toEqual(pids);
      for (const [, , url = ''] of rows.slice(2)) expect((await fetch(`${url}/ready`)).status).toBe(200);

      expect(await running.stop('SIGINT')).toBe(0);
      expect(running.output()).toMatch(/stopped: nothing of it runs any more\n$/);
      expect(pids.filter(isAlive)).toEqual([]);
      expect(existsSync(folder)).toBe(false);
    },
    2 * START_MS,
  );

  it(
    'is stopped while it starts, too',
    async () => {
      running = await startProcess([PROGRAM], { env });
      await running.waitFor(/starting a Kafka broker/, START_MS);
      expect(await running.stop('SIGINT')).toBe(1);
      expect(running.output()).toMatch(/stopped before it was ready\n$/);
    },
    START_MS,
  );
});
