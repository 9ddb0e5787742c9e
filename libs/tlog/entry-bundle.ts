/**
 * Entry bundles (C2SP tlog-tiles): up to 256 entries one after the other, each behind its length as a big-endian uint16.
 * An entry of length 0 is one that is withheld: its leaf stays in the tree, its bytes are no longer given out.
 */
import { TILE_WIDTH } from './tile.js';
import { TileInvalid } from './tlog.error.js';

export const ENTRY_BYTES_MAX = 0xffff;
const LENGTH_BYTES = 2;

/** Throws TileInvalid for an entry that is too long, and for more entries than a bundle holds. */
export function encodeEntryBundle(entries: readonly Uint8Array[]): Buffer {
  if (entries.length > TILE_WIDTH)
    throw new TileInvalid(`an entry bundle holds ${TILE_WIDTH} entries, not ${entries.length}`);
  const bytes = Buffer.allocUnsafe(entries.reduce((sum, entry) => sum + LENGTH_BYTES + entry.length, 0));
  let offset = 0;
  entries.forEach((entry, i) => {
    if (entry.length > ENTRY_BYTES_MAX)
      throw new TileInvalid(`entry ${i} of the bundle has ${entry.length} bytes; ${ENTRY_BYTES_MAX} are the most`);
    offset = bytes.writeUInt16BE(entry.length, offset);
    bytes.set(entry, offset);
    offset += entry.length;
  });
  return bytes;
}

/** Views into `bytes`. Throws TileInvalid where it ends within an entry, or goes on behind the 256th. */
export function decodeEntryBundle(bytes: Uint8Array): Buffer[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const entries: Buffer[] = [];
  for (let offset = 0; offset < buffer.length;) {
    if (entries.length === TILE_WIDTH)
      throw new TileInvalid(`the entry bundle goes on at byte ${offset}, behind its ${TILE_WIDTH} entries`);
    const begin = offset + LENGTH_BYTES;
    const end = begin <= buffer.length ? begin + buffer.readUInt16BE(offset) : Infinity;
    if (end > buffer.length)
      throw new TileInvalid(`the entry bundle ends within entry ${entries.length}, which begins at byte ${offset}`);
    entries.push(buffer.subarray(begin, end));
    offset = end;
  }
  return entries;
}
