/**
 * A segment's file (#tlog, segment-layout.ts) as the log reads it. Opening compares header and size with what log.segment
 * says; the bodies are judged by `verify`, and by whoever recomputes their leaves.
 */
import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { completeRoot, HASH_BYTES, leafHash, sameHash, Segment, segmentName, TILE_WIDTH } from '#tlog';
import type { LogRecord } from '../event-decoder.js';
import { SegmentAltered, SegmentMissing } from './segment.error.js';

/** What the database knows of the file. */
export type SegmentRow = {
  readonly firstPosition: number;
  readonly generation: number;
  readonly events: number;
  readonly bytes: number;
  readonly digest: Buffer;
  readonly root: Buffer;
};

/** `body` is null where it is withheld. */
export type StoredRecord = { readonly position: number; readonly body: string | null };
export type StreamPlace = {
  readonly version: number;
  readonly position: number;
  readonly at: number;
  readonly length: number;
};

const READ_BYTES = 1024 * 1024;

export function segmentPath(folder: string, firstPosition: number, generation: number): string {
  return join(folder, segmentName({ firstPosition, generation }));
}

export class SegmentFile {
  private constructor(
    readonly path: string,
    private readonly file: FileHandle,
    private readonly segment: Segment,
  ) {}

  /** Throws SegmentMissing, SegmentAltered. The caller closes it. */
  static async open(path: string, row: SegmentRow): Promise<SegmentFile> {
    const file = await open(path, 'r').catch((cause: unknown) => {
      throw new SegmentMissing(`the event at position ${row.firstPosition}`, path, cause);
    });
    try {
      const altered = (what: string, cause?: unknown) => new SegmentAltered(path, what, cause);
      const { size } = await file.stat();
      const segment = await Segment.open({ size, read: (at, length) => readAt(file, at, length), altered });
      if (size !== row.bytes) throw altered(`it has ${size} bytes, not ${row.bytes}`);
      const { firstPosition, events, root } = segment.header;
      if (firstPosition !== row.firstPosition || events !== row.events || !sameHash(root, row.root)) {
        throw altered('it is the file of other events');
      }
      return new SegmentFile(path, file, segment);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  close(): Promise<void> {
    return this.file.close();
  }

  get lastPosition(): number {
    return this.segment.lastPosition;
  }

  /** All of them from `from` on, in order, a bundle of 256 at a time. */
  async *records(from: number): AsyncGenerator<readonly StoredRecord[]> {
    const { firstPosition } = this.segment.header;
    const bundle = Math.floor((from - firstPosition) / TILE_WIDTH);
    let first = firstPosition + bundle * TILE_WIDTH;
    for await (const entries of this.segment.bundles(bundle)) {
      const records = this.#whole(entries).map((entry, n) => toRecord(first + n, entry));
      yield records.slice(Math.max(0, from - first));
      first += TILE_WIDTH;
    }
  }

  /** Ascending positions of this segment, with their leaves. */
  async at(positions: readonly number[]): Promise<(StoredRecord & { readonly leaf: string })[]> {
    const { firstPosition } = this.segment.header;
    const found = [];
    for (const position of positions) {
      const index = position - firstPosition;
      const entries = this.#whole(await this.segment.entries(Math.floor(index / TILE_WIDTH)));
      const leaf = await this.segment.leaf(index);
      found.push({ ...toRecord(position, entries[index % TILE_WIDTH]!), leaf: leaf.toString('hex') });
    }
    return found;
  }

  /** Where this stream's events stand, in order; none when it has none here. */
  async placesOf(stream: string): Promise<StreamPlace[]> {
    const found = await this.segment.eventsOf(stream);
    if (!found) return [];
    const { firstPosition } = this.segment.header;
    return found.events.map(({ index, at, length }, n) => ({
      version: found.firstVersion + n,
      position: firstPosition + index,
      at,
      length,
    }));
  }

  async bodyAt({ position, at, length }: StreamPlace): Promise<LogRecord & { readonly leaf: string }> {
    const body = (await this.segment.body(at, length)).toString('utf8');
    const leaf = await this.segment.leaf(position - this.segment.header.firstPosition);
    return { position, body, leaf: leaf.toString('hex') };
  }

  /** `index` counts the segment's tiles of level 0. */
  leavesOfTile(index: number): Promise<Buffer> {
    return this.segment.leaves(index);
  }

  /**
   * That the file is the one that was sealed, to the last byte (`digest`), that every body has its leaf, and that the leaves
   * have the root. Throws SegmentAltered.
   */
  async verify(digest: Buffer): Promise<void> {
    const { firstPosition, root, bytes } = this.segment.header;
    if (!digest.equals(await digestOf(this.file, bytes)))
      throw new SegmentAltered(this.path, 'its SHA-256 is another one');
    const nodes: Buffer[] = [];
    for await (const records of this.records(firstPosition)) {
      const tile = await this.leavesOfTile(nodes.length);
      const leaves = records.map((_, n) => tile.subarray(n * HASH_BYTES, (n + 1) * HASH_BYTES));
      const wrong = records.findIndex(({ body }, n) => body !== null && !sameHash(leafHash(body), leaves[n]!));
      if (wrong >= 0)
        throw new SegmentAltered(this.path, `the event at position ${records[wrong]!.position} does not have its leaf`);
      nodes.push(completeRoot(leaves));
    }
    if (!sameHash(completeRoot(nodes), root)) throw new SegmentAltered(this.path, 'its leaves do not have its root');
  }

  #whole(entries: Buffer[]): Buffer[] {
    if (entries.length === TILE_WIDTH) return entries;
    throw new SegmentAltered(this.path, 'an entry bundle has not 256 entries');
  }
}

/** SHA-256 over the whole file. */
export async function digestOf(file: FileHandle, bytes: number): Promise<Buffer> {
  const digest = createHash('sha256');
  for (let at = 0; at < bytes; at += READ_BYTES)
    digest.update(await readAt(file, at, Math.min(READ_BYTES, bytes - at)));
  return digest.digest();
}

async function readAt(file: FileHandle, at: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, at);
  return buffer.subarray(0, bytesRead);
}

function toRecord(position: number, entry: Buffer): StoredRecord {
  return { position, body: entry.length === 0 ? null : entry.toString('utf8') };
}
