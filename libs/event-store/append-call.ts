/** Calls that wait in the append queue: a call is answered when each of its items is, and items leave in groups. */
import { GROUP_BYTES_MAX, GROUP_ITEMS_MAX, type PreparedItem } from './append-item.js';
import type { AppendResult } from './event-store.js';

type Call = {
  readonly results: AppendResult[];
  unanswered: number;
  readonly resolve: (results: AppendResult[]) => void;
  readonly reject: (error: Error) => void;
};

export type Waiting = { readonly item: PreparedItem; readonly call: Call; readonly index: number };

export function openCall(items: readonly PreparedItem[]): { waiting: Waiting[]; answered: Promise<AppendResult[]> } {
  let waiting: Waiting[] = [];
  const answered = new Promise<AppendResult[]>((resolve, reject) => {
    const call = { results: [], unanswered: items.length, resolve, reject };
    waiting = items.map((item, index) => ({ item, call, index }));
    if (items.length === 0) resolve([]);
  });
  return { waiting, answered };
}

export function answer({ call, index }: Waiting, result: AppendResult): void {
  call.results[index] = result;
  if (--call.unanswered === 0) call.resolve(call.results);
}

/** From the front, at most `itemsMax` and what a group holds; an id that is already in it waits for the next one, and is a duplicate there. */
export function takeGroup(
  waiting: readonly Waiting[],
  itemsMax = GROUP_ITEMS_MAX,
): { group: Waiting[]; rest: Waiting[]; bytes: number } {
  const group: Waiting[] = [];
  const later: Waiting[] = [];
  const ids = new Set<string>();
  let bytes = 0;
  let taken = 0;
  for (const each of waiting) {
    if (group.length === Math.min(itemsMax, GROUP_ITEMS_MAX) || bytes + each.item.bytes > GROUP_BYTES_MAX) break;
    taken += 1;
    if (ids.has(each.item.id)) {
      later.push(each);
      continue;
    }
    ids.add(each.item.id);
    bytes += each.item.bytes;
    group.push(each);
  }
  return { group, rest: [...later, ...waiting.slice(taken)], bytes };
}
