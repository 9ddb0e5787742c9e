/** Schema `evidence` (prisma/migrations/0022_evidence) and the leaves of the log, as the keeper and the proofs read and write them. */
import type { Pool, PoolClient } from 'pg';
import { parseCheckpoint, parseNote, type Tile, tilePath, type TileReader } from '#tlog';
import { TileUnknown } from './evidence.error.js';
import { HASH_BYTES, partialTile, TileTree } from './tile-tree.js';

export type SignedCheckpoint = {
  readonly size: number;
  readonly root: Buffer;
  /** C2SP signed note, as it is given out. */
  readonly note: string;
  /** RFC 3339 UTC; our own word: the note has no time. */
  readonly signedAt: string;
};

type TreeRow = { readonly size: number; readonly partial: Buffer };

export async function readTree(connection: Pool | PoolClient): Promise<TileTree> {
  const { rows } = await connection.query<TreeRow>('SELECT size, partial FROM evidence.tree');
  return TileTree.restore(rows[0]!.size, rows[0]!.partial);
}

/** False: somebody else has moved the tree since it was read at size `from`. */
export async function writeTree(tx: PoolClient, from: number, tree: TileTree): Promise<boolean> {
  const tiles = tree.takeFull();
  if (tiles.length > 0) {
    await tx.query({
      name: 'evidence.tiles',
      text: 'INSERT INTO evidence.tile (level, index, hashes) SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::bytea[])',
      values: [tiles.map(({ level }) => level), tiles.map(({ index }) => index), tiles.map(({ hashes }) => hashes)],
    });
  }
  const { rowCount } = await tx.query({
    name: 'evidence.tree',
    text: 'UPDATE evidence.tree SET size = $2, partial = $3 WHERE size = $1',
    values: [from, tree.size, tree.partial()],
  });
  return rowCount === 1;
}

export async function insertCheckpoint(
  tx: PoolClient,
  { size, root, note, signedAt }: SignedCheckpoint,
): Promise<void> {
  await tx.query({
    name: 'evidence.checkpoint',
    text: 'INSERT INTO evidence.checkpoint (size, root, note, signed_at) VALUES ($1, $2, $3, $4)',
    values: [size, root, note, signedAt],
  });
}

/** The newest checkpoint, or the newest of at most `upTo` entries. */
export async function readCheckpoint(
  connection: Pool | PoolClient,
  upTo = Number.MAX_SAFE_INTEGER,
): Promise<SignedCheckpoint | null> {
  const { rows } = await connection.query<SignedCheckpoint>(
    'SELECT size, root, note, signed_at AS "signedAt" FROM evidence.checkpoint WHERE size <= $1 ORDER BY size DESC LIMIT 1',
    [upTo],
  );
  return rows[0] ?? null;
}

/**
 * `width` hashes. A tile only grows, so its earlier widths are prefixes of what is stored. Throws TileUnknown where the
 * tree has not reached so far.
 */
export async function readTile(connection: Pool | PoolClient, tile: Tile): Promise<Buffer> {
  const { level, index, width } = tile;
  const { rows } = await connection.query<TreeRow & { readonly full: Buffer | null }>({
    name: 'evidence.read_tile',
    text: `SELECT substring(tile.hashes for $3) AS full, tree.size, tree.partial
             FROM evidence.tree LEFT JOIN evidence.tile ON tile.level = $1 AND tile.index = $2`,
    values: [level, index, width * HASH_BYTES],
  });
  const { full, size, partial } = rows[0]!;
  const isEdge = Math.floor(size / 256 ** (level + 1)) === index;
  const hashes = full ?? (isEdge ? partialTile(size, partial, level, width) : undefined);
  if (!hashes) throw new TileUnknown(tilePath(tile), size);
  return hashes;
}

export function tileReader(connection: Pool | PoolClient): TileReader {
  return (tile) => readTile(connection, tile);
}

/** Of a note that was opened before, or that is only told about. */
export function checkpointOf(note: string): { readonly origin: string; readonly size: number; readonly root: Buffer } {
  return parseCheckpoint(parseNote(note).text);
}
