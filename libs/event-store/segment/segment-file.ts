/**
 * Reads a segment's file (segment-layout.ts) by single reads at known places. Opening compares header and size with what
 * log.segment says; the bodies are judged by `verify`, and by whoever recomputes their leaves.
 */
import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { completeRoot, decodeEntryBundle, HASH_BYTES, leafHash, sameHash, TILE_WIDTH } from '#tlog';
import type { LogRecord } from '../event-decoder.js';
import { SegmentAltered, SegmentMissing } from './segment.error.js';
import {
  bucketOf,
  decodeHeader,
  EVENT_BYTES,
  HEADER_BYTES,
  LENGTH_BYTES,
  POINTER_BYTES,
  type SegmentHeader,
} from './segment-layout.js';

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

export class SegmentFile {
  private constructor(
    readonly path: string,
    private readonly file: FileHandle,
    private readonly header: SegmentHeader,
    private readonly ends: readonly number[],
  ) {}

  /** Throws SegmentMissing, SegmentAltered. The caller closes it. */
  static async open(path: string, row: SegmentRow): Promise<SegmentFile> {
    const file = await open(path, 'r').catch((cause: unknown) => {
      throw new SegmentMissing(`the event at position ${row.firstPosition}`, path, cause);
    });
    try {
      const header = decodeHeader(await readAt(file, 0, HEADER_BYTES));
      const { size } = await file.stat();
      if (!header) throw new SegmentAltered(path, 'it does not begin as a segment does');
      if (size !== row.bytes || header.bytes !== size)
        throw new SegmentAltered(path, `it has ${size} bytes, not ${row.bytes}`);
      if (
        header.firstPosition !== row.firstPosition ||
        header.events !== row.events ||
        !sameHash(header.root, row.root)
      ) {
        throw new SegmentAltered(path, 'it is the file of other events');
      }
      const ends = await readAt(file, header.endsAt, header.bucketsAt - header.endsAt);
      return new SegmentFile(path, file, header, readPointers(ends));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  close(): Promise<void> {
    return this.file.close();
  }

  get lastPosition(): number {
    return this.header.firstPosition + this.header.events - 1;
  }

  /** All of them from `from` on, in order, a bundle of 256 at a time. */
  async *records(from: number): AsyncGenerator<readonly StoredRecord[]> {
    const { firstPosition } = this.header;
    for (let bundle = Math.floor((from - firstPosition) / TILE_WIDTH); bundle < this.ends.length;) {
      // As many bundles as fit into one read; at least one.
      let next = bundle + 1;
      while (next < this.ends.length && this.ends[next]! - this.#begin(bundle) <= READ_BYTES) next++;
      const begin = this.#begin(bundle);
      const bytes = await this.#read(begin, this.ends[next - 1]! - begin);
      for (; bundle < next; bundle++) {
        const entries = this.#decode(bytes.subarray(this.#begin(bundle) - begin, this.ends[bundle]! - begin));
        const first = firstPosition + bundle * TILE_WIDTH;
        yield entries.map((entry, n) => toRecord(first + n, entry)).slice(Math.max(0, from - first));
      }
    }
  }

  /** Ascending positions of this segment, with their leaves. */
  async at(positions: readonly number[]): Promise<(StoredRecord & { readonly leaf: string })[]> {
    const { firstPosition, leavesAt } = this.header;
    const found = [];
    for (const position of positions) {
      const index = position - firstPosition;
      const bundle = Math.floor(index / TILE_WIDTH);
      const begin = this.#begin(bundle);
      const entries = this.#decode(await this.#read(begin, this.ends[bundle]! - begin));
      const leaf = await this.#read(leavesAt + index * HASH_BYTES, HASH_BYTES);
      found.push({ ...toRecord(position, entries[index % TILE_WIDTH]!), leaf: leaf.toString('hex') });
    }
    return found;
  }

  /** Where this stream's events stand, in order; none when it has none here. */
  async placesOf(stream: string): Promise<StreamPlace[]> {
    const { buckets, bucketsAt, firstPosition } = this.header;
    const pair = await this.#read(bucketsAt + bucketOf(stream, buckets) * POINTER_BYTES, 2 * POINTER_BYTES);
    const [begin, end] = readPointers(pair);
    if (begin! > end!) throw new SegmentAltered(this.path, 'its directory of streams cannot be read');
    const bytes = await this.#read(begin!, end! - begin!);
    try {
      return findStream(bytes, Buffer.from(stream), firstPosition);
    } catch (cause) {
      throw new SegmentAltered(this.path, 'its directory of streams cannot be read', cause);
    }
  }

  async bodyAt({ position, at, length }: StreamPlace): Promise<LogRecord & { readonly leaf: string }> {
    const { firstPosition, leavesAt } = this.header;
    const body = (await this.#read(at, length)).toString('utf8');
    const leaf = await this.#read(leavesAt + (position - firstPosition) * HASH_BYTES, HASH_BYTES);
    return { position, body, leaf: leaf.toString('hex') };
  }

  /** `index` counts the segment's tiles of level 0. */
  leavesOfTile(index: number): Promise<Buffer> {
    const bytes = TILE_WIDTH * HASH_BYTES;
    return this.#read(this.header.leavesAt + index * bytes, bytes);
  }

  /**
   * That the file is the one that was sealed, to the last byte (`digest`), that every body has its leaf, and that the leaves
   * have the root. Throws SegmentAltered.
   */
  async verify(digest: Buffer): Promise<void> {
    if (!digest.equals(await digestOf(this.file, this.header.bytes)))
      throw new SegmentAltered(this.path, 'its SHA-256 is another one');
    const { firstPosition, root } = this.header;
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

  #begin(bundle: number): number {
    return bundle === 0 ? HEADER_BYTES : this.ends[bundle - 1]!;
  }

  #decode(bytes: Buffer): Buffer[] {
    try {
      const entries = decodeEntryBundle(bytes);
      if (entries.length === TILE_WIDTH) return entries;
    } catch (cause) {
      throw new SegmentAltered(this.path, 'an entry bundle cannot be read', cause);
    }
    throw new SegmentAltered(this.path, 'an entry bundle has not 256 entries');
  }

  async #read(at: number, length: number): Promise<Buffer> {
    const bytes = await readAt(this.file, at, length);
    if (bytes.length !== length) throw new SegmentAltered(this.path, `it ends before byte ${at + length}`);
    return bytes;
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

/** In one bucket. Throws RangeError where it ends too early. */
function findStream(bucket: Buffer, name: Buffer, firstPosition: number): StreamPlace[] {
  for (let offset = 0; offset < bucket.length;) {
    const nameEnd = offset + LENGTH_BYTES + bucket.readUInt16BE(offset);
    const version = bucket.readUInt32BE(nameEnd);
    const count = bucket.readUInt32BE(nameEnd + POINTER_BYTES);
    const events = nameEnd + 2 * POINTER_BYTES;
    if (name.equals(bucket.subarray(offset + LENGTH_BYTES, nameEnd))) {
      return Array.from({ length: count }, (_, n) => {
        const event = events + n * EVENT_BYTES;
        const position = firstPosition + bucket.readUInt32BE(event);
        const at = bucket.readUInt32BE(event + POINTER_BYTES);
        return { version: version + n, position, at, length: bucket.readUInt16BE(event + 2 * POINTER_BYTES) };
      });
    }
    offset = events + count * EVENT_BYTES;
  }
  return [];
}

function readPointers(bytes: Buffer): number[] {
  return Array.from({ length: bytes.length / POINTER_BYTES }, (_, n) => bytes.readUInt32BE(n * POINTER_BYTES));
}

function toRecord(position: number, entry: Buffer): StoredRecord {
  return { position, body: entry.length === 0 ? null : entry.toString('utf8') };
}
