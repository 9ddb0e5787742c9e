/**
 * Sealing (event-store design §5.3): events that a signed checkpoint covers are written into segment files, behind the evidence
 * and beside the table. What is sealed has been hashed anew from its bytes and compared with the tree's tiles.
 *
 * Each step may fail, before or after it took effect, and the next run goes on from what is there:
 *   file written, not recorded     the same bytes are written again under the same name
 *   recorded, the answer lost      recording the same digest again changes nothing
 */
import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Pool } from 'pg';
import { HASH_BYTES, leafHash, TILE_WIDTH, type TileReader } from '#tlog';
import type { LogRecord } from '../event-decoder.js';
import { readTable } from '../replay.js';
import { SegmentMismatch } from './segment.error.js';
import { digestOf, segmentPath } from './segment-file.js';
import { SegmentWriter } from './segment-writer.js';

export type SealOptions = {
  readonly pool: Pool;
  readonly folder: string;
  /** Size of a signed checkpoint: no later event is sealed. */
  readonly coveredTo: number;
  /** Of the evidence log. */
  readonly readTile: TileReader;
  readonly log?: (message: string) => void;
  /** Ends after the segment at hand. */
  readonly signal?: AbortSignal;
};

const FIRST_GENERATION = 1;

/**
 * Seals every segment that is covered and not sealed yet, in order; gives how many. One process at a time: 0 while another
 * does it. Throws SegmentMismatch where table and tree
 * differ, LogUnavailable, and what the file system throws: what was sealed before stays.
 */
export async function sealSegments(options: SealOptions): Promise<number> {
  const client = await options.pool.connect();
  let locked = false;
  try {
    const { rows } = await client.query<{ locked: boolean }>(
      `SELECT pg_try_advisory_lock(hashtextextended('log.segment', 0)) AS locked`,
    );
    locked = rows[0]!.locked;
    return locked ? await sealCovered(options) : 0;
  } finally {
    client.release(locked); // ending the session gives the lock back
  }
}

async function sealCovered({
  pool,
  folder,
  coveredTo,
  readTile,
  log = () => {},
  signal,
}: SealOptions): Promise<number> {
  const { rows } = await pool.query<{ size: number; next: number }>(
    `SELECT log.segment_size() AS size, coalesce(max(first_position + events), 1) AS next FROM log.segment`,
  );
  const { size, next } = rows[0]!;
  if (next + size - 1 > coveredTo) return 0;
  await mkdir(folder, { recursive: true });
  let sealed = 0;
  for (let first = next; first + size - 1 <= coveredTo; first += size) {
    if (signal?.aborted) break;
    const path = segmentPath(folder, first, FIRST_GENERATION);
    const { bytes, root } = await writeSegment({ pool, path, first, size, readTile });
    const digest = await fileDigest(path, bytes);
    await pool.query('SELECT log.record_segment($1, $2, $3, $4)', [first, bytes, digest, root]);
    log(`sealed events ${first} to ${first + size - 1} into ${path}`);
    sealed += 1;
  }
  return sealed;
}

/** As it is on the disk, which is not what was meant to be written until it was read again. */
export async function fileDigest(path: string, bytes: number): Promise<Buffer> {
  const file = await open(path, 'r');
  return digestOf(file, bytes).finally(() => file.close());
}

/** The file of a segment whose partition is attached, made anew where it is gone; what it must be, the caller checks. */
export async function sealAgain(wanted: Wanted): Promise<void> {
  await mkdir(dirname(wanted.path), { recursive: true });
  await writeSegment(wanted);
}

type Wanted = {
  readonly pool: Pool;
  readonly path: string;
  readonly first: number;
  readonly size: number;
  readonly readTile: TileReader;
};

async function writeSegment({ pool, path, first, size, readTile }: Wanted): Promise<{ bytes: number; root: Buffer }> {
  const writer = await SegmentWriter.create(path, first);
  try {
    for await (const page of readTable(pool, { after: first - 1, upTo: first + size - 1 })) {
      for (const record of page) await writer.add(toEntry(record));
    }
    await compareWithTree(writer.leaves(), first, readTile);
    return await writer.finish();
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}

function toEntry({ body }: LogRecord): Parameters<SegmentWriter['add']>[0] {
  const { stream, version } = JSON.parse(body) as { stream: string; version: number };
  const bytes = Buffer.from(body);
  return { stream, version, body: bytes, leaf: leafHash(bytes) };
}

/** `first` is where a tile begins. Throws SegmentMismatch with the first position that differs. */
export async function compareWithTree(leaves: readonly Buffer[], first: number, readTile: TileReader): Promise<void> {
  for (let n = 0; n < leaves.length; n += TILE_WIDTH) {
    const tile = await readTile({ level: 0, index: (first - 1 + n) / TILE_WIDTH, width: TILE_WIDTH });
    const ours = leaves.slice(n, n + TILE_WIDTH);
    const wrong = ours.findIndex((leaf, i) => !leaf.equals(tile.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES)));
    if (wrong >= 0) throw new SegmentMismatch(first + n + wrong);
  }
}
