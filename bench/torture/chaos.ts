/** One kill after the other, chosen by the seed: what is hit, when, and how it comes back. */
import { setTimeout as delay } from 'node:timers/promises';
import { seeded, type Seeded } from './seeded.js';
import { childrenOf, type Site, WRITERS } from './site.js';

export const KILLS = ['server-a', 'server-b', 'postmaster', 'cluster', 'backend', 'connection', 'writer'] as const;
export type Kill = (typeof KILLS)[number];
/** How often a restarting server was killed before it was ready is counted apart. */
export type Kills = Record<Kill | 'restarting', number>;

const PAUSE_MS_MIN = 150;
const PAUSE_MS_MAX = 1_500;
const RESTART_MS_MAX = 2_500;

/** Until `endsAt` (ms of performance.now), and until each kind was done once. Server B is there for the first two thirds. */
export async function wreak(site: Site, seed: number, endsAt: number, say: (message: string) => void): Promise<Kills> {
  const random = seeded(seed, 'chaos');
  const kills: Kills = {
    'server-a': 0,
    'server-b': 0,
    postmaster: 0,
    cluster: 0,
    backend: 0,
    connection: 0,
    writer: 0,
    restarting: 0,
  };
  const startedAt = performance.now();
  const first = shuffled(KILLS, random);
  await site.startB();
  while (performance.now() < endsAt || first.length > 0) {
    await delay(random.between(PAUSE_MS_MIN, PAUSE_MS_MAX));
    const spent = (performance.now() - startedAt) / (endsAt - startedAt);
    if (site.hasB && spent > 2 / 3 && !first.includes('server-b')) await site.endB();
    const kill = first.pop() ?? random.pick(KILLS);
    if (kill === 'server-b' && !site.hasB) continue;
    say(kill);
    kills[kill] += await perform(kill, site, random);
    if (kill === 'server-a' || kill === 'postmaster' || kill === 'cluster')
      kills.restarting += await restart(site, random);
  }
  await site.endB();
  return kills;
}

/** Gives how many were hit. */
async function perform(kill: Kill, site: Site, random: Seeded): Promise<number> {
  switch (kill) {
    case 'server-a':
      await site.stopA('SIGKILL');
      return 1;
    case 'server-b':
      await site.killB();
      await site.startB();
      return 1;
    case 'postmaster':
      return killDatabase(site, random, [site.postmaster()]);
    case 'cluster': {
      const postmaster = site.postmaster();
      return killDatabase(site, random, [postmaster, ...childrenOf(postmaster)]);
    }
    case 'backend':
      return terminateBackends(site, random);
    case 'connection':
      return Array.from({ length: random.between(1, 3) }, () => site.port.cut(random.between(0, 99))).filter(Boolean)
        .length;
    case 'writer': {
      const writer = random.pick(WRITERS);
      await site.killWriter(writer);
      await site.startWriter(writer);
      return 1;
    }
  }
}

/** The embedded server's owner is ended too, in order or not: it is who starts the database again. */
async function killDatabase(site: Site, random: Seeded, pids: readonly number[]): Promise<number> {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
  await delay(random.between(0, 500));
  await site.stopA(random.pick(['SIGKILL', 'SIGTERM']));
  return 1;
}

async function terminateBackends(site: Site, random: Seeded): Promise<number> {
  const pool = site.adminPool();
  try {
    const { rowCount } = await pool.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY md5(pid::text || $1) LIMIT $2`,
      [String(random.between(0, 999)), random.between(1, 3)],
    );
    return rowCount ?? 0;
  } finally {
    await pool.end();
  }
}

/** Every third time, A is killed once more while it starts. Gives how often. */
async function restart(site: Site, random: Seeded): Promise<number> {
  const again = random.between(1, 3) === 1;
  if (again) await site.startAInVain(random.between(100, RESTART_MS_MAX));
  await site.startA();
  return again ? 1 : 0;
}

function shuffled<T>(of: readonly T[], random: Seeded): T[] {
  const rest = [...of];
  return of.map(() => rest.splice(random.between(0, rest.length - 1), 1)[0]!);
}
