/**
 * Does what is to be extended fit what was signed before? Asked before every signature, and every second when nothing is
 * appended: the tree against the log's last event that it covers, and against the witness.
 */
import type { PoolClient, Pool } from 'pg';
import { type Checkpoint, openCheckpoint, rootOfTiles, sameHash } from '#tlog';
import type { CheckpointKeys } from './checkpoint-keys.js';
import { readTile, tileReader } from './evidence-tables.js';
import { EvidenceRefused } from './evidence.error.js';
import { readLeaf } from './leaves.js';
import { HASH_BYTES, type TileTree } from './tile-tree.js';
import type { Witness } from './witness.js';

/** A checkpoint as the witness has it. */
export type Witnessed = Checkpoint & { readonly note: string };

/** Null: the witness holds none. Throws EvidenceRefused for one that is not ours, WitnessUnavailable. */
export async function readWitness(witness: Witness, keys: CheckpointKeys): Promise<Witnessed | null> {
  const note = await witness.read();
  if (note === null) return null;
  const verifiers = await keys.verifiers();
  try {
    const { checkpoint } = openCheckpoint(note, verifiers);
    return { ...checkpoint, note };
  } catch (cause) {
    throw new EvidenceRefused(
      'witness-foreign',
      `what ${witness.place} holds is no checkpoint that this log signed`,
      cause,
    );
  }
}

/** Throws EvidenceRefused when the last event that the tree covers is not in the log any more, or is another one. */
export async function checkAnchor(connection: Pool | PoolClient, { size }: TileTree): Promise<void> {
  if (size === 0) return;
  const index = Math.floor((size - 1) / 256);
  const tile = await readTile(connection, { level: 0, index, width: size - index * 256 });
  const leaf = await readLeaf(connection, size);
  if (leaf?.equals(tile.subarray(-HASH_BYTES))) return;
  const became = leaf ? 'is another one now' : 'is gone';
  throw new EvidenceRefused(
    'log-changed',
    `event ${size}, the last one that the tree covers, ${became}: the log was changed, or the database restored from an older copy`,
  );
}

/** Of a tree that is as far as the witness or further. Throws EvidenceRefused unless the one is a beginning of the other. */
export async function checkExtends(connection: Pool | PoolClient, tree: TileTree, witnessed: Witnessed): Promise<void> {
  const { size, root } = witnessed;
  const ours = size === tree.size ? await tree.root() : await rootOfTiles(size, tileReader(connection));
  if (!sameHash(ours, root)) throw forked(size);
}

export function forked(size: number): EvidenceRefused {
  return new EvidenceRefused(
    'forked',
    `the first ${size} events have another root than the checkpoint that the witness holds: the log was changed, or restored from an older copy and written on`,
  );
}

export function behindWitness(end: number, { size }: Witnessed): EvidenceRefused {
  return new EvidenceRefused(
    'behind-witness',
    `the log ends at event ${end}, and the witness has seen a checkpoint of ${size} events: it was truncated, or the database restored from an older copy`,
  );
}
