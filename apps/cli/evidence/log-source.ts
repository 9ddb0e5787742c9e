/**
 * Where the log to be verified comes from: a server's evidence API in the tiled form (C2SP tlog-tiles), or whatever else gives
 * entries and tiles. Nothing that comes from here is believed: verify-log.ts recomputes it.
 */
import { decodeEntryBundle, entriesPath, TILE_WIDTH, type TileReader, tilePath } from '#tlog';
import type { Client } from '../client.js';
import { ServerProblem } from '../problem.js';

export type LogSource = {
  readonly tile: TileReader;
  /** The bodies of a tile's events, in order; null where the log holds none. `index` counts tiles of 256 from 0. */
  entries(index: number, width: number): Promise<(Uint8Array | null)[]>;
  /** What stands right behind a position that the tree ends at; null when nothing does. */
  eventBehind(position: number): Promise<string | null>;
};

/** Upper tiles are asked for again and again, lower ones once: 512 tiles of 8 KiB are enough for both. */
const TILES_KEPT_MAX = 512;

export function serverSource(client: Client): LogSource {
  return {
    tile: keepingTiles((tile) => client.bytes(`/v1/evidence/${tilePath(tile)}`)),
    entries: async (index, width) => readBundle(await client.bytes(`/v1/evidence/${entriesPath(index, width)}`)),
    eventBehind: async (position) => {
      try {
        return (await client.get<{ body: string }>(`/v1/events/${position + 1}`)).body;
      } catch (error) {
        if (error instanceof ServerProblem && error.problem.status === 404) return null;
        throw error;
      }
    },
  };
}

/** An entry without bytes is one that the log does not hold (any more). */
export function readBundle(bytes: Uint8Array): (Uint8Array | null)[] {
  return decodeEntryBundle(bytes).map((entry) => (entry.length === 0 ? null : entry));
}

export function keepingTiles(read: TileReader): TileReader {
  const kept = new Map<string, Promise<Uint8Array>>();
  return (tile) => {
    const path = tilePath(tile);
    const known = kept.get(path);
    if (known) return known;
    const [oldest] = kept.keys();
    if (oldest !== undefined && kept.size >= TILES_KEPT_MAX) kept.delete(oldest);
    const reading = read(tile);
    kept.set(path, reading);
    return reading;
  };
}

/** The tile of level 0 that holds this position. */
export function tileOf(position: number): number {
  return Math.floor((position - 1) / TILE_WIDTH);
}
