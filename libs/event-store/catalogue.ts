/**
 * Event catalogues: each domain lib declares its events once, as schemas, and gets types, upcasting and documentation
 * from that one place (architecture §4.5, §7.7).
 */
import type { z } from 'zod';
import type { JsonObject } from './event.js';
import type { PersonalFields } from './sealing/personal-field.js';

/** Turns the data of an event written at `schemaVersion` n into the shape of n + 1. Pure. */
export type Upcaster = (data: JsonObject) => JsonObject;

export type EventDefinition<Type extends string = string, Schema extends z.ZodType = z.ZodType> = {
  readonly type: Type;
  /** The version that is written today. */
  readonly schemaVersion: number;
  readonly schema: Schema;
  /** Fields of `data` that speak about a person, by path; sealed when the event is stored. */
  readonly personal: PersonalFields;
  /** Key n: from schemaVersion n to n + 1; complete from 1 to `schemaVersion` - 1. */
  readonly upcasters: Readonly<Record<number, Upcaster>>;
};

export type Catalogue = Readonly<Record<string, EventDefinition>>;

/** The union `{ type, data }` of a catalogue's events: what a decider decides. */
export type EventsOf<C extends Catalogue> = {
  [K in keyof C]: C[K] extends EventDefinition<infer Type, infer Schema>
    ? { readonly type: Type; readonly data: z.infer<Schema> }
    : never;
}[keyof C];

/** Declares one event. Throws a TypeError when an upcaster is missing. */
export function defineEvent<const Type extends string, Schema extends z.ZodType>(
  type: Type,
  schema: Schema,
  options: { schemaVersion?: number; personal?: PersonalFields; upcasters?: Record<number, Upcaster> } = {},
): EventDefinition<Type, Schema> {
  const { schemaVersion = 1, personal = {}, upcasters = {} } = options;
  for (let version = 1; version < schemaVersion; version++) {
    if (!upcasters[version])
      throw new TypeError(`${type} is at schema version ${schemaVersion} but has no upcaster from ${version}`);
  }
  return { type, schema, schemaVersion, personal, upcasters };
}
