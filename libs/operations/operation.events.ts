/**
 * Events of `operation` streams: what operators and the program itself did. One stream per subject:
 * `operation-token/<id>`, `operation-import/<id>`, `operation-source/<source>`, `operation-keys`, `operation-evidence`, `operation-persons`, `operation-projection/<name>`,
 * `operation-skips-<projection>`, `operation-letter/<id>`.
 */
import { z } from 'zod';
import { defineEvent, type EventsOf, of } from '#event-store';
import { backupEvents } from './backup/backup.events.js';

import { archiveEvents } from './archive/archive.events.js';
import { deadLetterEvents } from './dead-letter/dead-letter.events.js';
import { evidenceEvents } from './evidence/evidence.events.js';
import { personEvents } from './person/person.events.js';
import { rebuildEvents } from './rebuild/rebuild.events.js';

export const role = z.enum(['installer', 'client', 'agent', 'ingest', 'auditor', 'operator']);

/** What a token may touch; an absent part means "all". `accounts` of an installer: the accounts it may administer. */
export const scope = z.object({
  forest: z.string().optional(),
  domains: z.array(z.string()).optional(),
  accounts: z.array(z.string()).optional(),
});

export const operationEvents = {
  ...backupEvents,
  /** `secretDigest` is the SHA-256 of 256 random bits. `actor` is `account:<id>` or an outside id. */
  TokenCreated: defineEvent(
    'TokenCreated',
    z.object({
      token: z.string(),
      actor: z.string(),
      roles: z.array(role).min(1),
      scope,
      secretDigest: z.string(),
      expiresAt: z.string().optional(),
      note: z.string().optional(),
    }),
  ),
  TokenRevoked: defineEvent('TokenRevoked', z.object({ token: z.string() })),
  /** Fixed once: which forest this source's records speak about. */
  SourceBound: defineEvent('SourceBound', z.object({ source: z.string(), kind: z.string(), forest: z.string() })),
  ImportStarted: defineEvent(
    'ImportStarted',
    z.object({
      import: z.string(),
      name: z.string(),
      kind: z.string(),
      forest: z.string().optional(),
      observedAt: z.string().optional(),
    }),
    { personal: { name: of('import') } },
  ),
  ImportFinished: defineEvent(
    'ImportFinished',
    z.object({
      import: z.string(),
      bytes: z.int(),
      records: z.int(),
      appended: z.int(),
      duplicates: z.int(),
      unmapped: z.int(),
      quarantined: z.int(),
      sha256: z.string(),
    }),
  ),
  /** A source record that could not be read. `raw` is its beginning (at most 4 KiB); nothing of it is lost: `sha256` and `bytes` tell the rest. */
  RecordQuarantined: defineEvent(
    'RecordQuarantined',
    z.object({
      import: z.string(),
      name: z.string(),
      line: z.int(),
      offset: z.int(),
      reason: z.string(),
      raw: z.string(),
      bytes: z.int(),
      sha256: z.string(),
    }),
    { personal: { raw: of('import'), reason: of('import'), name: of('import') } },
  ),
  /** The key under which UPN and sAMAccountName become stream ids; never changed. */
  NameKeyEstablished: defineEvent('NameKeyEstablished', z.object({ fingerprint: z.string() })),
  KeyEncryptionKeyExported: defineEvent('KeyEncryptionKeyExported', z.object({ fingerprint: z.string() })),
  ...rebuildEvents,
  ...evidenceEvents,
  ...archiveEvents,
  ...personEvents,
  ...deadLetterEvents,
};

export type Role = z.infer<typeof role>;
export type Scope = z.infer<typeof scope>;
export type OperationEvent = EventsOf<typeof operationEvents>;
