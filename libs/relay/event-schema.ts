/**
 * What the value of a message looks like: JSON Schemas made from the very schemas that events are decided by. They describe
 * data as it stands in the log, where a pseudonym stands in the place of each personal text and the originals travel sealed.
 */
import { z } from 'zod';
import type { EventDefinition } from '#event-store';

export type JsonSchema = { readonly [keyword: string]: unknown };

const SEALED = {
  type: 'object',
  description: 'The originals of personal texts, one sealed box for each person, by the id of its key.',
  additionalProperties: { type: 'string' },
};

/** `ce_dataschema` of a message, and `$id` of the schema that it means. */
export function eventSchemaId(type: string, schemaVersion: number): string {
  return `urn:kerbtrail:event:${type}:v${schemaVersion}`;
}

/**
 * Draft 7, as AsyncAPI has it. Open: a later program may add optional fields without counting the version up
 * (docs/schema-evolution.md).
 */
export function eventSchema({ type, schemaVersion, schema }: EventDefinition): JsonSchema {
  const { $schema: _, properties, ...rest } = z.toJSONSchema(schema, { target: 'draft-7', io: 'input' });
  return {
    $id: eventSchemaId(type, schemaVersion),
    title: type,
    ...rest,
    properties: { ...properties, sealed: SEALED },
  };
}
