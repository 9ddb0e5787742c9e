/** The log beyond the database: partitions in sealed files, and nothing that a reader or a writer would notice of it. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { subscribe, transact, type EventStore, type RecordedEvent } from '#event-store';
import {
  archivePartitions,
  archiveStream,
  partitionsDue,
  retirementAt,
  retirePartitions,
  type Archived,
} from './archive-log.js';
import { digestOf, openSmallLog, PARTITION, SEGMENT, someEvent, type SmallLog } from './small-log.spec-support.js';

const EVENTS = 1_300;
const ARCHIVED = 2 * PARTITION;

let log: SmallLog;

beforeEach(async () => {
  log = await openSmallLog();
  await log.fill(EVENTS);
  await log.coverAndSeal();
}, 60_000);
afterEach(() => log.close());

async function collect<T>(from: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of from) all.push(one);
  return all;
}

const archive = (): Promise<Archived[]> => collect(archivePartitions(log.ports, 'kim', undefined));
const retire = (): Promise<Archived[]> => collect(retirePartitions(log.ports, 'kim', { position: PARTITION + 1 }));

/** All that there is to read up to the position, by every way of reading. */
async function readings(store: EventStore, upTo = EVENTS): Promise<object> {
  const replayed = (await collect(store.replay({ after: 0, upTo }))).flat();
  const paged: RecordedEvent[] = [];
  for (let after = 0; after < upTo; after = paged.at(-1)!.position) {
    paged.push(...(await store.readAll({ after, limit: 100, upTo })));
  }
  const names = [...new Set(replayed.map((event) => event.stream))];
  const streams = await Promise.all(names.map((stream) => store.readStream(stream)));
  const ends = await Promise.all(names.map((stream) => store.readStream(stream, { fromVersion: 3 })));
  const at = await store.recordsAt([1, 2, 255, 256, 257, 511, 512, 513, 1_024, 1_025, upTo]);
  return { replayed, paged, streams, ends, at };
}

async function detached(): Promise<number[]> {
  const { rows } = await log.database.pool.query<{ first: number }>(
    'SELECT first_position AS first FROM log.event_partition WHERE detached_at IS NOT NULL ORDER BY 1',
  );
  return rows.map(({ first }) => first);
}

describe('archiving', () => {
  it('takes every covered partition out of the database, and every way of reading gives what it gave', async () => {
    const before = await readings(log.another());
    const done = await archive();
    expect(done.map(({ first, last }) => [first, last])).toEqual([[1, PARTITION], [PARTITION + 1, ARCHIVED]]); // prettier-ignore
    const { rows } = await log.database.pool.query('SELECT min(position) AS first FROM log.event_log');
    expect(rows).toEqual([{ first: ARCHIVED + 1 }]);
    expect(await readings(log.another())).toEqual(before);
    expect(await archive()).toEqual([]);
  });

  it('says so in the log: positions, root and the digests of the files', async () => {
    await archive();
    const [event] = await log.store.readStream(archiveStream(1));
    expect(event).toMatchObject({ type: 'PartitionDetached', data: { first: 1, last: PARTITION }, metadata: { actor: 'kim' } }); // prettier-ignore
    const files = event!.data['files'] as { first: number; sha256: string }[];
    expect(files.map(({ first }) => first)).toEqual([1, SEGMENT + 1]);
    const bytes = await readFile(join(log.folder, '000000000000001-1.segment'));
    expect(files[0]!.sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
  });

  it('stops before a position or an instant, and takes nothing that is not covered', async () => {
    const due = async (before?: Parameters<typeof partitionsDue>[1]): Promise<number[]> =>
      (await partitionsDue(log.database.pool, before)).filter((partition) => partition.due).map(({ first }) => first);
    expect(await due()).toEqual([1, PARTITION + 1]);
    expect(await due({ position: PARTITION })).toEqual([]);
    expect(await due({ position: PARTITION + 1 })).toEqual([1]);
    expect(await due({ recordedAt: '2020-01-01T00:00:00Z' })).toEqual([]);
    expect(await due({ recordedAt: '2100-01-01T00:00:00Z' })).toEqual([1, PARTITION + 1]);
    await log.fill(PARTITION);
    expect(await due()).toEqual([1, PARTITION + 1]);
    await expect(log.database.adminPool.query(`SELECT log.detach_partition(${ARCHIVED + 1})`)).rejects.toThrow(
      'an older partition',
    );
  });

  it('is nothing that the program could do with its own role', async () => {
    const asProgram = collect(archivePartitions({ ...log.ports, owner: log.database.pool }, 'kim', undefined));
    await expect(asProgram).rejects.toMatchObject({
      code: 'ES_PARTITION_NOT_YOURS',
      message: expect.stringContaining('KERBTRAIL_MIGRATION_URL'),
    });
    expect(await detached()).toEqual([]);
    // It had been recorded; the next run, with the right role, finishes without recording it again.
    expect(await archive()).toHaveLength(2);
    expect(await log.store.readStream(archiveStream(1))).toHaveLength(1);
  });

  it('refuses a file that was altered and events that the tree does not commit to; a file that is gone it seals again', async () => {
    const path = join(log.folder, '000000000000257-1.segment');
    const bytes = await readFile(path);
    const turned = Buffer.from(bytes);
    turned[2_000]! ^= 1;
    await writeFile(path, turned);
    await expect(archive()).rejects.toMatchObject({ code: 'ES_SEGMENT_ALTERED' });
    await writeFile(path, bytes);
    const { readTile } = log.ports;
    const other = async (tile: Parameters<typeof readTile>[0]): Promise<Uint8Array> =>
      tile.index === 1 ? Buffer.alloc(8_192) : readTile(tile);
    const mismatch = collect(archivePartitions({ ...log.ports, readTile: other }, 'kim', undefined));
    await expect(mismatch).rejects.toMatchObject({ code: 'ES_SEGMENT_MISMATCH', message: expect.stringContaining('257') }); // prettier-ignore
    expect(await detached()).toEqual([]);
    await rm(path);
    expect(await archive()).toHaveLength(2);
    expect(await readFile(path)).toEqual(bytes);
  });

  it.each([
    ['before the event', 'store' as const],
    ['between the event and the detachment', 'owner' as const],
  ])('that breaks off %s is finished by the next run', async (_, lost) => {
    const before = await readings(log.another());
    const broken = new Proxy(log.ports[lost], {
      get: (target, key) => (key === 'append' || key === 'query' ? lose : Reflect.get(target, key).bind(target)),
    });
    await expect(collect(archivePartitions({ ...log.ports, [lost]: broken }, 'kim', undefined))).rejects.toThrow(
      'lost',
    );
    expect(await readings(log.another())).toEqual(before);
    expect(await archive()).toHaveLength(2);
    expect(await log.store.readStream(archiveStream(1))).toHaveLength(1);
    expect(await readings(log.another())).toEqual(before);
  });

  it('that was detached although the answer was lost counts as done', async () => {
    const { owner } = log.ports;
    const deaf = new Proxy(owner, {
      get: (target, key) =>
        key === 'query' ? (...args: [string]) => target.query(...args).then(lose) : Reflect.get(target, key),
    });
    await expect(collect(archivePartitions({ ...log.ports, owner: deaf }, 'kim', undefined))).rejects.toThrow('lost');
    expect(await detached()).toEqual([1]);
    expect((await archive()).map(({ first }) => first)).toEqual([PARTITION + 1]);
  });
});

function lose(): never {
  throw new Error('lost');
}

describe('after archiving', () => {
  beforeEach(async () => void (await archive()));

  it('versions and receipts are what they were', async () => {
    const store = log.another();
    const versions = await store.versions(['account-0', 'exchange-3-1']);
    const write = (expected: number, id: string): Parameters<EventStore['append']>[0][0] => ({
      id,
      digest: digestOf(id),
      writes: [{ stream: 'exchange-3-1', expected, events: [someEvent(1)] }],
    });
    const exact = versions.get('exchange-3-1')!;
    const id = (n: number): string => `10000000-0000-4000-8000-00000000000${n}`;
    expect(await store.append([write(exact - 1, id(1)), write(exact, id(2))])).toMatchObject([
      { status: 'conflict', actual: exact },
      { status: 'committed' },
    ]);
    const old = '00000000-0000-4000-8000-000000000003';
    expect(await store.append([{ id: old, digest: digestOf(old), writes: [] }])).toMatchObject([
      { status: 'duplicate', position: 4 },
    ]);
    const all = await store.readStream('exchange-3-1');
    expect(all.map(({ version }) => version)).toEqual(Array.from({ length: exact + 1 }, (_, n) => n + 1));
  });

  it('a decision loads a stream that is partly or wholly archived', async () => {
    const decided = await transact(
      log.another(),
      { id: '20000000-0000-4000-8000-000000000001', digest: digestOf('decide') },
      async (load) => {
        const [account, exchange] = [await load('account-0'), await load('exchange-3-1')];
        return {
          writes: [{ stream: 'account-0', events: [someEvent(account.length)] }],
          reply: { account: account.length, exchange: exchange.length },
        };
      },
    );
    const versions = await log.store.versions(['account-0', 'exchange-3-1']);
    expect(decided.reply).toEqual({
      account: versions.get('account-0')! - 1,
      exchange: versions.get('exchange-3-1'),
    });
  });

  it('a subscription begins at the first event', async () => {
    const seen: number[] = [];
    const subscription = subscribe({
      store: log.another(),
      pool: log.database.pool,
      name: 'from-the-first',
      pageSize: 100,
      handle: async (_tx, events) => void seen.push(...events.map(({ position }) => position)),
    });
    const head = await log.store.head();
    expect(await subscription.waitFor(head, 10_000)).toBe(head);
    await subscription.stop();
    expect(seen).toEqual(Array.from({ length: head }, (_, n) => n + 1));
  });

  it('a file that is missing or altered is told, and nothing is skipped', async () => {
    const path = join(log.folder, '000000000000257-1.segment');
    await rename(path, `${path}.away`);
    const store = log.another();
    const missing = { code: 'ES_SEGMENT_MISSING', message: expect.stringContaining('000000000000257-1.segment') };
    await expect(collect(store.replay({ after: 0 }))).rejects.toMatchObject(missing);
    await expect(store.readAll({ after: 250, limit: 10 })).rejects.toMatchObject(missing);
    await expect(store.recordsAt([300])).rejects.toMatchObject(missing);
    await expect(store.readStream('account-0')).rejects.toMatchObject(missing);
    await writeFile(path, (await readFile(`${path}.away`)).subarray(1));
    await expect(collect(store.replay({ after: 0 }))).rejects.toMatchObject({ code: 'ES_SEGMENT_ALTERED' });
  });
});

describe('retention', () => {
  it('takes bodies and leaves accounts, versions, leaves and positions', async () => {
    await archive();
    const before = (await collect(log.another().replay({ after: 0 }))).flat();
    const leavesBefore = await log.store.recordsAt([1, 6]);
    expect(await retire()).toEqual([expect.objectContaining({ first: 1, last: PARTITION, events: 409 })]);
    expect(await retire()).toEqual([]);

    const store = log.another();
    const kept = (event: RecordedEvent): boolean => event.position > PARTITION || event.stream.startsWith('account-');
    const after = (await collect(store.replay({ after: 0, upTo: before.length }))).flat();
    expect(after).toEqual(before.filter(kept));
    const paged = await store.readAll({ after: 0, limit: before.length, upTo: before.length });
    expect(paged).toEqual(before.filter(kept));
    expect(await store.recordsAt([1, 2, 6])).toEqual(leavesBefore);
    expect(await store.readStream('account-0')).toEqual(before.filter(({ stream }) => stream === 'account-0'));
    await expect(store.readStream('exchange-3-1')).rejects.toMatchObject({ code: 'ES_EVENTS_WITHHELD' });
    for (const stream of ['exchange-3-1', 'account-0']) {
      const positions = before.filter((event) => event.stream === stream).map(({ position }) => position);
      expect(await store.positionsOf(stream, 1_000)).toEqual(positions);
      expect(await store.positionsOf(stream, 2)).toEqual(positions.slice(0, 2));
    }
    expect(await store.positionsOf('exchange-none', 10)).toEqual([]);
    expect(await retirementAt(log.ports, PARTITION)).toEqual({ first: 1, last: PARTITION });
    expect(await retirementAt(log.ports, PARTITION + 1)).toBeNull();
    expect(await retirementAt(log.ports, ARCHIVED + 1)).toBeNull();
    expect(await readdir(log.folder)).not.toContain('000000000000001-1.segment');

    const [, tombstone] = await store.readStream(archiveStream(1));
    expect(tombstone).toMatchObject({
      type: 'PartitionRetired',
      data: { first: 1, last: PARTITION, events: 409, dropped: ['exchange'], kept: ['account', 'forest', 'name', 'operation'] }, // prettier-ignore
    });
  });

  it('that breaks off at any step is finished by the next run, and recorded once', async () => {
    await archive();
    const old = join(log.folder, '000000000000001-1.segment');
    const whole = await readFile(old);
    let connections = 0;
    const owner = new Proxy(log.ports.owner, {
      get: (target, key) =>
        key === 'connect' ? () => (++connections === 2 ? lose() : target.connect()) : Reflect.get(target, key),
    });
    const broken = collect(retirePartitions({ ...log.ports, owner }, 'kim', { position: PARTITION + 1 }));
    await expect(broken).rejects.toThrow('lost');
    // Recorded, and all bodies still there.
    const all = (await collect(log.another().replay({ after: 0, upTo: EVENTS }))).flat();
    expect(all).toHaveLength(EVENTS);
    expect(await retire()).toHaveLength(1);
    expect(await log.store.readStream(archiveStream(1))).toHaveLength(2);

    // As if it had ended before the old file was removed.
    await writeFile(old, whole);
    expect(await retire()).toEqual([]);
    expect(await readdir(log.folder)).not.toContain('000000000000001-1.segment');
  });

  it('is of detached partitions only, and never of what its role may not', async () => {
    expect(await retire()).toEqual([]);
    await archive();
    const asProgram = collect(retirePartitions({ ...log.ports, owner: log.database.pool }, 'kim', { position: 600 }));
    await expect(asProgram).rejects.toMatchObject({ code: 'ES_PARTITION_NOT_YOURS' });
    const all = (await collect(log.another().replay({ after: 0, upTo: EVENTS }))).flat();
    expect(all).toHaveLength(EVENTS);
    expect(await retire()).toHaveLength(1);
  });
});
