/**
 * A signed checkpoint with the tiles that no segment has (segment-log.ts), as files: `checkpoint` and `tile/<L>/<N>[.p/<W>]`, the
 * paths of C2SP tlog-tiles. Some kilobytes for a log of any size. They prove segments one by one, whichever are there.
 */
import { partialTiles, TILE_WIDTH, type Tile, tilePath, type TileReader } from '#tlog';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { environmentError } from '../cli.error.js';
import { isUpperTile } from './segment-log.js';

export type TileFolder = { readonly note: string; readonly read: TileReader };

export function openTileFolder(folder: string): TileFolder {
  const bytesOf = (name: string): Buffer => {
    try {
      return readFileSync(join(folder, name));
    } catch (cause) {
      throw environmentError('TILES_UNREADABLE', `${join(folder, name)} cannot be read: ${(cause as Error).message}`, {
        next: 'make the folder anew, at the server: kerbtrail evidence tiles FOLDER',
        cause,
      });
    }
  };
  return { note: bytesOf('checkpoint').toString('utf8'), read: async (tile) => bytesOf(tilePath(tile)) };
}

/** Into a folder that is not there yet; gives how many tiles. The checkpoint comes last: a folder without one is not whole. */
export async function writeTileFolder(folder: string, note: string, size: number, read: TileReader): Promise<number> {
  const tiles: { readonly path: string; readonly bytes: Uint8Array }[] = [];
  for (const tile of upperTiles(size)) tiles.push({ path: join(folder, tilePath(tile)), bytes: await read(tile) });
  try {
    mkdirSync(folder);
    for (const { path, bytes } of tiles) {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, bytes);
    }
    writeFileSync(join(folder, 'checkpoint'), note);
  } catch (cause) {
    throw environmentError('FOLDER_NOT_WRITTEN', `${folder} cannot be written: ${(cause as Error).message}`, {
      next: 'choose a folder that does not exist yet',
      cause,
    });
  }
  return tiles.length;
}

function upperTiles(size: number): Tile[] {
  const tiles = partialTiles(size);
  for (let level = 2; TILE_WIDTH ** (level + 1) <= size; level++) {
    const full = Math.floor(size / TILE_WIDTH ** (level + 1));
    for (let index = 0; index < full; index++) tiles.push({ level, index, width: TILE_WIDTH });
  }
  return tiles.filter(isUpperTile);
}
