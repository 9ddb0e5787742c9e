/**
 * A full disk, on a file system of our own that is small: what was acknowledged stays, what was not is told to be unavailable,
 * and when there is room again the same requests are answered, each once.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { rmdir, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pool } from 'pg';
import { type AppendItem, createEventStore, type EventStore, LogUnavailable } from '#event-store';
import { createPool, type EmbeddedPostgres, migrate, startEmbeddedPostgres } from '#postgres';
import { checkHistory } from '../../bench/torture/history.js';
import type { Told } from '../../bench/torture/journal.js';
import { readHistory } from '../../bench/torture/read-history.js';

const DISK = '220m';
const ROOM_BYTES = 4 * 1024 * 1024;
const EVENTS_PER_ITEM = 20;
const ITEMS_MAX = 20_000;

const folder = mkdtempSync(join(tmpdir(), 'kerbtrail-disk-'));
/** Only root may mount, and not in every container. */
const missing = mountSmallDisk();

/** Why there is no small file system in the folder; nothing when there is. */
function mountSmallDisk(): string | undefined {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK},mode=0755`, 'tmpfs', folder], { stdio: 'pipe' });
    return undefined;
  } catch (error) {
    return `not tested: no file system of ${DISK} can be mounted here: ${(error as Error).message.split('\n')[0]}`;
  }
}

afterAll(async () => {
  if (missing === undefined) execFileSync('umount', [folder]);
  await rmdir(folder);
});

const whereMounted = missing === undefined ? describe : describe.skip;
whereMounted(`a full disk ${missing ?? ''}`.trim(), () => {
  const ballast = join(folder, 'ballast');
  const told: Told[] = [];
  let server: EmbeddedPostgres;
  let pool: Pool;
  let store: EventStore;

  const open = async (): Promise<void> => {
    server = await startEmbeddedPostgres({ folder: join(folder, 'postgres') });
    pool = createPool(server.url, { max: 4, applicationName: 'test', asRole: 'none' });
    store = createEventStore({ pool, catalogues: [] });
  };

  beforeAll(async () => {
    await open();
    await migrate(server.url);
  }, 60_000);
  afterAll(async () => {
    await pool.end();
    await server.stop();
  });

  const item = (): AppendItem => {
    const data = { filler: randomUUID().repeat(50) };
    const event = {
      type: 'Filled',
      schemaVersion: 1,
      occurredAt: '2026-11-22T10:00:00Z',
      data,
      metadata: { origin: 'decided' },
    } as const;
    const writes = [
      { stream: `test-${randomUUID()}`, expected: 0, events: Array.from({ length: EVENTS_PER_ITEM }, () => event) },
    ];
    return { id: randomUUID(), digest: Buffer.alloc(32, 1), writes, reply: 'kept' };
  };
  const append = async (one: AppendItem): Promise<void> => {
    const [result] = await store.append([one]);
    if (result!.status !== 'committed' && result!.status !== 'duplicate') throw new Error(JSON.stringify(result));
    told.push({
      lane: 'disk',
      n: told.length,
      id: one.id,
      status: 'committed',
      position: result!.position,
      reply: 'kept',
    });
  };

  it('is told as unavailable; with room again the same request is answered once, and the log is whole', async () => {
    for (let n = 0; n < 20; n++) await append(item());
    const { bavail, bsize } = await statfs(folder);
    writeFileSync(ballast, Buffer.alloc(bavail * bsize - ROOM_BYTES));

    const unanswered = await appendUntilRefused();
    expect(told.length).toBeGreaterThan(20);

    rmSync(ballast);
    // PostgreSQL itself ends when it cannot write its log ahead; whoever owns it starts it again.
    await pool.end();
    await server.stop();
    await open();
    await append(unanswered);
    await append(item());
    const history = await readHistory(pool);
    expect(await checkHistory({ ...history, told })).toEqual([]);
    expect(history.size).toBe(told.length * EVENTS_PER_ITEM);
  }, 120_000);

  /** The request that found no room. */
  async function appendUntilRefused(): Promise<AppendItem> {
    for (let n = 0; n < ITEMS_MAX; n++) {
      const one = item();
      try {
        await append(one);
      } catch (error) {
        if (error instanceof LogUnavailable) return one;
        throw error;
      }
    }
    throw new Error('the disk did not become full');
  }
});
