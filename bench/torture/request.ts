/**
 * What a lane of a writer asks, decided by seed, lane and number alone: a writer that was killed asks the same again under
 * the same receipt id. Only expected versions are learned: the lane's own stream from its journal, a guarded one by reading.
 */
import { createHash } from 'node:crypto';
import type { AppendItem, NewEvent, StreamWrite } from '#event-store';
import { seeded } from './seeded.js';

/** `wrong` expects a version that its stream does not have: it must be refused. `silent` writes no event, only a reply. */
export type Kind = 'exact' | 'shared' | 'none' | 'guarded' | 'wrong' | 'silent' | 'long';

export type LaneRequest = {
  readonly kind: Kind;
  readonly id: string;
  readonly digest: Buffer;
  /** Events that it adds to the lane's own stream. */
  readonly own: number;
  /** The stream whose version must be known before: it is guarded. */
  readonly guarded?: string;
  item(ownVersion: number, guardedVersion: number): AppendItem;
};

const KINDS: readonly Kind[] = ['exact', 'exact', 'shared', 'shared', 'none', 'guarded', 'wrong', 'silent', 'long'];
const SHARED_STREAMS = 3;
const LONG_EVENTS = 60;

export function ownStream(lane: string): string {
  return `torture-own/${lane}`;
}

export function laneRequest(seed: number, lane: string, n: number): LaneRequest {
  const random = seeded(seed, `${lane} ${n}`);
  const kind = random.pick(KINDS);
  const digest = createHash('sha256').update(`${seed} ${lane} ${n}`).digest();
  const id = uuidOf(digest);
  const own = kind === 'none' || kind === 'silent' ? 0 : kind === 'long' ? LONG_EVENTS : random.between(1, 3);
  const other = kind === 'none' || kind === 'shared' ? random.between(1, 2) : 0;
  const shared = `torture-shared/${random.between(1, SHARED_STREAMS)}`;
  const filler = 'x'.repeat(random.between(0, 400));
  const events = (from: number, count: number): NewEvent[] =>
    Array.from({ length: count }, (_, k) => tortureEvent({ item: id, n: from + k, of: own + other, lane, filler }));

  const item = (ownVersion: number, guardedVersion: number): AppendItem => {
    const writes: StreamWrite[] = [];
    if (own > 0) {
      const expected = kind === 'wrong' ? ownVersion + 1 : ownVersion;
      writes.push({ stream: ownStream(lane), expected, events: events(0, own) });
    }
    if (kind === 'shared') writes.push({ stream: shared, expected: 'any', events: events(own, other) });
    if (kind === 'none') writes.push({ stream: `torture-new/${id}`, expected: 0, events: events(own, other) });
    const guards = kind === 'guarded' ? [{ stream: shared, version: guardedVersion }] : [];
    return { id, digest, writes, guards, reply: { lane, n } };
  };
  return { kind, id, digest, own, ...(kind === 'guarded' && { guarded: shared }), item };
}

/** The receipt id that a digest gives. */
export function uuidOf(digest: Buffer): string {
  return digest.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5');
}

/** `item`, `n` and `of` say which append item an event belongs to, and which of how many it is: the checker's evidence. */
export type TortureData = {
  readonly item: string;
  readonly n: number;
  readonly of: number;
  readonly lane: string;
  readonly filler: string;
};

function tortureEvent(data: TortureData): NewEvent {
  const occurredAt = '2026-11-22T10:00:00Z';
  return { type: 'TortureSuffered', schemaVersion: 1, occurredAt, data, metadata: { origin: 'decided' } };
}
