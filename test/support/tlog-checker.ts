/**
 * The checker of test/interop/tlog-go as a process: golang.org/x/mod/sumdb, not ours, over tiles in a folder or a server's.
 * Where Go, or its module, is not to be had, suites are not run and say so in their name; where CI is set, that is a failure.
 */
import { afterAll, beforeAll, describe } from '@jest/globals';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const FOLDER = resolve('test/interop/tlog-go');

export type Checked = {
  readonly error?: string;
  readonly origin?: string;
  readonly size?: number;
  readonly root?: string;
  readonly verifiedBy?: readonly string[];
  /** Hashes are base64. */
  readonly records?: readonly { position: number; leaf: string; proof: readonly string[] }[];
  readonly consistency?: { from: number; proof: readonly string[] };
};

/** Runs the checker; the arguments are those of main.go. */
export type TlogCheck = (args: readonly string[]) => Promise<Checked>;

/** A suite that needs the checker: it is built before the suite's first test. */
export function describeWithTlogChecker(title: string, suite: (check: TlogCheck) => void): void {
  const reason = missing();
  const name = reason === undefined ? title : `${title} [not run: ${reason}]`;
  const mayBeLeftOut = reason !== undefined && process.env['CI'] !== 'true';
  const group = mayBeLeftOut ? describe.skip : describe;
  group(name, () => suite(builtBefore(reason)));
}

function builtBefore(reason: string | undefined): TlogCheck {
  let folder = '';
  beforeAll(async () => {
    if (reason !== undefined) throw new Error(reason);
    folder = await mkdtemp(join(tmpdir(), 'kerbtrail-tlog-go-'));
    await run('go', ['build', '-buildvcs=false', '-o', join(folder, 'tlog-go'), '.'], FOLDER);
  }, 120_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return async (args) => JSON.parse(await run(join(folder, 'tlog-go'), args, folder)) as Checked;
}

/** What it said on standard output. Refusing is saying something; to be silent is to have failed. */
async function run(program: string, args: readonly string[], cwd: string): Promise<string> {
  const child = spawn(program, args, { cwd });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const exitCode = await new Promise<number | null>((done, failed) => child.once('error', failed).once('close', done));
  if (exitCode !== 0 && stdout === '') throw new Error(`${program} ended with ${exitCode}: ${stderr}`);
  return stdout;
}

/** Why the checker cannot be built here. That it does not compile is not such a reason. */
function missing(): string | undefined {
  const { error, status, stderr } = spawnSync('go', ['mod', 'download'], { cwd: FOLDER, encoding: 'utf8' });
  if (error) return `Go cannot be run, ${error.message}`;
  return status === 0 ? undefined : `its Go module cannot be had, ${stderr.trim().split('\n')[0]}`;
}
