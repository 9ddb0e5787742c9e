/**
 * A group of items as the bytes that it would leave in the log if all of them were committed, each after those before it.
 * Whether they are is judged under the log's head lock (append-group.ts); what was encoded on a head that has moved since
 * is encoded again. Pure.
 */
import type { PreparedItem, PreparedWrite } from './append-item.js';
import { encodeEvent, type EventDraft } from './event-body.js';
import { NO_STREAM, type StreamHead } from './stream-heads.js';

/** A write or guard. `item` and `stream` count from 1, as SQL does. */
export type Check = {
  readonly item: number;
  readonly stream: number;
  /** null: any version. */
  readonly expected: number | null;
  /** The version that the encoded events follow, or NOT_ENCODED. */
  readonly base: number;
  readonly events: number;
};

export type EncodedEvent = {
  readonly item: number;
  readonly stream: number;
  readonly version: number;
  readonly draft: EventDraft;
  readonly body: string;
  /** Hex. */
  readonly leaf: string;
};

export type EncodedGroup = {
  readonly items: readonly PreparedItem[];
  readonly streams: readonly string[];
  readonly checks: readonly Check[];
  readonly events: readonly EncodedEvent[];
  /** Per item: the heads that its writes leave behind. */
  readonly headsAfter: readonly ReadonlyMap<string, StreamHead>[];
};

const NOT_ENCODED = -1;

export function encodeGroup(
  items: readonly PreparedItem[],
  headOf: (stream: string) => StreamHead | undefined,
  recordedAt: string,
): EncodedGroup {
  const streams = new Map<string, number>();
  const numberOf = (stream: string): number => {
    const number = streams.get(stream) ?? streams.size + 1;
    streams.set(stream, number);
    return number;
  };
  const heads = new Map<string, StreamHead>();
  const checks: Check[] = [];
  const events: EncodedEvent[] = [];
  const headsAfter: Map<string, StreamHead>[] = [];

  for (const [n, { guards, writes }] of items.entries()) {
    const item = n + 1;
    for (const { stream, version } of guards) {
      checks.push({ item, stream: numberOf(stream), expected: version, base: version, events: 0 });
    }
    const bases = writes.map((write) => baseOf(write, heads.get(write.stream) ?? headOf(write.stream)));
    const complete = bases.every((base) => base !== undefined);
    const after = new Map<string, StreamHead>();
    for (const [w, write] of writes.entries()) {
      const stream = numberOf(write.stream);
      const base = complete ? bases[w]! : { ...NO_STREAM, version: NOT_ENCODED };
      const encoded = complete ? encodeEvents(write.events, base, recordedAt) : [];
      const expected = write.expected === 'any' ? null : write.expected;
      checks.push({ item, stream, expected, base: base.version, events: encoded.length });
      for (const event of encoded) events.push({ item, stream, ...event });
      const last = encoded.at(-1);
      if (last) after.set(write.stream, { version: last.version, leaf: last.leaf });
    }
    for (const [stream, head] of after) heads.set(stream, head);
    headsAfter.push(after);
  }
  return { items, streams: [...streams.keys()], checks, events, headsAfter };
}

/**
 * The head that a write's events follow. None when the write expects another version than the stream is known to have:
 * then only the database can tell a conflict from a retry of what it has long committed.
 */
function baseOf({ expected }: PreparedWrite, head: StreamHead | undefined): StreamHead | undefined {
  if (expected === 0 && !head) return NO_STREAM;
  return expected === 'any' || expected === head?.version ? head : undefined;
}

function encodeEvents(
  drafts: readonly EventDraft[],
  base: StreamHead,
  recordedAt: string,
): Omit<EncodedEvent, 'item' | 'stream'>[] {
  let { version, leaf: prev } = base;
  return drafts.map((draft) => {
    version += 1;
    const { body, leaf } = encodeEvent(draft, { prev, recordedAt, version });
    prev = leaf;
    return { version, draft, body, leaf };
  });
}
