/**
 * Events of `operation-archive/<first position>`, one stream per partition of the log: how it left the database, and what retention took
 * of it. Each is recorded before the step that it names, which is done again until it is done (docs/archive.md).
 */
import { z } from 'zod';
import { defineEvent } from '#event-store';

/** `sha256` of the whole file, hex. */
const file = z.object({ first: z.int(), generation: z.int(), bytes: z.int(), sha256: z.string() });
/** Positions, and the RFC 6962 hash over the leaves of all of them, hex: a subtree of the evidence log's tree. */
const partition = { first: z.int(), last: z.int(), root: z.string(), files: z.array(file) };

export const archiveEvents = {
  PartitionDetached: defineEvent('PartitionDetached', z.object(partition)),
  /** A tombstone: bodies of `events` events of the categories `dropped` were given up; their leaves stay, under a checkpoint of this size. */
  PartitionRetired: defineEvent(
    'PartitionRetired',
    z.object({
      ...partition,
      checkpoint: z.int(),
      kept: z.array(z.string()),
      dropped: z.array(z.string()),
      events: z.int(),
    }),
  ),
};
