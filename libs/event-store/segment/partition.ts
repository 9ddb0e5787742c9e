/**
 * Partitions of the log on their way out of the database (docs/archive.md): which there are, whether their files are what the
 * evidence log commits to, and the two steps that only the migration role may take.
 */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { DatabaseError, type Pool } from 'pg';
import { setTimeout as delay } from 'node:timers/promises';
import { completeRoot, HASH_BYTES, type TileReader, TILE_WIDTH } from '#tlog';
import { streamCategory } from '../event.js';
import { compareWithTree, fileDigest, sealAgain } from './seal.js';
import { PartitionInUse, PartitionNotYours } from './segment.error.js';
import { SegmentFile, type SegmentRow, segmentPath } from './segment-file.js';
import { SegmentWriter } from './segment-writer.js';

export type Partition = {
  readonly first: number;
  readonly last: number;
  /** `sealing`: not all of it is sealed yet. `uncovered`: no signed checkpoint goes beyond it. `ready`: to be detached. */
  readonly state: 'sealing' | 'uncovered' | 'ready' | 'detached';
  /** Of its last event; null once detached. */
  readonly recordedAt: string | null;
};

export type SealedFile = {
  readonly first: number;
  readonly generation: number;
  readonly bytes: number;
  readonly sha256: string;
};
export type SealedPartition = { readonly root: string; readonly files: SealedFile[] };
export type Retired = SealedPartition & { readonly events: number; readonly dropped: string[] };

/** Retention happens once to a segment. */
const SEALED = 1;
const RETIRED = 2;
const LOCK_NOT_AVAILABLE = '55P03';
const INSUFFICIENT_PRIVILEGE = '42501';
const DETACH_ATTEMPTS = 10;
const DETACH_PAUSE_MS = 500;

/** Of the partitions that are full, in order. */
export async function listPartitions(pool: Pool): Promise<Partition[]> {
  const { rows } = await pool.query<Partition>(
    `SELECT p.first_position AS first, p.last_position AS last, e.recorded_at AS "recordedAt",
            CASE WHEN p.detached_at IS NOT NULL THEN 'detached'
                 WHEN (SELECT coalesce(sum(s.events), 0) FROM log.segment s
                        WHERE s.generation = 1 AND s.first_position BETWEEN p.first_position AND p.last_position)
                      < p.last_position - p.first_position + 1 THEN 'sealing'
                 WHEN NOT EXISTS (SELECT FROM evidence.checkpoint c WHERE c.size > p.last_position) THEN 'uncovered'
                 ELSE 'ready' END AS state
       FROM log.log_head h JOIN log.event_partition p ON p.last_position <= h.size
       LEFT JOIN log.event_log e ON e.position = p.last_position
      ORDER BY p.first_position`,
  );
  return rows;
}

/** First position of the partition that holds this one; null when that is attached, or there is none. */
export async function detachedPartitionAt(pool: Pool, position: number): Promise<number | null> {
  const { rows } = await pool.query<{ first: number }>(
    `SELECT first_position AS first FROM log.event_partition
      WHERE detached_at IS NOT NULL AND $1 BETWEEN first_position AND last_position`,
    [position],
  );
  return rows[0]?.first ?? null;
}

/**
 * Of a partition that is attached. A file that is gone is sealed again. Reads every file of the partition whole: it is the one that was sealed, its bodies have their leaves, and these are the tree's.
 * Throws SegmentAltered, SegmentMismatch.
 */
export async function verifyPartition(options: {
  readonly pool: Pool;
  readonly folder: string;
  readonly first: number;
  readonly readTile: TileReader;
}): Promise<SealedPartition> {
  const { pool, folder, first, readTile } = options;
  const rows = await segmentsOf(pool, first);
  for (const row of rows) {
    const path = pathOf(folder, row);
    const { firstPosition, events } = row;
    if (!existsSync(path)) await sealAgain({ pool, path, first: firstPosition, size: events, readTile });
    const file = await SegmentFile.open(path, row);
    try {
      await file.verify(row.digest);
      await compareWithTree(await leavesOf(file, row.events), row.firstPosition, readTile);
    } finally {
      await file.close();
    }
  }
  return { root: rootOf(rows), files: rows.map(described) };
}

/**
 * Takes the partition out of the database. `owner` works as the migration role. Throws PartitionNotYours for any other role,
 * PartitionInUse when readers do not let go of it, and what log.detach_partition raises.
 */
export async function detachPartition(owner: Pool, first: number): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await owner.query('SELECT log.detach_partition($1)', [first]);
      return;
    } catch (error) {
      const code = error instanceof DatabaseError ? error.code : undefined;
      if (code === INSUFFICIENT_PRIVILEGE) throw new PartitionNotYours(error);
      if (code !== LOCK_NOT_AVAILABLE) throw error;
      if (attempt === DETACH_ATTEMPTS) throw new PartitionInUse(first, error);
      await delay(DETACH_PAUSE_MS);
    }
  }
}

/**
 * Writes the files of a detached partition once more, without the bodies of categories that are not kept; the files with them stay
 * until `replaceSegments`. Does it again, to the same bytes, when it was done before.
 */
export async function withholdBodies(options: {
  readonly pool: Pool;
  readonly folder: string;
  readonly first: number;
  readonly kept: ReadonlySet<string>;
}): Promise<Retired> {
  const { pool, folder, first, kept } = options;
  const rows = await segmentsOf(pool, first);
  const dropped = new Set<string>();
  const files: SealedFile[] = [];
  let events = 0;
  for (const row of rows.filter(({ generation }) => generation === SEALED)) {
    const path = segmentPath(folder, row.firstPosition, RETIRED);
    const { bytes, withheld } = await rewrite(pathOf(folder, row), path, row, kept);
    const sha256 = (await fileDigest(path, bytes)).toString('hex');
    files.push({ first: row.firstPosition, generation: RETIRED, bytes, sha256 });
    for (const [category, count] of withheld) {
      dropped.add(category);
      events += count;
    }
  }
  return { root: rootOf(rows), files, events, dropped: [...dropped].toSorted() };
}

/** From here on the new files are the ones to read. Throws as `detachPartition`. */
export async function replaceSegments(owner: Pool, files: readonly SealedFile[]): Promise<void> {
  const client = await owner.connect();
  try {
    await client.query('BEGIN');
    for (const { first, generation, bytes, sha256 } of files) {
      await client.query('SELECT log.replace_segment($1, $2::smallint, $3, $4)', [first, generation, bytes, Buffer.from(sha256, 'hex')]); // prettier-ignore
    }
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    if (error instanceof DatabaseError && error.code === INSUFFICIENT_PRIVILEGE) throw new PartitionNotYours(error);
    throw error;
  } finally {
    client.release();
  }
}

/** Removes the files that `replaceSegments` has put others in the place of, where they still are. */
export async function removeReplaced(pool: Pool, folder: string, first: number): Promise<void> {
  for (const { firstPosition, generation } of await segmentsOf(pool, first)) {
    if (generation === RETIRED) await rm(segmentPath(folder, firstPosition, SEALED), { force: true });
  }
}

async function segmentsOf(pool: Pool, first: number): Promise<SegmentRow[]> {
  const { rows } = await pool.query<SegmentRow>(
    `SELECT DISTINCT ON (s.first_position) s.first_position AS "firstPosition", s.generation, s.events, s.bytes, s.digest, s.root
       FROM log.event_partition p JOIN log.segment s ON s.first_position BETWEEN p.first_position AND p.last_position
      WHERE p.first_position = $1 ORDER BY s.first_position, s.generation DESC`,
    [first],
  );
  return rows;
}

/** How many events of which category are withheld. */
async function rewrite(
  from: string,
  to: string,
  row: SegmentRow,
  kept: ReadonlySet<string>,
): Promise<{ readonly bytes: number; readonly withheld: ReadonlyMap<string, number> }> {
  const withheld = new Map<string, number>();
  const file = await SegmentFile.open(from, row);
  const writer = await SegmentWriter.create(to, row.firstPosition);
  try {
    const leaves = await leavesOf(file, row.events);
    for await (const records of file.records(row.firstPosition)) {
      for (const { position, body } of records) {
        const { stream, version } = JSON.parse(body!) as { stream: string; version: number };
        const category = streamCategory(stream);
        const keep = kept.has(category);
        if (!keep) withheld.set(category, (withheld.get(category) ?? 0) + 1);
        const leaf = leaves[position - row.firstPosition]!;
        await writer.add({ stream, version, body: keep ? Buffer.from(body!) : Buffer.alloc(0), leaf });
      }
    }
    const { bytes } = await writer.finish();
    return { bytes, withheld };
  } catch (error) {
    await writer.abandon();
    throw error;
  } finally {
    await file.close();
  }
}

async function leavesOf(file: SegmentFile, events: number): Promise<Buffer[]> {
  const leaves: Buffer[] = [];
  for (let tile = 0; tile < events / TILE_WIDTH; tile++) {
    const bytes = await file.leavesOfTile(tile);
    for (let n = 0; n < TILE_WIDTH; n++) leaves.push(bytes.subarray(n * HASH_BYTES, (n + 1) * HASH_BYTES));
  }
  return leaves;
}

/** A partition is a subtree of its own: its size is a power of two, and it begins at a multiple of it. */
function rootOf(rows: readonly SegmentRow[]): string {
  return completeRoot(rows.map(({ root }) => root)).toString('hex');
}

function pathOf(folder: string, { firstPosition, generation }: SegmentRow): string {
  return segmentPath(folder, firstPosition, generation);
}

function described({ firstPosition, generation, bytes, digest }: SegmentRow): SealedFile {
  return { first: firstPosition, generation, bytes, sha256: digest.toString('hex') };
}
