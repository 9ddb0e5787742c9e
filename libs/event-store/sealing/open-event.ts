/**
 * How a stored event carries personal values, and how they come back:
 *
 *   data.sealed = { "<subject id>": "<box>" }, a box's text = { "<path in data>": "<value>" }; metadata's actor: "/actor"
 *
 * In the places themselves stand pseudonyms, so that an event whose keys are gone has the same shape.
 */
import type { RecordedEvent } from '../event.js';
import type { SubjectKey } from './subject-key.js';

export const SEALED = 'sealed';
/** No path in data begins with a slash. */
export const ACTOR = '/actor';

/** Ids of the subjects whose boxes an event carries. */
export function sealedSubjects({ data }: RecordedEvent): readonly string[] {
  const sealed = data[SEALED];
  return typeof sealed === 'object' && sealed !== null ? Object.keys(sealed) : [];
}

/**
 * The event with its originals back, as far as their keys are there, and without its boxes. `event` was parsed for this call
 * alone: its parts are written over. Throws BoxDamaged.
 */
export function openEvent(event: RecordedEvent, keys: ReadonlyMap<string, SubjectKey>): RecordedEvent {
  const subjects = sealedSubjects(event);
  if (subjects.length === 0) return event;
  const { [SEALED]: sealed, ...data } = event.data as { readonly [SEALED]: Readonly<Record<string, string>> };
  const place = placeOf(event.stream, event.id);
  let { metadata } = event;
  for (const subject of subjects) {
    const key = keys.get(subject);
    if (!key) continue;
    const originals = JSON.parse(key.open(sealed[subject]!, place)) as Record<string, string>;
    for (const [path, value] of Object.entries(originals)) {
      if (path === ACTOR) metadata = { ...metadata, actor: value };
      else replaceAt(data, path.split('/'), value);
    }
  }
  return { ...event, data, metadata };
}

/** A box moved to another event does not open there. */
export function placeOf(stream: string, id: string): string {
  return `${id.toLowerCase()} ${stream}`;
}

/** Writes over what is at the path. */
export function replaceAt(data: object, path: readonly string[], value: string): void {
  let part = data as Record<string, unknown>;
  for (const step of path.slice(0, -1)) part = part[step] as Record<string, unknown>;
  part[path.at(-1)!] = value;
}
