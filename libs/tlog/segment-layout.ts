/**
 * A segment's file, `<first position, 15 digits>-<generation>.segment`: events that are final, with the tree over them, and
 * where each stream's are. It depends on the events alone, so sealing them again makes the same bytes. Big-endian throughout.
 *
 *   header   80 bytes   "KTSEGM01", u32 n, u32 buckets B, u64 first position, u32 where leaves, nodes, bundle ends, buckets
 *                       and streams begin, u32 file size (all from the file's start), 32 bytes root over the n leaves
 *   bundles             n / 256 entry bundles (C2SP tlog-tiles): 256 x (u16 length, body in UTF-8); length 0: withheld
 *   leaves   n x 32     the n / 256 tiles of level 0
 *   nodes    n/256 x 32 their roots: the tile of level 1 (the whole of it when n = 65,536)
 *   ends     n/256 x 4  where each bundle ends
 *   buckets  (B+1) x 4  where each bucket of streams begins, and the last one ends
 *   streams             by bucket (segment-streams.ts)
 */
import { HASH_BYTES } from './hash.js';
import { TILE_WIDTH } from './tile.js';

export const SEGMENT_HEADER_BYTES = 80;
export const POINTER_BYTES = 4;
const LENGTH_BYTES = 2;
const MAGIC = 'KTSEGM01';

export type SegmentHeader = {
  readonly events: number;
  readonly buckets: number;
  readonly firstPosition: number;
  readonly leavesAt: number;
  readonly nodesAt: number;
  readonly endsAt: number;
  readonly bucketsAt: number;
  readonly streamsAt: number;
  readonly bytes: number;
  readonly root: Buffer;
};

/** A segment is sealed as generation 1; retention writes it once more, without bodies, as generation 2. */
export type SegmentName = { readonly firstPosition: number; readonly generation: number };

export function segmentName({ firstPosition, generation }: SegmentName): string {
  return `${String(firstPosition).padStart(15, '0')}-${generation}.segment`;
}

/** Null for every name that `segmentName` does not give. */
export function parseSegmentName(name: string): SegmentName | null {
  const [, position = '', generation = ''] = /^(\d{15})-([1-9]\d{0,3})\.segment$/.exec(name) ?? [];
  return Number(position) > 0 ? { firstPosition: Number(position), generation: Number(generation) } : null;
}

export function encodeSegmentHeader(header: SegmentHeader): Buffer {
  const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES);
  bytes.write(MAGIC, 'latin1');
  const { events, buckets, firstPosition, leavesAt, nodesAt, endsAt, bucketsAt, streamsAt } = header;
  bytes.writeUInt32BE(events, 8);
  bytes.writeUInt32BE(buckets, 12);
  bytes.writeBigUInt64BE(BigInt(firstPosition), 16);
  [leavesAt, nodesAt, endsAt, bucketsAt, streamsAt, header.bytes].forEach((at, n) =>
    bytes.writeUInt32BE(at, 24 + 4 * n),
  );
  header.root.copy(bytes, 48);
  return bytes;
}

/** Null when it is no header of this format, or its parts do not fit together. */
export function decodeSegmentHeader(bytes: Buffer): SegmentHeader | null {
  if (bytes.length !== SEGMENT_HEADER_BYTES || bytes.toString('latin1', 0, 8) !== MAGIC) return null;
  const at = (n: number): number => bytes.readUInt32BE(24 + 4 * n);
  const header = {
    events: bytes.readUInt32BE(8),
    buckets: bytes.readUInt32BE(12),
    firstPosition: Number(bytes.readBigUInt64BE(16)),
    leavesAt: at(0),
    nodesAt: at(1),
    endsAt: at(2),
    bucketsAt: at(3),
    streamsAt: at(4),
    bytes: at(5),
    root: bytes.subarray(48, 48 + HASH_BYTES),
  };
  return fits(header) ? header : null;
}

/** A segment is a complete subtree: 256 times a power of two events, from a multiple of so many on. */
export function isSegmentSize(events: number): boolean {
  return events >= TILE_WIDTH && Number.isInteger(Math.log2(events));
}

function fits(header: SegmentHeader): boolean {
  const { events, buckets, firstPosition, leavesAt, nodesAt, endsAt, bucketsAt, streamsAt, bytes } = header;
  const bundles = events / TILE_WIDTH;
  return (
    isSegmentSize(events) &&
    (firstPosition - 1) % events === 0 &&
    buckets >= 1 &&
    leavesAt >= SEGMENT_HEADER_BYTES + events * LENGTH_BYTES &&
    nodesAt === leavesAt + events * HASH_BYTES &&
    endsAt === nodesAt + bundles * HASH_BYTES &&
    bucketsAt === endsAt + bundles * POINTER_BYTES &&
    streamsAt === bucketsAt + (buckets + 1) * POINTER_BYTES &&
    bytes >= streamsAt
  );
}

export function encodePointers(places: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(places.length * POINTER_BYTES);
  places.forEach((place, n) => bytes.writeUInt32BE(place, n * POINTER_BYTES));
  return bytes;
}

export function decodePointers(bytes: Buffer): number[] {
  return Array.from({ length: bytes.length / POINTER_BYTES }, (_, n) => bytes.readUInt32BE(n * POINTER_BYTES));
}
