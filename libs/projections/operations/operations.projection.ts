/**
 * Read model of what operators did: tokens (never their digests) and imports. One row per stream, folded event by event: a
 * stream's events arrive in order, and there are few of them.
 */
import type { EventsOf, RecordedEvent } from '#event-store';
import { operationEvents } from '#operations';
import type { PoolClient } from 'pg';
import { insertRows } from '../bulk-rows.js';
import type { Projection } from '../projection.js';

type Operation = RecordedEvent & EventsOf<typeof operationEvents>;

export const operationsProjection: Projection = {
  name: 'operations',
  version: 1,
  tables: ['token', 'import'],
  types: new Set<Operation['type']>(['TokenCreated', 'TokenRevoked', 'ImportStarted', 'ImportFinished']),
  async apply(tx, events) {
    for (const event of events as readonly Operation[]) await fold(tx, event);
  },
};

async function fold(tx: PoolClient, event: Operation): Promise<void> {
  const { occurredAt: at, metadata } = event;
  const by = metadata.actor ?? null;
  switch (event.type) {
    case 'TokenCreated': {
      const { token, actor, roles, scope, note = null, expiresAt = null } = event.data;
      return insertRows(tx, 'token', [
        { token, actor, roles, scope, note, expires_at: expiresAt, created_at: at, created_by: by },
      ]);
    }
    case 'TokenRevoked':
      await tx.query('UPDATE token SET revoked_at = $2, revoked_by = $3 WHERE token = $1', [event.data.token, at, by]);
      return;
    case 'ImportStarted': {
      const { import: id, name, kind, forest = null, observedAt = null } = event.data;
      return insertRows(tx, 'import', [
        { import: id, name, kind, forest, observed_at: observedAt, started_at: at, started_by: by },
      ]);
    }
    case 'ImportFinished': {
      const { import: id, bytes, records, appended, duplicates, unmapped, quarantined, sha256 } = event.data;
      await tx.query(
        `UPDATE import SET finished_at = $2, bytes = $3, records = $4, appended = $5, duplicates = $6, unmapped = $7,
                quarantined = $8, sha256 = $9 WHERE import = $1`,
        [id, at, bytes, records, appended, duplicates, unmapped, quarantined, sha256],
      );
    }
  }
}
