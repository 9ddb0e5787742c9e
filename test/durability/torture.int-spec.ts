/**
 * A short torture in every run of the tests: servers, PostgreSQL, connections and writers are killed, each kind at least once,
 * under concurrent load; then the full history must be whole. `npm run torture -- --minutes N --seed S` goes on for longer.
 */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { rm } from 'node:fs/promises';
import { KILLS } from '../../bench/torture/chaos.js';
import { torture } from '../../bench/torture/torture.js';
import { newFolder } from '../support/server.js';

const SECONDS = 6;
const SEED = 4;

let folder: string;
beforeAll(async () => {
  folder = await newFolder();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it('nothing is lost, doubled or reordered, and every read model equals a fold of the log', async () => {
  const report = await torture({ folder, seconds: SECONDS, seed: SEED });
  expect(report).toMatchObject({ seed: SEED, faults: [] });
  expect(Object.values(report.kills).reduce((sum, n) => sum + n, 0)).toBeGreaterThanOrEqual(10);
  for (const kill of KILLS) expect(report.kills[kill]).toBeGreaterThan(0);
  expect(report.acknowledged).toBeGreaterThan(100);
  expect(report.unknown).toBeGreaterThan(0);
}, 240_000);
