/** Old events in current shapes: the one place where upcasters are applied, on every read (architecture §7.7). */
import { createHash } from 'node:crypto';
import type { Catalogue, EventDefinition } from './catalogue.js';
import type { RecordedEvent } from './event.js';
import { NewerSchemaVersion } from './event-store.error.js';

/** All definitions by event type. Throws a TypeError when two catalogues define the same type. */
export function definitionsByType(catalogues: readonly Catalogue[]): ReadonlyMap<string, EventDefinition> {
  const definitions = new Map<string, EventDefinition>();
  for (const definition of catalogues.flatMap((catalogue) => Object.values(catalogue))) {
    if (definitions.has(definition.type)) throw new TypeError(`two catalogues define the event ${definition.type}`);
    definitions.set(definition.type, definition);
  }
  return definitions;
}

/** Hex SHA-256 of the set of upcasters: two programs with one digest read old events alike. */
export function upcastersDigest(definitions: ReadonlyMap<string, EventDefinition>): string {
  const lines = [...definitions.values()].flatMap(({ type, upcasters }) =>
    Object.entries(upcasters).map(([version, upcaster]) => JSON.stringify([type, version, String(upcaster)])),
  );
  return createHash('sha256').update(lines.toSorted().join('\n')).digest('hex');
}

/**
 * The event in its current shape; an event of a type that no catalogue knows is returned as it is. Throws
 * `NewerSchemaVersion`: to go on with a shape that this program does not know would be to guess.
 */
export function upcast(definitions: ReadonlyMap<string, EventDefinition>, event: RecordedEvent): RecordedEvent {
  const definition = definitions.get(event.type);
  if (!definition || definition.schemaVersion === event.schemaVersion) return event;
  const { schemaVersion, upcasters } = definition;
  if (event.schemaVersion > schemaVersion) {
    throw new NewerSchemaVersion(event.type, event.schemaVersion, schemaVersion, event.position);
  }
  let { data } = event;
  for (let version = event.schemaVersion; version < schemaVersion; version++) data = upcasters[version]!(data);
  return { ...event, schemaVersion, data };
}
