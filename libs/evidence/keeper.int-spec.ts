/** The keeper: what is signed is the tree over the log, across any pages, crashes and processes. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { createPool } from '#postgres';
import { rootOfTiles, TreeFrontier } from '#tlog';
import { leavesOf, openTestLog, ORIGIN, signed, type TestLog } from './evidence.spec-support.js';
import { tileReader } from './evidence-tables.js';
import { establishSeed } from './checkpoint-keys.js';
import { systemRandom } from '#event-store';
import type { Witness } from './witness.js';
import { CuttingProxy } from '../event-store/cutting-proxy.spec-support.js';

let log: TestLog;
beforeEach(async () => {
  log = await openTestLog();
});
afterEach(() => log.close());

/** The root over what the log has now, made without tiles. */
async function naiveRoot(): Promise<Buffer> {
  const tree = TreeFrontier.empty();
  for (const leaf of await leavesOf(log.database.pool)) tree.append(leaf);
  return tree.root();
}

/** A witness that does one thing else, once. */
function once(witness: Witness, swap: (last: string | null, next: string) => Promise<boolean>): Witness {
  let first = true;
  return {
    ...witness,
    swap: (last, next) => {
      if (!first) return witness.swap(last, next);
      first = false;
      return swap(last, next);
    },
  };
}

async function checkpointSizes(): Promise<number[]> {
  const { rows } = await log.database.pool.query<{ size: number }>(
    'SELECT size FROM evidence.checkpoint ORDER BY size',
  );
  return rows.map(({ size }) => size);
}

describe('the keeper', () => {
  it('signs the RFC 6962 root over the log, whatever the page, and keeps tiles that have it', async () => {
    await log.append(1_300);
    let evidence = log.start({ pageSize: 97 });
    expect((await signed(log, evidence)).root).toEqual(await naiveRoot());
    await evidence.stop();
    await log.append(701);
    evidence = log.start({ pageSize: 1_000 });
    const { size, root, note } = await signed(log, evidence);
    expect(root).toEqual(await naiveRoot());
    expect(note.split('\n').slice(0, 2)).toEqual([ORIGIN, '2001']);
    expect(await rootOfTiles(size, tileReader(log.database.pool))).toEqual(root);
    expect(await rootOfTiles(1_300, tileReader(log.database.pool))).toEqual(await rootOver(1_300));
    expect(await readFile(log.witnessFile, 'utf8')).toBe(note);
  });

  async function rootOver(size: number): Promise<Buffer> {
    const tree = TreeFrontier.empty();
    for (const leaf of (await leavesOf(log.database.pool)).slice(0, size)) tree.append(leaf);
    return tree.root();
  }

  it('signs once a pace, not once an append', async () => {
    const evidence = log.start({ paceMs: 400 });
    const started = performance.now();
    for (let n = 0; n < 30; n++) await log.append(1);
    await signed(log, evidence);
    const paces = (performance.now() - started) / 400;
    expect((await checkpointSizes()).length).toBeLessThanOrEqual(Math.ceil(paces) + 1);
  });

  it('of two processes one is active; when it ends the other goes on where it was', async () => {
    const first = log.start();
    const second = log.start();
    await log.append(300);
    await signed(log, first);
    await first.stop();
    await log.append(300);
    expect((await signed(log, second)).root).toEqual(await naiveRoot());
  });

  it('finds its way back when only its place in the log was lost', async () => {
    const first = log.start();
    await log.append(300);
    await signed(log, first);
    await first.stop();
    await log.database.pool.query('DELETE FROM read.checkpoint');
    await log.append(10);
    expect((await signed(log, log.start({ pageSize: 50 }))).root).toEqual(await naiveRoot());
  });

  it('tells that it waits while the witness does not answer, and signs when it does', async () => {
    const silent = once(log.witness, async () => Promise.reject(new Error('no such host')));
    const failing: Witness = {
      ...silent,
      swap: (last, next) =>
        silent.swap(last, next).catch((cause: Error) => {
          throw Object.assign(new Error(`cannot be written: ${cause.message}`), { mayPass: true });
        }),
    };
    await log.append(5);
    const evidence = log.start({ witness: failing });
    expect((await signed(log, evidence)).size).toBe(5);
    expect(evidence.status()).toEqual({ state: 'live', size: 5 });
  });
});

describe('a step that fails', () => {
  it('the witness was written and the database was not: the next page must have that root, and has', async () => {
    await log.append(40);
    const lost = once(log.witness, async (last, next) => {
      await log.witness.swap(last, next);
      throw Object.assign(new Error('the connection was lost'), { mayPass: true });
    });
    const evidence = log.start({ witness: lost });
    expect((await signed(log, evidence)).root).toEqual(await naiveRoot());
    await log.append(3);
    expect((await signed(log, evidence)).root).toEqual(await naiveRoot());
  });

  it('the same, and the log has grown and pages have become smaller before the next try', async () => {
    await log.append(500);
    const crash = once(log.witness, async (last, next) => {
      await log.witness.swap(last, next);
      throw new Error('the process ends here');
    });
    const first = log.start({ witness: crash });
    await untilWitnessed(500);
    await first.stop();
    await log.append(700);
    const evidence = log.start({ pageSize: 64 });
    expect((await signed(log, evidence)).root).toEqual(await naiveRoot());
  });

  async function untilWitnessed(size: number): Promise<void> {
    const deadline = Date.now() + 10_000;
    const line = `\n${size}\n`;
    for (let note = ''; !note.includes(line); note = (await log.witness.read()) ?? '') {
      if (Date.now() > deadline) throw new Error(`the witness never saw ${size}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  const steps = ['evidence.tiles', 'evidence.tree', 'evidence.checkpoint', 'log.checkpoint', 'COMMIT'];
  const cuts = steps.flatMap((message) => (['before', 'after'] as const).map((when) => ({ message, when })));

  it.each(cuts)('the session is cut $when $message: the tree is as if nothing had been', async ({ message, when }) => {
    await log.append(300);
    const proxy = await CuttingProxy.start(log.database.url);
    proxy.arm({ message, when, nth: 1 });
    const keeperPool = createPool(proxy.url, { max: 2, applicationName: 'test keeper' });
    try {
      const evidence = log.start({ keeperPool });
      expect((await signed(log, evidence)).root).toEqual(await naiveRoot());
      expect(proxy.spent).toBe(true);
      await log.append(300);
      expect((await signed(log, evidence)).root).toEqual(await naiveRoot());
      expect(await checkpointSizes()).toEqual([300, 600]);
      await evidence.stop();
    } finally {
      await keeperPool.end();
      await proxy.stop();
    }
  });
});

describe('rotation', () => {
  it('lets both keys sign, and the old one no more when its time is over', async () => {
    const { database, kek, periods } = log;
    const evidence = log.start();
    await log.append(2);
    expect(signatures((await signed(log, evidence)).note)).toBe(1);
    const verifierKey = await establishSeed({ pool: database.pool, kek, random: systemRandom }, ORIGIN, 2);
    periods[0] = { ...periods[0]!, until: '2999-01-01T00:00:00Z' };
    periods.push({ number: 2, verifierKey, from: periods[0].from, until: null });
    await log.append(2);
    expect(signatures((await signed(log, evidence)).note)).toBe(2);
    periods[0] = { ...periods[0], until: '2020-01-01T00:00:00Z' };
    await log.append(2);
    const { note } = await signed(log, evidence);
    expect(signatures(note)).toBe(1);
    expect(note).toContain(`— ${ORIGIN} `);
  });

  const signatures = (note: string): number => note.split('\n').filter((line) => line.startsWith('— ')).length;

  it('makes one seed of a number, however many ask for it', async () => {
    const { pool } = log.database;
    const asked = [1, 2, 3].map(() => establishSeed({ pool, kek: log.kek, random: systemRandom }, ORIGIN, 7));
    expect(new Set(await Promise.all(asked)).size).toBe(1);
  });
});
