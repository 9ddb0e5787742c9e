/**
 * From the log's bytes to events: the one way that every reader of the log takes. Personal values are opened where their
 * keys are there; an erased person's stay pseudonyms. Then old shapes become current ones: upcasters see opened data.
 */
import type { EventDefinition } from './catalogue.js';
import type { RecordedEvent } from './event.js';
import { decodeEvent } from './event-body.js';
import { openEvent, sealedSubjects } from './sealing/open-event.js';
import type { SubjectKeys } from './sealing/subject-keys.js';
import { upcast } from './upcast.js';

/** One event as the log keeps it: `body` is the exact text that its leaf was taken over. */
export type LogRecord = { readonly position: number; readonly body: string };

export class EventDecoder {
  /** Without keys, sealed events stay as they are stored. */
  constructor(
    private readonly definitions: ReadonlyMap<string, EventDefinition>,
    private readonly keys?: SubjectKeys,
  ) {}

  /** In the order of the records, with one look-up of keys for all. Throws NewerSchemaVersion, BoxDamaged. */
  async decode(records: readonly LogRecord[]): Promise<RecordedEvent[]> {
    const events = await this.#open(records.map(({ position, body }) => decodeEvent(position, body)));
    return events.map((event) => upcast(this.definitions, event));
  }

  async #open(events: RecordedEvent[]): Promise<RecordedEvent[]> {
    if (!this.keys) return events;
    const subjects = new Set(events.flatMap(sealedSubjects));
    if (subjects.size === 0) return events;
    const keys = await this.keys.byId([...subjects]);
    return events.map((event) => openEvent(event, keys));
  }
}
