/**
 * Reads a segment (segment-layout.ts) by single reads at known places, whoever gives its bytes. What opens is a file of the
 * right form; whether its events are the signed ones is judged by whoever recomputes their leaves and the root.
 */
import { decodeEntryBundle } from './entry-bundle.js';
import { HASH_BYTES } from './hash.js';
import {
  decodePointers,
  decodeSegmentHeader,
  POINTER_BYTES,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
} from './segment-layout.js';
import { bucketOf, findStreams, type StreamEvents } from './segment-streams.js';
import { TILE_WIDTH } from './tile.js';

export type SegmentBytes = {
  readonly size: number;
  /** Fewer than `length` bytes only where the file ends. */
  read(at: number, length: number): Promise<Buffer>;
  /** The error that names the file, to be thrown: nothing more of it is read then. */
  altered(what: string, cause?: unknown): Error;
};

const READ_BYTES = 1024 * 1024;

export class Segment {
  private constructor(
    readonly header: SegmentHeader,
    private readonly ends: readonly number[],
    private readonly bytes: SegmentBytes,
  ) {}

  /** Throws what `bytes.altered` gives, as everything here does. */
  static async open(bytes: SegmentBytes): Promise<Segment> {
    const header = decodeSegmentHeader(await bytes.read(0, SEGMENT_HEADER_BYTES));
    if (!header) throw bytes.altered('it does not begin as a segment does');
    if (header.bytes !== bytes.size) throw bytes.altered(`it has ${bytes.size} bytes, not ${header.bytes}`);
    const ends = decodePointers(await readWhole(bytes, header.endsAt, header.bucketsAt - header.endsAt));
    const rise = ends.every((end, n) => end > (n === 0 ? SEGMENT_HEADER_BYTES : ends[n - 1]!));
    if (!rise || ends.at(-1) !== header.leavesAt) throw bytes.altered('its entry bundles do not follow each other');
    return new Segment(header, ends, bytes);
  }

  get lastPosition(): number {
    return this.header.firstPosition + this.header.events - 1;
  }

  /** How many tiles of level 0, and so bundles, it has. */
  get tiles(): number {
    return this.ends.length;
  }

  /** From the n-th bundle on, in order, as many as fit into one read at a time. */
  async *bundles(from = 0): AsyncGenerator<Buffer[]> {
    for (let bundle = from; bundle < this.tiles;) {
      let next = bundle + 1;
      while (next < this.tiles && this.ends[next]! - this.#begin(bundle) <= READ_BYTES) next++;
      const begin = this.#begin(bundle);
      const bytes = await this.#read(begin, this.ends[next - 1]! - begin);
      for (; bundle < next; bundle++) {
        yield this.#decode(bytes.subarray(this.#begin(bundle) - begin, this.ends[bundle]! - begin));
      }
    }
  }

  /** 256 of them, in a file that was written as it must be; one without bytes is withheld. */
  async entries(bundle: number): Promise<Buffer[]> {
    const begin = this.#begin(bundle);
    return this.#decode(await this.#read(begin, this.ends[bundle]! - begin));
  }

  /** The n-th tile of level 0. */
  leaves(tile: number): Promise<Buffer> {
    const bytes = TILE_WIDTH * HASH_BYTES;
    return this.#read(this.header.leavesAt + tile * bytes, bytes);
  }

  /** `index` counts events from 0. */
  leaf(index: number): Promise<Buffer> {
    return this.#read(this.header.leavesAt + index * HASH_BYTES, HASH_BYTES);
  }

  /** What the file says that its tiles' roots are. */
  async nodes(): Promise<Buffer[]> {
    const bytes = await this.#read(this.header.nodesAt, this.tiles * HASH_BYTES);
    return Array.from({ length: this.tiles }, (_, n) => bytes.subarray(n * HASH_BYTES, (n + 1) * HASH_BYTES));
  }

  /** Null when the stream has no event here. */
  async eventsOf(stream: string): Promise<StreamEvents | null> {
    const { buckets, bucketsAt } = this.header;
    const pair = await this.#read(bucketsAt + bucketOf(stream, buckets) * POINTER_BYTES, 2 * POINTER_BYTES);
    const [begin, end] = decodePointers(pair);
    const name = Buffer.from(stream);
    const [found] = await this.#streamsIn(begin!, end!, (other) => name.equals(other));
    return found ?? null;
  }

  /** Reads the directory of streams whole. */
  streamsBeginningWith(prefix: string): Promise<StreamEvents[]> {
    const begin = Buffer.from(prefix);
    const { streamsAt, bytes } = this.header;
    return this.#streamsIn(streamsAt, bytes, (name) => begin.equals(name.subarray(0, begin.length)));
  }

  /** The bytes of one event, where `eventsOf` says. */
  body(at: number, length: number): Promise<Buffer> {
    return this.#read(at, length);
  }

  async #streamsIn(begin: number, end: number, wanted: (name: Buffer) => boolean): Promise<StreamEvents[]> {
    const unreadable = 'its directory of streams cannot be read';
    if (begin > end) throw this.bytes.altered(unreadable);
    const bytes = await this.#read(begin, end - begin);
    try {
      return [...findStreams(bytes, wanted)];
    } catch (cause) {
      throw this.bytes.altered(unreadable, cause);
    }
  }

  #begin(bundle: number): number {
    return bundle === 0 ? SEGMENT_HEADER_BYTES : this.ends[bundle - 1]!;
  }

  #decode(bytes: Buffer): Buffer[] {
    try {
      return decodeEntryBundle(bytes);
    } catch (cause) {
      throw this.bytes.altered('an entry bundle cannot be read', cause);
    }
  }

  #read(at: number, length: number): Promise<Buffer> {
    return readWhole(this.bytes, at, length);
  }
}

async function readWhole(bytes: SegmentBytes, at: number, length: number): Promise<Buffer> {
  const read = await bytes.read(at, length);
  if (read.length !== length) throw bytes.altered(`it ends before byte ${at + length}`);
  return read;
}
