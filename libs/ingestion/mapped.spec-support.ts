/** What the specs of this lib do with mapped items. */
import type { ExchangeEvent } from '#authentication';
import type { AccountEvent, ObservedDirectoryEvent } from '#directory';
import type { NewEvent } from '#event-store';
import { mapFile, type MappedItem } from './map-file.js';
import type { Naming } from './place.js';

export type Event = NewEvent & (AccountEvent | ObservedDirectoryEvent | ExchangeEvent);
export type EventOf<Type extends Event['type']> = Extract<Event, { type: Type }>;

export async function collect(input: AsyncIterable<Uint8Array>, naming: Naming): Promise<MappedItem[]> {
  const items: MappedItem[] = [];
  for await (const item of mapFile(input, naming)) items.push(item);
  return items;
}

/** `content` in the given pieces. */
export async function* inChunks(content: Buffer, cuts: readonly number[] = []): AsyncGenerator<Buffer> {
  const bounds = [0, ...cuts.toSorted((a, b) => a - b), content.length];
  for (const [index, end] of bounds.slice(1).entries()) yield content.subarray(bounds[index], end);
}

export function eventsOf(items: readonly MappedItem[]): Event[] {
  return items.flatMap((item) => (item.kind === 'record' ? (item.events as readonly Event[]) : []));
}

export function itemsOf<Kind extends MappedItem['kind']>(
  items: readonly MappedItem[],
  kind: Kind,
): Extract<MappedItem, { kind: Kind }>[] {
  return items.filter((item): item is Extract<MappedItem, { kind: Kind }> => item.kind === kind);
}

export function tally(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}
