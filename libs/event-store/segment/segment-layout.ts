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
 *   streams             by bucket (u32 of SHA-256 of the name, mod B), then by order of appearance: u16 length, name,
 *                       u32 version of the first event here, u32 count, count x (u32 index, u32 where its body begins, u16 length)
 */
import { hash } from 'node:crypto';
import { join } from 'node:path';
import { HASH_BYTES, TILE_WIDTH } from '#tlog';

export const HEADER_BYTES = 80;
export const LENGTH_BYTES = 2;
export const POINTER_BYTES = 4;
export const EVENT_BYTES = 10;
const MAGIC = 'KTSEGM01';
/** Few enough that a bucket is one small read, many enough that the table of buckets is small as well. */
const STREAMS_PER_BUCKET = 8;

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

export function segmentPath(folder: string, firstPosition: number, generation: number): string {
  return join(folder, `${String(firstPosition).padStart(15, '0')}-${generation}.segment`);
}

export function encodeHeader(header: SegmentHeader): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
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
export function decodeHeader(bytes: Buffer): SegmentHeader | null {
  if (bytes.length !== HEADER_BYTES || bytes.toString('latin1', 0, 8) !== MAGIC) return null;
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
  const { events, buckets, leavesAt, nodesAt, endsAt, bucketsAt, streamsAt } = header;
  const bundles = events / TILE_WIDTH;
  const fits =
    Number.isInteger(bundles) &&
    leavesAt >= HEADER_BYTES + events * LENGTH_BYTES &&
    nodesAt === leavesAt + events * HASH_BYTES &&
    endsAt === nodesAt + bundles * HASH_BYTES &&
    bucketsAt === endsAt + bundles * POINTER_BYTES &&
    streamsAt === bucketsAt + (buckets + 1) * POINTER_BYTES &&
    header.bytes >= streamsAt;
  return fits ? header : null;
}

export function bucketsFor(streams: number): number {
  return Math.max(1, Math.ceil(streams / STREAMS_PER_BUCKET));
}

export function bucketOf(stream: string, buckets: number): number {
  return Number.parseInt(hash('sha256', stream, 'hex').slice(0, 8), 16) % buckets;
}
