/**
 * The write path of every decision (architecture §4): load, decide, append, retry on conflict. Nothing of it is hidden.
 *
 * It promises: no decision is recorded after an event that changed anything it read. Every stream that `decide` loads is
 * remembered with the version it was read at (0: it did not exist); at the append a stream that is written must still be
 * at that version, and one that was only read is guarded at it, all judged at once under the log's lock.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Json, NewEvent, RecordedEvent } from './event.js';
import { RequestIdReused, WrongExpectedVersion } from './event-store.error.js';
import type { AppendItem, Committed, EventStore, ExpectedVersion, Guard, StreamWrite } from './event-store.js';
import { compareInstants } from './instant.js';

/** All events of a stream, in order; empty when it does not exist. Asking twice in one decision reads once. */
export type Load = (stream: string) => Promise<readonly RecordedEvent[]>;

export type DecidedWrite = {
  readonly stream: string;
  /** None: the stream stays as it is, and is guarded if it was loaded. */
  readonly events: readonly NewEvent[];
  /** Only for a stream that was not loaded: `any` to add to whatever is there, 0 for a stream that must be new. */
  readonly expected?: 'any' | 0;
};

export type Decision<Reply extends Json> = { readonly writes: readonly DecidedWrite[]; readonly reply: Reply };

export type Request = {
  /** UUID of the request. The same request asked again gets the first reply. */
  readonly id: string;
  /** 32 bytes over the request: `requestDigest`. */
  readonly digest: Uint8Array;
  /** How often to decide before giving up on conflicts. */
  readonly attempts?: number;
};

const ATTEMPTS = 20;
const BACKOFF_MS_MAX = 100;

/**
 * `decide` may be asked again and may do I/O, but must have no lasting effect of its own. What it throws is passed on,
 * and nothing is written, unless the same request was answered meanwhile. Throws `RequestIdReused`, `WrongExpectedVersion` after the last attempt, and what
 * `EventStore.append` throws.
 */
export async function transact<Reply extends Json>(
  store: EventStore,
  { id, digest, attempts = ATTEMPTS }: Request,
  decide: (load: Load) => Promise<Decision<Reply>>,
): Promise<Committed & { readonly reply: Reply }> {
  // 1. A request that was answered before gets its first answer.
  const first = await store.receipt(id, digest);
  if (first) return answered<Reply>(first);

  for (let attempt = 1; ; attempt++) {
    // 2. Load and decide.
    const reading = new Reading(store);
    let decision: Decision<Reply>;
    try {
      decision = await decide((stream) => reading.load(stream));
    } catch (refused) {
      // The same request sent twice at once: its twin may just have done what this one is refused for.
      const twin = await store.receipt(id, digest);
      if (!twin) throw refused;
      return answered<Reply>(twin);
    }

    // 3. Append, with everything that was read expected to be as it was read.
    const [result] = await store.append([reading.item({ id, digest }, decision.writes, decision.reply)]);
    if (result!.status !== 'conflict') return answered<Reply>(result!);

    // 4. Somebody was faster: decide again on what is there now.
    const { stream, expected, actual } = result!;
    if (attempt >= attempts) throw new WrongExpectedVersion(stream, expected, actual);
    await delay(Math.random() * Math.min(2 ** attempt, BACKOFF_MS_MAX));
  }
}

function answered<Reply extends Json>(
  result: Committed | { status: 'id_reuse'; id: string },
): Committed & { reply: Reply } {
  if (result.status === 'id_reuse') throw new RequestIdReused(result.id);
  return result as Committed & { reply: Reply };
}

/** What one decision has read. */
class Reading {
  readonly #streams = new Map<string, Promise<readonly RecordedEvent[]>>();
  readonly #last = new Map<string, RecordedEvent | undefined>();

  constructor(private readonly store: EventStore) {}

  load(stream: string): Promise<readonly RecordedEvent[]> {
    let events = this.#streams.get(stream);
    if (!events) {
      events = this.store.readStream(stream).then((read) => {
        this.#last.set(stream, read.at(-1));
        return read;
      });
      this.#streams.set(stream, events);
    }
    return events;
  }

  item(request: Pick<AppendItem, 'id' | 'digest'>, writes: readonly DecidedWrite[], reply: Json): AppendItem {
    const written = writes.filter(({ events }) => events.length > 0);
    const writing = new Set(written.map(({ stream }) => stream));
    const guards: Guard[] = [];
    for (const [stream, last] of this.#last)
      if (!writing.has(stream)) guards.push({ stream, version: last?.version ?? 0 });
    return { ...request, writes: written.map((write) => this.#write(write)), guards, reply };
  }

  #write({ stream, events, expected }: DecidedWrite): StreamWrite {
    const last = this.#last.get(stream);
    return {
      stream,
      expected: this.#expected(stream, expected),
      events: events.map((event) => notBefore(last, event)),
    };
  }

  #expected(stream: string, stated: 'any' | 0 | undefined): ExpectedVersion {
    if (this.#last.has(stream)) return this.#last.get(stream)?.version ?? 0;
    if (stated === undefined)
      throw new TypeError(`${stream} is written but was not loaded: load it, or state what is expected`);
    return stated;
  }
}

/** A decided event never occurs before its stream's last one, whatever the clocks of two processes say (architecture §6). */
function notBefore(last: RecordedEvent | undefined, event: NewEvent): NewEvent {
  if (!last || compareInstants(event.occurredAt, last.occurredAt) >= 0) return event;
  return { ...event, occurredAt: last.occurredAt };
}
