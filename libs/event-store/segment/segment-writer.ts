/** Writes a segment's file (#tlog, segment-layout.ts) event by event, in the memory of its leaves and directory, not of its bodies. */
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  bucketsFor,
  completeRoot,
  encodeEntryBundle,
  encodePointers,
  encodeSegmentHeader,
  encodeStreams,
  type EventPlace,
  HASH_BYTES,
  isSegmentSize,
  POINTER_BYTES,
  SEGMENT_HEADER_BYTES,
  TILE_WIDTH,
} from '#tlog';

/** Before each body in its bundle. */
const LENGTH_BYTES = 2;

export type SegmentEntry = {
  readonly stream: string;
  readonly version: number;
  /** UTF-8; empty: withheld. */
  readonly body: Buffer;
  readonly leaf: Buffer;
};

type Met = { readonly firstVersion: number; readonly events: EventPlace[] };

export class SegmentWriter {
  readonly #leaves: Buffer[] = [];
  readonly #ends: number[] = [];
  readonly #streams = new Map<string, Met>();
  #bundle: Buffer[] = [];
  /** Where the next body's length stands. */
  #at = SEGMENT_HEADER_BYTES;
  /** Where what was not written yet begins. */
  #writtenTo = SEGMENT_HEADER_BYTES;

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
    if (!isSegmentSize(events)) {
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
    const directory = encodeStreams(this.#streams, buckets, streamsAt);
    const tail = Buffer.concat([...this.#leaves, ...nodes, encodePointers(this.#ends), directory]);
    const bytes = leavesAt + tail.length;
    const header = { events, buckets, firstPosition: this.firstPosition, leavesAt, nodesAt, endsAt, bucketsAt, streamsAt, bytes, root }; // prettier-ignore
    await this.file.write(tail, 0, tail.length, leavesAt);
    await this.file.write(encodeSegmentHeader(header), 0, SEGMENT_HEADER_BYTES, 0);
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
