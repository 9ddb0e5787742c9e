/**
 * Whether tiles have the roots that were signed, and, where they have not, between which two signed sizes the tree parts from them.
 *
 * A full tile is bound by its hash in the tile above it, and so on up; the tiles at the right edge, which have no parent yet, by the
 * root itself. Each tree is the beginning of every later one: so one set of tiles is judged against every root signed so far.
 */
import { completeRoot, rootOfTiles, sameHash, TILE_WIDTH, tileHashes, type TileReader, tileWidth } from '#tlog';

export type SignedRoot = {
  readonly size: number;
  readonly root: Buffer;
  /** Where we have it from, for people. */
  readonly name: string;
};

/** The newest signed root of at most this size, if there is one. */
export type OlderRoots = (size: number) => Promise<SignedRoot | undefined>;

/** Positions, both included. */
export type Range = { readonly first: number; readonly last: number };

/** The events up to `holds` are as signed; among those after it and up to `parts.size` one is not. */
export type Parting = { readonly holds: number; readonly parts: SignedRoot };

export class TreeCheck {
  constructor(
    private readonly read: TileReader,
    readonly size: number,
  ) {}

  /** Whether the first events of the tree have this root. Throws RangeError for more events than the tree has. */
  async holds({ size, root }: SignedRoot): Promise<boolean> {
    return sameHash(await rootOfTiles(size, this.beginning), root);
  }

  /** Tiles of this tree when it was smaller: what they had then is what they begin with now. */
  readonly beginning: TileReader = async (tile) => {
    const hashes = await this.hashes(tile.level, tile.index);
    return Buffer.concat(hashes.slice(0, tile.width));
  };

  /** The events below the lowest node over this tile of level 0 that is not what the tile above says; none if all are. */
  async unboundAt(index: number): Promise<Range | undefined> {
    let node = index;
    for (let level = 0; tileWidth(this.size, level, node) === TILE_WIDTH; level++, node = parentOf(node)) {
      const hashes = await this.hashes(level, node);
      if (sameHash(completeRoot(hashes), await this.bindingHash(level, node))) continue;
      const events = TILE_WIDTH ** (level + 1);
      return { first: node * events + 1, last: (node + 1) * events };
    }
    return undefined;
  }

  /** Whether the tree would be the signed one if this tile of level 0 had these leaves. */
  async wouldHold(index: number, leaves: readonly Buffer[], head: SignedRoot): Promise<boolean> {
    if (leaves.length === TILE_WIDTH) return sameHash(completeRoot(leaves), await this.bindingHash(0, index));
    const replaced: TileReader = (tile) =>
      tile.level === 0 && tile.index === index ? Promise.resolve(Buffer.concat(leaves)) : this.read(tile);
    return new TreeCheck(replaced, this.size).holds(head);
  }

  async hashes(level: number, index: number): Promise<Buffer[]> {
    const tile = { level, index, width: tileWidth(this.size, level, index) };
    return tileHashes(tile, await this.read(tile));
  }

  /** What the tile above says of a full tile. */
  private async bindingHash(level: number, index: number): Promise<Buffer> {
    return (await this.hashes(level + 1, parentOf(index)))[index % TILE_WIDTH]!;
  }
}

/** `known` in any order, none larger than the tree. A search among the older roots narrows down what the known ones tell. */
export async function findParting(
  tree: TreeCheck,
  known: readonly SignedRoot[],
  older: OlderRoots,
): Promise<Parting | undefined> {
  let holds = 0;
  let parts: SignedRoot | undefined;
  for (const root of known.toSorted((a, b) => a.size - b.size)) {
    if (!(await tree.holds(root))) {
      parts = root;
      break;
    }
    holds = root.size;
  }
  if (!parts) return undefined;
  // No older root is left to be tried in `holds` < size <= `tried`.
  for (let tried = holds; parts.size - tried > 1;) {
    const middle: number = Math.ceil((tried + parts.size) / 2);
    const root: SignedRoot | undefined = await older(middle);
    if (!root || root.size <= tried || root.size > middle) tried = middle;
    else if (await tree.holds(root)) [holds, tried] = [root.size, middle];
    else parts = root;
  }
  return { holds, parts };
}

function parentOf(index: number): number {
  return Math.floor(index / TILE_WIDTH);
}
