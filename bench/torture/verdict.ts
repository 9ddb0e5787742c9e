/**
 * The end of a torture run, when everything is up again and every request answered: the full history is checked, answers are
 * asked for once more, every read model is compared with one folded anew from the log, and the log with its signed checkpoint.
 */
import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { createEventStore } from '#event-store';
import { createPool } from '#postgres';
import { projections, tableDigest } from '#projections';
import type { Pool } from 'pg';
import { runCommandLine } from '../../test/support/command-line.js';
import type { Api } from '../../test/support/server.js';
import { checkHistory } from './history.js';
import type { Told } from './journal.js';
import { readHistory } from './read-history.js';
import { laneRequest } from './request.js';
import type { Site } from './site.js';

const CAUGHT_UP_MS_MAX = 600_000;
const POLL_MS = 200;
const ASKED_AGAIN_MAX = 2_000;
const ASKED_AT_ONCE = 500;
const COMPARISONS_MAX = 5;

/** What is wrong, in words; nothing when all is as it was promised. */
export async function judge(site: Site, told: readonly Told[]): Promise<string[]> {
  const api = site.api();
  const pool = createPool(site.databaseUrl(), { max: 4, applicationName: 'torture verdict' });
  try {
    const history = await readHistory(pool);
    const faults = (await checkHistory({ ...history, told })).map(({ kind, detail }) => `${kind}: ${detail}`);
    faults.push(...(await askAgain(pool, told, site.seed)));
    for (const { name, tables } of projections) faults.push(...(await compare(name, tables, pool, api)));
    faults.push(...(await verify(site)));
    return faults;
  } finally {
    await pool.end();
  }
}

/** Acknowledged requests, spread over the run, get their first answer. */
async function askAgain(pool: Pool, told: readonly Told[], seed: number): Promise<string[]> {
  const store = createEventStore({ pool, catalogues: [] });
  const appended = told.filter(({ lane, status }) => lane.startsWith('appender') && status !== 'conflict');
  const step = Math.max(1, Math.ceil(appended.length / ASKED_AGAIN_MAX));
  const asked = appended.filter((_, n) => n % step === 0);
  const wrong: string[] = [];
  for (let from = 0; from < asked.length; from += ASKED_AT_ONCE) {
    const some = asked.slice(from, from + ASKED_AT_ONCE);
    const results = await store.append(some.map(({ lane, n }) => laneRequest(seed, lane, n).item(0, 0)));
    for (const [n, result] of results.entries()) {
      const { id, position, reply } = some[n]!;
      const expected = JSON.stringify({ status: 'duplicate', position, reply });
      const got = JSON.stringify({
        status: result.status,
        position: 'position' in result ? result.position : undefined,
        reply: 'reply' in result ? result.reply : undefined,
      });
      if (got !== expected) wrong.push(`asked again: ${id} gave ${got}, not ${expected}`);
    }
  }
  return wrong;
}

/** The tables in use against the same tables built anew from the log, at the same position. */
async function compare(name: string, tables: readonly string[], pool: Pool, api: Api): Promise<string[]> {
  for (let attempt = 1; ; attempt++) {
    const position = await caughtUp(name, api);
    const live = createHash('sha256');
    for (const table of tables) live.update(await tableDigest(pool, table));
    const answer = await api.call<{ finished?: { rebuiltTo: number; digest: string } }[]>(
      'POST',
      `/v1/projections/${name}/rebuild`,
    );
    const finished = answer.body.find((line) => line.finished)?.finished;
    if (!finished) return [`projection ${name} could not be rebuilt: ${answer.text.slice(-300)}`];
    // The server may have appended something of its own between the two.
    if (finished.rebuiltTo !== position && attempt < COMPARISONS_MAX) continue;
    if (finished.digest === live.digest('hex') && finished.rebuiltTo === position) return [];
    return [`projection ${name} at ${position} differs from the log folded anew to ${finished.rebuiltTo}`];
  }
}

/** Waits until the projection stands at the head, and gives its position. */
async function caughtUp(name: string, api: Api): Promise<number> {
  const deadline = performance.now() + CAUGHT_UP_MS_MAX;
  for (;;) {
    const { body } = await api.get<{ rows?: { name: string; position: number; lag: number }[] }>('/v1/projections');
    const state = body.rows?.find((row) => row.name === name);
    if (state?.lag === 0) return state.position;
    if (performance.now() > deadline) throw new Error(`projection ${name} does not catch up: ${JSON.stringify(state)}`);
    await delay(POLL_MS);
  }
}

/** The command line recomputes every leaf and the root, once a signed checkpoint covers all that is in the log by now. */
async function verify(site: Site): Promise<string[]> {
  const { body } = await site.api().get<{ head: number }>('/v1/projections');
  const deadline = performance.now() + CAUGHT_UP_MS_MAX;
  for (;;) {
    const status = (await site.api().get<{ size: number; state: string }>('/v1/evidence/status')).body;
    if (status.size >= body.head) break;
    if (performance.now() > deadline) return [`no checkpoint covers ${body.head} events: ${JSON.stringify(status)}`];
    await delay(POLL_MS);
  }
  const env = { KERBTRAIL_FOLDER: site.folderOfA, KERBTRAIL_URL: undefined, KERBTRAIL_TOKEN: undefined };
  const { exitCode, stdout, stderr } = await runCommandLine(['verify'], { env });
  return exitCode === 0 ? [] : [`kerbtrail verify: ${stdout}${stderr}`];
}
