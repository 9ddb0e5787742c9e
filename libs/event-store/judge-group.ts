/**
 * What becomes of each item of a group, judged in order against the log as it is under its head's lock and against the
 * items before it: promises 1 and 2 of event-store.ts. Pure.
 */
import type { PreparedItem } from './append-item.js';
import type { AppendResult } from './event-store.js';
import type { Receipt } from './append-receipts.js';

/** Null: it is to be committed. */
export type Verdict = AppendResult | null;

/** `versions` has every stream that an item writes or guards. */
export function judgeGroup(
  items: readonly PreparedItem[],
  receipts: ReadonlyMap<string, Receipt>,
  versions: ReadonlyMap<string, number>,
): Verdict[] {
  const now = new Map(versions);
  return items.map((item) => {
    const verdict = answerOf(item, receipts.get(item.id)) ?? conflictOf(item, now);
    if (!verdict) for (const { stream, events } of item.writes) now.set(stream, now.get(stream)! + events.length);
    return verdict;
  });
}

function answerOf({ id, digest }: PreparedItem, receipt: Receipt | undefined): Verdict {
  if (!receipt) return null;
  if (Buffer.compare(receipt.digest, digest) !== 0) return { status: 'id_reuse', id };
  return { status: 'duplicate', position: receipt.position, reply: receipt.reply };
}

function conflictOf({ guards, writes }: PreparedItem, versions: ReadonlyMap<string, number>): Verdict {
  const expectations = [...guards.map(({ stream, version }) => ({ stream, expected: version })), ...writes];
  for (const { stream, expected } of expectations) {
    const actual = versions.get(stream)!;
    if (expected !== 'any' && expected !== actual) return { status: 'conflict', stream, expected, actual };
  }
  return null;
}
