/** The events of a log, tile by tile: what it says stands there beside the leaves that its tiles have. */
import { leafHash, sameHash, TILE_WIDTH, tileWidth } from '#tlog';
import { type LogSource, tileOf } from './log-source.js';
import type { StreamEvent } from './stream-links.js';
import type { Range, TreeCheck } from './tree-check.js';

export type EventsOfTile = {
  readonly index: number;
  readonly leaves: readonly Buffer[];
  readonly entries: readonly (Uint8Array | null)[];
};

export type LogEvent = StreamEvent & {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
};

const TILES_AHEAD = 6;

/** Tiles in order, some asked for ahead. */
export async function* readTiles(source: LogSource, tree: TreeCheck, range: Range): AsyncGenerator<EventsOfTile> {
  const last = tileOf(range.last);
  const ahead: Promise<EventsOfTile>[] = [];
  for (let next = tileOf(range.first); next <= last || ahead.length > 0;) {
    for (; next <= last && ahead.length < TILES_AHEAD; next++) {
      const reading = readTile(source, tree, next);
      reading.catch(() => undefined); // told when its turn comes
      ahead.push(reading);
    }
    yield await ahead.shift()!;
  }
}

export async function readTile(source: LogSource, tree: TreeCheck, index: number): Promise<EventsOfTile> {
  const [leaves, entries] = await Promise.all([
    tree.hashes(0, index),
    source.entries(index, tileWidth(tree.size, 0, index)),
  ]);
  return { index, leaves, entries };
}

/** One event for whose bytes the whole tree stands; undefined when it does not. The root itself is judged elsewhere. */
export async function readSignedEvent(
  source: LogSource,
  tree: TreeCheck,
  position: number,
): Promise<LogEvent | undefined> {
  if (position < 1 || position > tree.size) return undefined;
  const { index, leaves, entries } = await readTile(source, tree, tileOf(position));
  const body = entries[(position - 1) % TILE_WIDTH];
  const leaf = leaves[(position - 1) % TILE_WIDTH];
  if (!body || !leaf || !sameHash(leafHash(body), leaf) || (await tree.unboundAt(index))) return undefined;
  return readEvent(body);
}

/** Undefined when the bytes are no event. */
export function readEvent(body: Uint8Array): LogEvent | undefined {
  try {
    const event = JSON.parse(Buffer.from(body).toString('utf8')) as Partial<LogEvent>;
    const { stream, version, prev, type, data } = event;
    if (typeof stream !== 'string' || typeof version !== 'number' || prev === undefined) return undefined;
    if (typeof type !== 'string' || typeof data !== 'object') return undefined;
    return { stream, version, prev, type, data };
  } catch {
    return undefined;
  }
}
