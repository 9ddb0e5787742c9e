/**
 * `npm run torture -- --minutes N [--seed S]`: kills everything at random for so long, then says what the history looks like.
 * Exit code 1 when anything is wrong; the seed and the folder with the evidence are then printed, and the folder stays.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { torture } from './torture.js';

const { values } = parseArgs({ options: { minutes: { type: 'string' }, seed: { type: 'string' } } });
const minutes = Number(values.minutes ?? '1');
const seed = Number(values.seed ?? Date.now() % 1_000_000);
if (!(minutes > 0) || !Number.isInteger(seed)) {
  console.error('usage: npm run torture -- --minutes N [--seed WHOLE_NUMBER]');
  process.exit(2);
}

const folder = await mkdtemp(join(tmpdir(), 'kerbtrail-torture-'));
await chmod(folder, 0o755); // run by root, PostgreSQL works as another user
const started = performance.now();
const say = (message: string): void =>
  console.error(`${((performance.now() - started) / 1000).toFixed(1).padStart(7)} s  ${message}`);

console.error(`seed ${seed}, ${minutes} min, in ${folder}`);
const report = await torture({ folder, seconds: minutes * 60, seed, say });
const { kills, faults, ...counts } = report;
console.log(JSON.stringify({ ...counts, kills, killed: Object.values(kills).reduce((sum, n) => sum + n, 0) }, null, 2));
if (faults.length === 0) {
  console.log('Nothing lost, doubled or reordered; every read model equals the log folded anew.');
  await rm(folder, { recursive: true, force: true });
} else {
  console.log(`${faults.length} faults with seed ${seed} (evidence in ${folder}):\n${faults.join('\n')}`);
  process.exitCode = 1;
}
