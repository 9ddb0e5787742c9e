/**
 * Sealing (docs/personal-data.md): in the stored event a pseudonym stands in the place of each personal value, and the values
 * travel beside it in one box per subject, so that erasing the subject's key erases them and changes no byte of the log.
 */
import { canonicalJson } from '../canonical-json.js';
import type { EventDefinition } from '../catalogue.js';
import type { Random } from '../clock.js';
import type { Json, JsonObject, NewEvent } from '../event.js';
import { EventRejected } from '../event-store.error.js';
import type { AppendItem } from '../event-store.js';
import { ACTOR, placeOf, replaceAt, SEALED } from './open-event.js';
import { personalValues, subjectForest, type PersonalField, type PersonalValue } from './personal-field.js';
import type { SubjectKey } from './subject-key.js';
import type { SubjectKeys } from './subject-keys.js';

const NONCE_BYTES = 12;
const NONCES_PER_DRAW = 256;

type Fields = readonly (readonly [path: readonly string[], field: PersonalField])[];
type Draft = { readonly stream: string; readonly event: NewEvent; readonly values: readonly PersonalValue[] };

export class Sealer {
  readonly #fields: ReadonlyMap<string, Fields>;
  #nonces: Buffer = Buffer.alloc(0);

  constructor(
    definitions: ReadonlyMap<string, EventDefinition>,
    private readonly keys: SubjectKeys,
    private readonly newId: () => string,
    private readonly random: Random,
  ) {
    this.#fields = new Map(
      [...definitions].map(([type, { personal }]) => [
        type,
        Object.entries(personal).map(([path, field]) => [path.split('.'), field] as const),
      ]),
    );
  }

  /** The same items with sealed events. Throws EventRejected, and what `SubjectKeys.ensure` throws. */
  async seal(items: readonly AppendItem[]): Promise<readonly AppendItem[]> {
    const values = new Map<NewEvent, readonly PersonalValue[]>();
    for (const { writes } of items)
      for (const { events } of writes) for (const event of events) values.set(event, this.#personalValues(event));

    const subjects = [...values.values()].flat().map(({ subject }) => subject);
    if (subjects.length === 0) return items;
    const keys = await this.keys.ensure(subjects);
    const keyOf = new Map(subjects.map((subject, n) => [subject, keys[n]!]));
    return items.map((item) => ({
      ...item,
      writes: item.writes.map((write) => ({
        ...write,
        events: write.events.map((event) =>
          this.#seal(item.id, { stream: write.stream, event, values: values.get(event)! }, keyOf),
        ),
      })),
    }));
  }

  #personalValues({ type, data, metadata }: NewEvent): readonly PersonalValue[] {
    const found = personalValues(this.#fields.get(type) ?? [], data, metadata.origin);
    if (metadata.origin === 'observed' && metadata.actor) {
      const subject = { forest: subjectForest(data), name: metadata.actor };
      found.push({ path: [ACTOR], value: metadata.actor, port: '', subject });
    }
    return found;
  }

  #seal(item: string, { stream, event, values }: Draft, keyOf: ReadonlyMap<object, SubjectKey>): NewEvent {
    if (values.length === 0) return event;
    if (event.data[SEALED] !== undefined)
      throw new EventRejected(item, `${event.type} has a field "${SEALED}", which is the store's own`);
    const id = event.id ?? this.newId();
    const parts = new Map<SubjectKey, Record<string, string>>();
    const data = copied(event.data, values);
    let { metadata } = event;
    for (const { path, value, port, subject } of values) {
      const key = keyOf.get(subject)!;
      const part = parts.get(key) ?? {};
      part[path.join('/')] = value;
      parts.set(key, part);
      if (path[0] === ACTOR) metadata = { ...metadata, actor: key.pseudonym(value) };
      else replaceAt(data, path, standIn(key, value, port));
    }
    const place = placeOf(stream, id);
    const sealed: Record<string, string> = {};
    for (const [key, part] of parts) sealed[key.id] = key.seal(plain(item, part), place, this.#nonce());
    return { ...event, id, data: { ...data, [SEALED]: sealed }, metadata };
  }

  #nonce(): Buffer {
    if (this.#nonces.length === 0) this.#nonces = this.random(NONCE_BYTES * NONCES_PER_DRAW);
    const nonce = this.#nonces.subarray(0, NONCE_BYTES);
    this.#nonces = this.#nonces.subarray(NONCE_BYTES);
    return nonce;
  }
}

/** An address keeps the form of one: `[erased:…]:34774`. */
function standIn(key: SubjectKey, value: string, port: string): string {
  return port === '' ? key.pseudonym(value) : `[${key.pseudonym(value.slice(0, -port.length))}]${port}`;
}

function plain(item: string, part: Readonly<Record<string, string>>): string {
  try {
    return canonicalJson(part);
  } catch (cause) {
    throw new EventRejected(item, cause instanceof Error ? cause.message : String(cause), cause);
  }
}

/** A copy whose parts under `values` may be written over. */
function copied(data: JsonObject, values: readonly PersonalValue[]): Record<string, Json | undefined> {
  const copy: Record<string, Json | undefined> = { ...data };
  const nested = new Set(values.filter(({ path }) => path.length > 1).map(({ path }) => path[0]!));
  for (const field of nested) copy[field] = structuredClone(copy[field]);
  return copy;
}
