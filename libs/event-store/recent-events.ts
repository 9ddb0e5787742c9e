/**
 * The events at the log's end, decoded once for all who follow it: every live reader asks for the same pages within
 * milliseconds, and decoding, with personal data to be opened, costs more than reading. Bounded in number and in time.
 */
import type { RecordedEvent } from './event.js';

const EVENTS_MAX = 8_192;
/** Personal data that was opened is not kept longer, so that an erasure need not wait much for it. */
export const RECENT_EVENTS_LIFE_MS = 1_000;

type Chunk = { readonly events: readonly RecordedEvent[]; readonly decodedAt: number };

export class RecentEvents {
  /** Without a gap from the first to the last. */
  #chunks: Chunk[] = [];
  #size = 0;

  /** What is kept of the events after a position, in order from the next one on; empty when that one is not kept. */
  after(position: number, limit: number, now: number): RecordedEvent[] {
    this.#forget(now);
    const found: RecordedEvent[] = [];
    for (const { events } of this.#chunks) {
      const from = position + found.length + 1 - events[0]!.position;
      if (from < 0) return found;
      for (let n = from; n < events.length && found.length < limit; n++) found.push(events[n]!);
    }
    return found;
  }

  /** Events as they were just decoded, in order and without a gap. Nobody may write to them any more. */
  keep(events: readonly RecordedEvent[], now: number): void {
    const [first] = events;
    if (!first || events.length > EVENTS_MAX || events.at(-1)!.position - first.position !== events.length - 1) return;
    const last = this.#chunks.at(-1)?.events.at(-1)?.position;
    if (last !== undefined && first.position !== last + 1) {
      if (first.position <= last) return; // another reader was faster
      this.#chunks = [];
      this.#size = 0;
    }
    this.#chunks.push({ events, decodedAt: now });
    this.#size += events.length;
    while (this.#size > EVENTS_MAX) this.#drop();
  }

  #forget(now: number): void {
    while (this.#chunks.length > 0 && now - this.#chunks[0]!.decodedAt > RECENT_EVENTS_LIFE_MS) this.#drop();
  }

  #drop(): void {
    this.#size -= this.#chunks.shift()!.events.length;
  }
}
