/** Events of the stream `operation-evidence`: which keys sign the log's checkpoints, and where the witness began anew. */
import { z } from 'zod';
import { defineEvent } from '#event-store';

/** `verifierKey` is C2SP signed-note text, public. `from` is when it begins to sign, RFC 3339 UTC. */
const key = { key: z.int().min(1), verifierKey: z.string(), from: z.string() };

export const evidenceEvents = {
  /** With the first start: the origin names the log on its checkpoints and never changes. */
  CheckpointKeyEstablished: defineEvent('CheckpointKeyEstablished', z.object({ origin: z.string(), ...key })),
  /** The keys before it sign beside it until `previousUntil`. */
  CheckpointKeyRotated: defineEvent('CheckpointKeyRotated', z.object({ ...key, previousUntil: z.string() })),
  /** The witness held nothing although checkpoints were signed: it began anew with this one. `root` is base64. */
  WitnessEstablished: defineEvent(
    'WitnessEstablished',
    z.object({ witness: z.string(), size: z.int().min(1), root: z.string() }),
  ),
};
