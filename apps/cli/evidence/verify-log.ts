/**
 * Verifies a log against signed roots, believing nothing but them: every event's bytes against its leaf, every tile against the tile
 * above it, the whole against the roots, every event against the next one of its stream. Reads each event once, in order, a few
 * tiles ahead; holds no more than those, the links of streams (stream-links.ts) and the tiles above.
 */
import { leafHash, LogCheck, sameHash, TILE_WIDTH } from '#tlog';
import { readEvent, readTile, readTiles } from './events-of-tile.js';
import { type LogSource, tileOf } from './log-source.js';
import { StreamLinks } from './stream-links.js';
import { findParting, type OlderRoots, type Parting, type Range, type SignedRoot, TreeCheck } from './tree-check.js';

export type FaultKind = 'changed' | 'removed' | 'inserted' | 'reordered' | 'tile';

export type LogFault = {
  readonly kind: FaultKind;
  /** The first event that is not as it was signed; with `upTo`: it is one of these, and no evidence says which. */
  readonly position: number;
  readonly upTo?: number;
  readonly detail: string;
};

export type LogVerification = Range & {
  readonly links: { readonly followed: number; readonly unfollowed: number };
  /** Events whose bytes the log no longer holds, as its own record of retention says. */
  readonly withheld: number;
  readonly fault?: LogFault;
};

/** That so many events of a range were withheld, as the log itself records it. */
export type Retirement = Range & { readonly events: number };

export type LogToVerify = {
  readonly source: LogSource;
  /** The checkpoint: how far the log is judged, and what its root must be. */
  readonly head: SignedRoot;
  /** Roots signed before, which the log must still begin with. */
  readonly before: readonly SignedRoot[];
  /** Of the log's own history: before a tree was changed, but also after it was signed anew. */
  readonly older: OlderRoots;
  /** Of the history of `before`, kept beside it. */
  readonly olderKept: OlderRoots;
  /** Where the log itself records that events were withheld. */
  readonly retired: readonly Retirement[];
  readonly range: Range;
  readonly onProgress: (position: number) => void;
};

type Walked = Pick<LogVerification, 'links' | 'withheld'> & {
  /** Faults that name one event. */
  readonly exact: readonly LogFault[];
  /** The first tile that the tiles above do not bind. */
  readonly unbound: Range | undefined;
};

export async function verifyLog(log: LogToVerify): Promise<LogVerification> {
  const { source, head, before, older, olderKept, range } = log;
  const tree = new TreeCheck(source.tile, head.size);
  const within = before.filter(({ size }) => size <= head.size);
  const near = within.length < before.length ? await olderKept(head.size) : undefined;
  const known = near ? [...within, near, head] : [...within, head];
  // Where the log's own root holds, it was signed anew, and its other roots with it: they tell nothing of what was there before.
  const parting = await findParting(tree, known, (await tree.holds(head)) ? olderKept : older);
  const { links, withheld, exact, unbound } = await walk(log, tree);
  const found = [...exact, rewritten(parting, unbound, exact), cutOff(head, before, near)];
  const first = found.filter((fault) => fault !== undefined).toSorted((a, b) => a.position - b.position)[0];
  return { ...range, links, withheld, ...(first && { fault: first }) };
}

async function walk({ source, head, retired, range, onProgress }: LogToVerify, tree: TreeCheck): Promise<Walked> {
  const check = new LogCheck({ from: range.first });
  const links = new StreamLinks({ from: range.first });
  const dropped = new Map<Retirement, number>();
  let withheld = 0;
  let unbound: Range | undefined;
  let unreadable: LogFault | undefined;
  for await (const { index, leaves, entries } of readTiles(source, tree, range)) {
    unbound ??= await tree.unboundAt(index);
    for (const [i, leaf] of leaves.entries()) {
      const position = index * TILE_WIDTH + i + 1;
      if (!includes(range, position)) continue;
      const body = entries[i] ?? null;
      // More gone than the log records is a removal, named where the count is exceeded.
      const hasRoom = (one: Retirement) => includes(one, position) && (dropped.get(one) ?? 0) < one.events;
      const retirement = body === null ? retired.find(hasRoom) : undefined;
      if (retirement) {
        dropped.set(retirement, (dropped.get(retirement) ?? 0) + 1);
        check.withheld(position, leaf);
        links.addWithheld(position);
        withheld++;
        continue;
      }
      check.add(position, body, leaf);
      if (body === null || !sameHash(leafHash(body), leaf)) continue; // the check has it
      const event = readEvent(body);
      if (event) links.add(position, event, leaf.toString('hex'));
      else unreadable ??= { kind: 'changed', position, detail: 'what stands there is no event' };
    }
    if (check.settled) break;
    onProgress(Math.min(range.last, (index + 1) * TILE_WIDTH));
  }
  // Where the log goes on, its next event tells an insertion before the last one from a change.
  if (check.fault() && range.last === head.size) check.add(head.size + 1, await source.eventBehind(head.size), null);
  const fault = check.fault();
  const exact = [fault && (await judge(fault, source, tree, head)), links.broken(), unreadable];
  return { links: links.counts(), withheld, exact: exact.filter((one) => one !== undefined && one !== null), unbound };
}

/** Event and leaf differ: the tree may tell which of them was signed. */
async function judge(fault: LogFault, source: LogSource, tree: TreeCheck, head: SignedRoot): Promise<LogFault> {
  const { index, leaves, entries } = await readTile(source, tree, tileOf(fault.position));
  const own = entries.map((body) => body && leafHash(body));
  if (own.length < leaves.length || own.some((leaf) => leaf === null)) return fault;
  if (!(await tree.wouldHold(index, own as Buffer[], head))) return fault;
  const detail = 'the event is as it was signed; the tile that holds its leaf was changed';
  return { kind: 'tile', position: fault.position, detail };
}

/** Events changed together with their leaves and tiles: only roots signed before, and the tiles above, still tell. */
function rewritten(
  parting: Parting | undefined,
  unbound: Range | undefined,
  exact: readonly LogFault[],
): LogFault | undefined {
  const range = parting ? { first: parting.holds + 1, last: parting.parts.size } : unbound;
  if (!range || exact.some(({ position }) => includes(range, position))) return undefined;
  const narrow = parting && unbound && includes(range, unbound.first) ? unbound : range;
  const last = Math.min(narrow.last, range.last);
  const detail = parting
    ? `the first ${parting.parts.size} events do not have the root of ${parting.parts.name}: events were changed together with their leaves and tiles`
    : `the tiles of these events do not have the hash that the tile above them has: events, leaves and tile were changed together`;
  return { kind: 'changed', position: narrow.first, ...(last > narrow.first && { upTo: last }), detail };
}

/** A log that ends before one of its own signed checkpoints: restored to an older state, or cut off. `near`: the last one known before its end. */
function cutOff(head: SignedRoot, before: readonly SignedRoot[], near: SignedRoot | undefined): LogFault | undefined {
  const longest = before.toSorted((a, b) => b.size - a.size)[0];
  if (!longest || longest.size <= head.size) return undefined;
  const position = (near?.size ?? head.size) + 1;
  const detail =
    `${longest.name} has ${longest.size} events, the log's own checkpoint only ${head.size}: ` +
    'it was restored to an older state, or cut off';
  return { kind: 'removed', position, ...(position <= head.size && { upTo: head.size + 1 }), detail };
}

function includes({ first, last }: Range, position: number): boolean {
  return first <= position && position <= last;
}
