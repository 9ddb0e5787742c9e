/**
 * What is given out to be verified elsewhere: entries and proofs out of the tiles, single (C2SP tlog-proof) or in a bundle that
 * needs no server. All of it is about one signed checkpoint; nothing here is believed by whoever verifies it.
 */
import { LRUCache } from 'lru-cache';
import type { Pool } from 'pg';
import type { EventStore } from '#event-store';
import {
  BUNDLE_ENTRIES_MAX,
  consistencyProof,
  encodeEntryBundle,
  entriesPath,
  EVIDENCE_FORMAT,
  type EvidenceBundle,
  type EvidenceEntry,
  formatTlogProof,
  inclusionProof,
  type Selection,
  TILE_WIDTH,
  tileHashes,
  tilePath,
  type TileReader,
  tileWidth,
} from '#tlog';
import { readCheckpoint, type SignedCheckpoint, tileReader } from './evidence-tables.js';
import { BundleTooLarge, EventMissing, TileUnknown } from './evidence.error.js';

type Ports = { readonly pool: Pool; readonly store: EventStore };

/** Events of which retention gave up bodies, as the log itself records it. */
type Retirement = { readonly first: number; readonly last: number };
type BundlePorts = Ports & { readonly retirementAt: (position: number) => Promise<Retirement | null> };

/** Neighbours share most of their tiles. 2 MiB. */
const TILES_CACHED_MAX = 256;

/**
 * The bodies of a tile's events as the log has them now, whatever the tree says of them. One that is withheld, or gone, has
 * length 0: which of the two is for the verifier to judge. Throws TileUnknown beyond the newest checkpoint.
 */
export async function entryBundle({ pool, store }: Ports, index: number, width: number): Promise<Buffer> {
  const first = index * TILE_WIDTH + 1;
  const size = (await readCheckpoint(pool))?.size ?? 0;
  if (first + width - 1 > size) throw new TileUnknown(entriesPath(index, width), size);
  const positions = Array.from({ length: width }, (_, n) => first + n);
  const records = await store.recordsAt(positions);
  const bodies = new Map(records.map(({ position, body }) => [position, body]));
  return encodeEntryBundle(positions.map((position) => Buffer.from(bodies.get(position) ?? '')));
}

/** That an event is in the tree of the checkpoint. `position` counts from 1, and is at most the checkpoint's size. */
export async function inclusionOf(pool: Pool, { size }: SignedCheckpoint, position: number): Promise<Buffer[]> {
  return inclusionProof(size, position - 1, tileReader(pool));
}

/** The same as C2SP tlog-proof text, with the checkpoint in it. */
export async function tlogProofOf(pool: Pool, checkpoint: SignedCheckpoint, position: number): Promise<string> {
  const proof = await inclusionOf(pool, checkpoint, position);
  return formatTlogProof({ index: position - 1, proof, checkpoint: checkpoint.note });
}

/** That the tree of `from` events is the beginning of the one of `to`. */
export function consistencyOf(pool: Pool, from: number, to: number): Promise<Buffer[]> {
  return consistencyProof(from, to, tileReader(pool));
}

/**
 * The selected events with their proofs; of those that retention gave up, the leaf. Of a stream: all that the checkpoint covers.
 * Throws EventMissing for a position that the checkpoint covers and the log has lost otherwise, BundleTooLarge.
 */
export async function bundleOf(
  { pool, store, retirementAt }: BundlePorts,
  {
    origin,
    verifierKeys,
    checkpoint,
  }: { origin: string; verifierKeys: readonly string[]; checkpoint: SignedCheckpoint },
  selection: Selection,
): Promise<EvidenceBundle> {
  const positions = await positionsOf(store, selection, checkpoint.size);
  if (positions.length === 0 || positions.length > BUNDLE_ENTRIES_MAX) throw new BundleTooLarge(positions.length);
  const records = new Map((await store.recordsAt(positions)).map((record) => [record.position, record]));
  const read = cached(tileReader(pool));
  const entries: EvidenceEntry[] = [];
  let retired: Retirement | null = null;
  for (const position of positions) {
    const hashes = await inclusionProof(checkpoint.size, position - 1, read);
    const proof = hashes.map((hash) => hash.toString('base64'));
    const record = records.get(position);
    if (record) {
      entries.push({ position, body: record.body, proof });
      continue;
    }
    if (!retired || position > retired.last) retired = await retirementAt(position);
    if (!retired) throw new EventMissing(position);
    const leaf = await leafAt(checkpoint.size, position, read);
    entries.push({ position, body: null, leaf: leaf.toString('hex'), proof });
  }
  return { format: EVIDENCE_FORMAT, origin, checkpoint: checkpoint.note, keys: verifierKeys, selection, entries };
}

async function leafAt(size: number, position: number, read: TileReader): Promise<Buffer> {
  const index = Math.floor((position - 1) / TILE_WIDTH);
  const tile = { level: 0, index, width: tileWidth(size, 0, index) };
  return tileHashes(tile, await read(tile))[(position - 1) % TILE_WIDTH]!;
}

async function positionsOf(store: EventStore, selection: Selection, size: number): Promise<readonly number[]> {
  if (selection.kind === 'positions') return selection.positions;
  if (selection.kind === 'range') {
    const { from, to } = selection;
    if (to - from >= BUNDLE_ENTRIES_MAX) throw new BundleTooLarge(to - from + 1);
    return Array.from({ length: to - from + 1 }, (_, n) => from + n);
  }
  const positions = await store.positionsOf(selection.stream, BUNDLE_ENTRIES_MAX + 1);
  return positions.filter((position) => position <= size);
}

function cached(read: TileReader): TileReader {
  const tiles = new LRUCache<string, Promise<Uint8Array>>({ max: TILES_CACHED_MAX });
  return (tile) => {
    const path = tilePath(tile);
    const bytes = tiles.get(path) ?? read(tile);
    tiles.set(path, bytes);
    return bytes;
  };
}
