/** Events of `operation-projection/<name>`: what was done to a read model, and what it held then. */
import { z } from 'zod';
import { defineEvent } from '#event-store';

const rebuilt = {
  projection: z.string(),
  version: z.int(),
  /** The tables held the log up to here exactly when `digest` was taken. */
  position: z.int(),
  /** Hex SHA-256 over the digests of the tables. */
  digest: z.string(),
};

export const rebuildEvents = {
  ProjectionRebuilt: defineEvent('ProjectionRebuilt', z.object(rebuilt)),
  /**
   * As above, and every event read for it was in the signed tree: `root` (base64, as in the checkpoint) of its first `size`
   * events. `upcasters`: hex SHA-256 of the set by which old shapes were read.
   */
  ProjectionAttested: defineEvent(
    'ProjectionAttested',
    z.object({ ...rebuilt, size: z.int(), root: z.string(), upcasters: z.string() }),
  ),
};
