/**
 * Segments' files as whoever tampers with them makes them: whole in memory, every part fitting to the others but what was changed.
 * Written anew after docs/archive.md, so that it is also a second reading of the format.
 */
import { readFile } from 'node:fs/promises';
import {
  bucketsFor,
  completeRoot,
  encodeEntryBundle,
  encodePointers,
  encodeSegmentHeader,
  encodeStreams,
  type EventPlace,
  HASH_BYTES,
  Segment,
  SEGMENT_HEADER_BYTES,
} from '#tlog';

export type Entry = { readonly body: Buffer; readonly leaf: Buffer };

const TILE = 256;
const LENGTH_BYTES = 2;

export async function openBytes(bytes: Buffer): Promise<Segment> {
  return Segment.open({
    size: bytes.length,
    read: async (at, length) => bytes.subarray(at, at + length),
    altered: (what) => new Error(what),
  });
}

export async function readEntries(path: string): Promise<Entry[]> {
  const segment = await openBytes(await readFile(path));
  const entries: Entry[] = [];
  for (let tile = 0; tile < segment.tiles; tile++) {
    const leaves = await segment.leaves(tile);
    const bodies = await segment.entries(tile);
    bodies.forEach((body, n) => entries.push({ body, leaf: leaves.subarray(n * HASH_BYTES, (n + 1) * HASH_BYTES) }));
  }
  return entries;
}

/** Streams are read out of the bodies; those without one are in none. */
export function encodeSegment(firstPosition: number, entries: readonly Entry[]): Buffer {
  const tiles = Array.from({ length: entries.length / TILE }, (_, n) => entries.slice(n * TILE, (n + 1) * TILE));
  const bundles = tiles.map((tile) => encodeEntryBundle(tile.map(({ body }) => body)));
  const nodes = tiles.map((tile) => completeRoot(tile.map(({ leaf }) => leaf)));
  let end = SEGMENT_HEADER_BYTES;
  const ends = bundles.map((bundle) => (end += bundle.length));
  const leavesAt = end;
  const nodesAt = leavesAt + entries.length * HASH_BYTES;
  const endsAt = nodesAt + nodes.length * HASH_BYTES;
  const bucketsAt = endsAt + ends.length * 4;
  const streams = streamsOf(entries);
  const buckets = bucketsFor(streams.size);
  const streamsAt = bucketsAt + (buckets + 1) * 4;
  const tail = encodeStreams(streams, buckets, streamsAt);
  const bytes = bucketsAt + tail.length;
  const root = completeRoot(nodes);
  const places = { leavesAt, nodesAt, endsAt, bucketsAt, streamsAt };
  const header = { events: entries.length, buckets, firstPosition, ...places, bytes, root };
  const leaves = entries.map(({ leaf }) => leaf);
  return Buffer.concat([encodeSegmentHeader(header), ...bundles, ...leaves, ...nodes, encodePointers(ends), tail]);
}

function streamsOf(entries: readonly Entry[]): Map<string, { firstVersion: number; events: EventPlace[] }> {
  const streams = new Map<string, { firstVersion: number; events: EventPlace[] }>();
  let at = SEGMENT_HEADER_BYTES;
  entries.forEach(({ body }, index) => {
    at += LENGTH_BYTES;
    if (body.length > 0) {
      const { stream, version } = JSON.parse(body.toString()) as { stream: string; version: number };
      const known = streams.get(stream) ?? { firstVersion: version, events: [] };
      streams.set(stream, known);
      known.events.push({ index, at, length: body.length });
    }
    at += body.length;
  });
  return streams;
}
