/**
 * Which events of a segment are whose: its directory of streams, in buckets, so that one stream is found by two small reads.
 *
 *   bucket   streams whose name has (u32 of its SHA-256) mod B as the bucket's number, by order of appearance
 *   stream   u16 length, name, u32 version of its first event here, u32 count
 *   event    count x (u32 index in the segment, u32 where its body begins in the file, u16 length of the body)
 */
import { hash } from 'node:crypto';
import { encodePointers, POINTER_BYTES } from './segment-layout.js';

const LENGTH_BYTES = 2;
const EVENT_BYTES = 10;
/** Few enough that a bucket is one small read, many enough that the table of buckets is small as well. */
const STREAMS_PER_BUCKET = 8;

export type EventPlace = { readonly index: number; readonly at: number; readonly length: number };
/** Versions are dense: the n-th event here has `firstVersion` + n. */
export type StreamEvents = { readonly firstVersion: number; readonly events: readonly EventPlace[] };

export function bucketsFor(streams: number): number {
  return Math.max(1, Math.ceil(streams / STREAMS_PER_BUCKET));
}

export function bucketOf(stream: string, buckets: number): number {
  return Number.parseInt(hash('sha256', stream, 'hex').slice(0, 8), 16) % buckets;
}

/** The table of buckets and the buckets; `streamsAt` is where the first of these begins. */
export function encodeStreams(streams: ReadonlyMap<string, StreamEvents>, buckets: number, streamsAt: number): Buffer {
  const records: Buffer[][] = Array.from({ length: buckets }, () => []);
  for (const [stream, events] of streams) records[bucketOf(stream, buckets)]!.push(encodeStream(stream, events));
  const contents = records.map((bucket) => Buffer.concat(bucket));
  let at = streamsAt;
  const begins = [at, ...contents.map((content) => (at += content.length))];
  return Buffer.concat([encodePointers(begins), ...contents]);
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

/** The streams in one bucket, or in several that follow each other, whose name is `wanted`. Throws RangeError where it ends too early. */
export function* findStreams(
  bytes: Buffer,
  wanted: (name: Buffer) => boolean,
): Generator<StreamEvents & { readonly name: string }> {
  for (let offset = 0; offset < bytes.length;) {
    const nameEnd = offset + LENGTH_BYTES + bytes.readUInt16BE(offset);
    const firstVersion = bytes.readUInt32BE(nameEnd);
    const count = bytes.readUInt32BE(nameEnd + POINTER_BYTES);
    const events = nameEnd + 2 * POINTER_BYTES;
    const name = bytes.subarray(offset + LENGTH_BYTES, nameEnd);
    if (wanted(name)) yield { name: name.toString('utf8'), firstVersion, events: decodeEvents(bytes, events, count) };
    offset = events + count * EVENT_BYTES;
  }
}

function decodeEvents(bytes: Buffer, begin: number, count: number): EventPlace[] {
  return Array.from({ length: count }, (_, n) => {
    const event = begin + n * EVENT_BYTES;
    const at = bytes.readUInt32BE(event + POINTER_BYTES);
    return { index: bytes.readUInt32BE(event), at, length: bytes.readUInt16BE(event + 2 * POINTER_BYTES) };
  });
}
