/**
 * A group of items as the bytes that it leaves in the log when all of them are committed, each after those before it, and
 * what must hold of the streams for that. Whether it holds is judged under the log's head lock (append-group.ts). Pure.
 */
import type { PreparedItem, PreparedWrite } from './append-item.js';
import { encodeEvent, type EventDraft } from './event-body.js';
import type { Guard } from './event-store.js';
import { NO_STREAM, type StreamHead } from './stream-heads.js';

export type EncodedItem = {
  readonly item: PreparedItem;
  /** Index, from 1, that its first event has in the group, or would have. */
  readonly first: number;
  readonly events: number;
};

export type EncodedEvent = {
  readonly stream: string;
  readonly version: number;
  readonly draft: EventDraft;
  readonly body: string;
  /** Hex. */
  readonly leaf: string;
};

/** A stream that the group writes: what it must be at before, what it is at after, indices of its first and last event. */
export type WrittenStream = {
  readonly base: StreamHead;
  readonly head: StreamHead;
  readonly first: number;
  readonly last: number;
};

export type EncodedGroup = {
  readonly recordedAt: string;
  readonly items: readonly EncodedItem[];
  /** Streams that must be at a version before anything of the group is written. */
  readonly guards: ReadonlyMap<string, number>;
  readonly streams: ReadonlyMap<string, WrittenStream>;
  readonly events: readonly EncodedEvent[];
};

/** Null when on these heads not every item could be committed, or a head is not known: then each item is to be judged. */
export function encodeGroup(
  items: readonly PreparedItem[],
  headOf: (stream: string) => StreamHead | undefined,
  recordedAt: string,
): EncodedGroup | null {
  const encoder = new GroupEncoder(headOf, recordedAt);
  return items.every((item) => encoder.add(item)) ? encoder : null;
}

class GroupEncoder implements EncodedGroup {
  readonly items: EncodedItem[] = [];
  readonly guards = new Map<string, number>();
  readonly streams = new Map<string, WrittenStream>();
  readonly events: EncodedEvent[] = [];

  constructor(
    private readonly headOf: (stream: string) => StreamHead | undefined,
    readonly recordedAt: string,
  ) {}

  /** False: the item does not fit on what is known. */
  add(item: PreparedItem): boolean {
    const first = this.events.length + 1;
    for (const guard of item.guards) if (!this.#guard(guard)) return false;
    for (const write of item.writes) if (!this.#write(write)) return false;
    this.items.push({ item, first, events: this.events.length + 1 - first });
    return true;
  }

  #guard({ stream, version }: Guard): boolean {
    const written = this.streams.get(stream)?.head.version;
    if (written !== undefined) return written === version;
    if ((this.guards.get(stream) ?? version) !== version || (this.headOf(stream)?.version ?? 0) > version) return false;
    this.guards.set(stream, version);
    return true;
  }

  #write({ stream, expected, events }: PreparedWrite): boolean {
    const before = this.streams.get(stream);
    const head = before?.head ?? this.headOf(stream) ?? (expected === 0 ? NO_STREAM : undefined);
    if (!head || (expected !== 'any' && expected !== head.version)) return false;
    let { version, leaf } = head;
    const first = this.events.length + 1;
    for (const draft of events) {
      version += 1;
      const encoded = encodeEvent(draft, { prev: leaf, recordedAt: this.recordedAt, version });
      leaf = encoded.leaf;
      this.events.push({ stream, version, draft, body: encoded.body, leaf });
    }
    this.streams.set(stream, {
      base: before?.base ?? head,
      head: { version, leaf },
      first: before?.first ?? first,
      last: this.events.length,
    });
    return true;
  }
}
