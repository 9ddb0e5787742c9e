/**
 * Names the first event of a log that is not the one its tree was made of, and what was done to it. The tree's leaves are
 * taken as true (their tiles were checked against a signed root); the log's bytes are what is in doubt.
 *
 * Where the event read at position p is not the committed one, the entries behind it tell what was done:
 *
 *   reordered   the committed event stands at a later position, and the one read here is committed for another
 *   inserted    the committed event stands at a later position, and the one read here is not committed behind p
 *   removed     nothing stands here; or the event read here is committed for a later position, and this one is nowhere
 *   changed     none of these
 *
 * The position is exact. The kind is as far as `lookAhead` entries behind it tell: what was moved further than that reads
 * as removed, inserted or changed.
 */
import { leafHash, sameHash } from './hash.js';

export type FaultKind = 'changed' | 'removed' | 'inserted' | 'reordered';
export type Fault = { readonly position: number; readonly kind: FaultKind; readonly detail: string };

const LOOK_AHEAD = 65_536;

/** The first difference, and where its two leaves turned up behind it. */
type Difference = {
  readonly position: number;
  /** The leaf of what was read there; null where nothing was. */
  readonly read: Buffer | null;
  readonly committed: Buffer;
  /** Where the committed event was read, where the event read there is committed, where that was read once more. */
  committedReadAt?: number;
  readCommittedAt?: number;
  readAgainAt?: number;
  /** The next position holds its own event: nothing has moved up or down. */
  nextInPlace?: boolean;
};

export class LogCheck {
  readonly #lookAhead: number;
  #next: number;
  #difference: Difference | undefined;

  /** `from` is the first position that will be added. */
  constructor({ from = 1, lookAhead = LOOK_AHEAD }: { from?: number; lookAhead?: number } = {}) {
    this.#next = from;
    this.#lookAhead = lookAhead;
  }

  /**
   * What was read at a position (null: nothing is there) and the leaf that the tree has for it (null: the tree ends before
   * it). Positions come one after the other; throws RangeError otherwise. Where a log goes on behind its tree, adding one
   * more position lets an insertion before the last committed event be told from a change. Says whether what was read is
   * what was committed there.
   */
  add(position: number, body: string | Uint8Array | null, committedLeaf: Uint8Array | null): boolean {
    return this.#step(position, body === null ? null : leafHash(body), committedLeaf);
  }

  /** A position whose bytes were retired: the caller knows that from the log itself, never from the bytes being away. */
  withheld(position: number, committedLeaf: Uint8Array): void {
    this.#step(position, committedLeaf, committedLeaf);
  }

  /** Nothing that comes could change `fault()` any more. */
  get settled(): boolean {
    return this.#difference !== undefined && this.#next - this.#difference.position > this.#lookAhead;
  }

  /** As far as the entries added until now tell; null while each is the committed one. */
  fault(): Fault | null {
    return this.#difference ? describe(this.#difference) : null;
  }

  #step(position: number, read: Uint8Array | null, committed: Uint8Array | null): boolean {
    if (position !== this.#next) throw new RangeError(`position ${this.#next} is to be checked next, not ${position}`);
    const same = read !== null && committed !== null && sameHash(read, committed);
    if (this.#difference) {
      if (!this.settled) compare(this.#difference, position, read, committed);
    } else if (committed !== null && !same) {
      this.#difference = { position, read: read && Buffer.from(read), committed: Buffer.from(committed) };
    }
    this.#next += 1;
    return same;
  }
}

function compare(first: Difference, position: number, read: Uint8Array | null, committed: Uint8Array | null): void {
  if (read && sameHash(read, first.committed)) first.committedReadAt ??= position;
  if (read && first.read && sameHash(read, first.read)) first.readAgainAt ??= position;
  if (committed && first.read && sameHash(committed, first.read)) first.readCommittedAt ??= position;
  first.nextInPlace ??= read !== null && committed !== null && sameHash(read, committed);
}

function describe(first: Difference): Fault {
  const { position, read, committed, committedReadAt, readCommittedAt } = first;
  const fault = (kind: FaultKind, what: string): Fault => {
    const hashes = `(leaf ${read?.toString('hex') ?? 'none'}, committed ${committed.toString('hex')})`;
    return { position, kind, detail: `${what} ${hashes}` };
  };
  const copy = first.readAgainAt !== undefined;
  if (committedReadAt !== undefined) {
    const moved = `the event committed at position ${position} stands at ${committedReadAt}`;
    if (read === null) return fault('reordered', `${moved}, and nothing in its place`);
    if (readCommittedAt !== undefined && !copy) {
      return fault('reordered', `${moved}, and in its place the one committed at ${readCommittedAt}`);
    }
    if (first.nextInPlace) return fault('reordered', `${moved}, and in its place one that was never committed there`);
    const count = committedReadAt - position;
    return fault(
      'inserted',
      `${count === 1 ? 'an event that was' : `${count} events that were`} never committed there`,
    );
  }
  if (read === null) return fault('removed', `nothing stands at position ${position}`);
  if (readCommittedAt === undefined)
    return fault('changed', `the event at position ${position} is not the committed one`);
  if (copy || first.nextInPlace) {
    return fault(
      'changed',
      `the event at position ${position} was overwritten by the one of position ${readCommittedAt}`,
    );
  }
  const last = readCommittedAt - 1;
  const gone =
    position === last ? `the event of position ${position} is` : `the events of positions ${position} to ${last} are`;
  return fault('removed', `${gone} gone, and the later ones have moved up`);
}
