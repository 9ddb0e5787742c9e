/** Writes a segment's file (segment-layout.ts) event by event, in the memory of its leaves and directory, not of its bodies. */
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { completeRoot, encodeEntryBundle, HASH_BYTES, TILE_WIDTH } from '#tlog';
import {
  bucketOf,
  bucketsFor,
  encodeHeader,
  EVENT_BYTES,
  HEADER_BYTES,
  LENGTH_BYTES,
  POINTER_BYTES,
} from './segment-layout.js';

export type SegmentEntry = {
  readonly stream: string;
  readonly version: number;
  /** UTF-8; empty: withheld. */
  readonly body: Buffer;
  readonly leaf: Buffer;
};

type StreamEvents = { readonly firstVersion: number; readonly events: { index: number; at: number; length: number }[] };

export class SegmentWriter {
  readonly #leaves: Buffer[] = [];
  readonly #ends: number[] = [];
  readonly #streams = new Map<string, StreamEvents>();
  #bundle: Buffer[] = [];
  /** Where the next body's length stands. */
  #at = HEADER_BYTES;
  /** Where what was not written yet begins. */
  #writtenTo = HEADER_BYTES;

  private constructor(
    private readonly file: FileHandle,
    private readonly path: string,
    private readonly firstPosition: number,
  ) {}

  /** Nothing is at `path` before `finish` has ended; a draft stands beside it, from which another attempt starts anew. */
  static async create(path: string, firstPosition: number): Promise<SegmentWriter> {
    return new SegmentWriter(await open(draftOf(path), 'w', 0o640), path, firstPosition);
  }

  async add({ stream, version, body, leaf }: SegmentEntry): Promise<void> {
    const known = this.#streams.get(stream) ?? { firstVersion: version, events: [] };
    this.#streams.set(stream, known);
    known.events.push({ index: this.#leaves.length, at: this.#at + LENGTH_BYTES, length: body.length });
    this.#leaves.push(leaf);
    this.#bundle.push(body);
    this.#at += LENGTH_BYTES + body.length;
    if (this.#bundle.length === TILE_WIDTH) await this.#endBundle();
  }

  /** The leaves, for whoever compares them with the tree's before the file is finished. */
  leaves(): readonly Buffer[] {
    return this.#leaves;
  }

  /** Durable on return, under its name. Throws RangeError unless the events are 256 times a power of two. */
  async finish(): Promise<{ readonly bytes: number; readonly root: Buffer }> {
    const events = this.#leaves.length;
    if (this.#bundle.length > 0 || events === 0 || !Number.isInteger(Math.log2(events))) {
      throw new RangeError(`a segment of ${events} events: 256 times a power of two are needed`);
    }
    const nodes = this.#ends.map((_, n) => completeRoot(this.#leaves.slice(n * TILE_WIDTH, (n + 1) * TILE_WIDTH)));
    const root = completeRoot(nodes);
    const leavesAt = this.#at;
    const nodesAt = leavesAt + events * HASH_BYTES;
    const endsAt = nodesAt + nodes.length * HASH_BYTES;
    const bucketsAt = endsAt + nodes.length * POINTER_BYTES;
    const buckets = bucketsFor(this.#streams.size);
    const streamsAt = bucketsAt + (buckets + 1) * POINTER_BYTES;
    const directory = encodeDirectory(this.#streams, buckets, streamsAt);
    const tail = Buffer.concat([...this.#leaves, ...nodes, pointers(this.#ends), directory]);
    const bytes = leavesAt + tail.length;
    const header = { events, buckets, firstPosition: this.firstPosition, leavesAt, nodesAt, endsAt, bucketsAt, streamsAt, bytes, root }; // prettier-ignore
    await this.file.write(tail, 0, tail.length, leavesAt);
    await this.file.write(encodeHeader(header), 0, HEADER_BYTES, 0);
    await this.file.sync();
    await this.file.close();
    await rename(draftOf(this.path), this.path);
    await syncFolder(dirname(this.path));
    return { bytes, root };
  }

  async abandon(): Promise<void> {
    await this.file.close();
    await rm(draftOf(this.path), { force: true });
  }

  async #endBundle(): Promise<void> {
    const bytes = encodeEntryBundle(this.#bundle);
    await this.file.write(bytes, 0, bytes.length, this.#writtenTo);
    this.#bundle = [];
    this.#writtenTo = this.#at;
    this.#ends.push(this.#at);
  }
}

function draftOf(path: string): string {
  return `${path}.draft`;
}

/** A rename is durable when its folder is. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  await folder.sync().finally(() => folder.close());
}

/** Buckets and streams. */
function encodeDirectory(streams: ReadonlyMap<string, StreamEvents>, buckets: number, streamsAt: number): Buffer {
  const records: Buffer[][] = Array.from({ length: buckets }, () => []);
  for (const [stream, events] of streams) records[bucketOf(stream, buckets)]!.push(encodeStream(stream, events));
  const contents = records.map((bucket) => Buffer.concat(bucket));
  let at = streamsAt;
  const begins = [at, ...contents.map((content) => (at += content.length))];
  return Buffer.concat([pointers(begins), ...contents]);
}

function encodeStream(stream: string, { firstVersion, events }: StreamEvents): Buffer {
  const name = Buffer.from(stream);
  const bytes = Buffer.allocUnsafe(LENGTH_BYTES + name.length + 2 * POINTER_BYTES + events.length * EVENT_BYTES);
  let offset = bytes.writeUInt16BE(name.length);
  offset += name.copy(bytes, offset);
  offset = bytes.writeUInt32BE(firstVersion, offset);
  offset = bytes.writeUInt32BE(events.length, offset);
  for (const { index, at, length } of events) {
    offset = bytes.writeUInt32BE(index, offset);
    offset = bytes.writeUInt32BE(at, offset);
    offset = bytes.writeUInt16BE(length, offset);
  }
  return bytes;
}

function pointers(places: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(places.length * POINTER_BYTES);
  places.forEach((place, n) => bytes.writeUInt32BE(place, n * POINTER_BYTES));
  return bytes;
}
