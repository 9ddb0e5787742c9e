/** Tokens and imports as operators see them, from the events of their streams. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RecordedEvent } from '#event-store';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { operationsProjection } from './operations.projection.js';
import { findImports, findTokens } from './operations.query.js';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

function event(position: number, type: string, occurredAt: string, data: RecordedEvent['data']): RecordedEvent {
  const stream = 'operation-test';
  return {
    id: `${position}`,
    stream,
    version: position,
    position,
    type,
    schemaVersion: 1,
    occurredAt,
    recordedAt: occurredAt,
    data,
    metadata: { origin: 'decided', actor: 'kim' },
  };
}

async function given(events: readonly RecordedEvent[]): Promise<void> {
  const client = await database.pool.connect();
  try {
    await client.query('BEGIN');
    await client.query('SET LOCAL search_path = read');
    await operationsProjection.apply(client, events);
    await client.query('COMMIT');
  } finally {
    client.release();
  }
}

describe('tokens and imports', () => {
  it('lists tokens with who made and who revoked them, the newest first, and never a digest', async () => {
    const created = (token: string) => ({
      token,
      actor: 'agent-7',
      roles: ['agent'],
      scope: { forest: 'corp' },
      secretDigest: 'd'.repeat(64),
    });
    await given([
      event(1, 'TokenCreated', '2026-01-01T00:00:00.000000Z', created('a')),
      event(2, 'TokenCreated', '2026-01-02T00:00:00.000000Z', created('b')),
      event(3, 'TokenRevoked', '2026-01-03T00:00:00.000000Z', { token: 'a' }),
    ]);
    const first = await findTokens(database.prisma, { limit: 1 });
    expect(first.rows).toMatchObject([
      { token: 'b', roles: ['agent'], scope: { forest: 'corp' }, createdBy: 'kim', revokedAt: null },
    ]);
    const second = await findTokens(database.prisma, { limit: 1, cursor: first.next! });
    expect(second.rows).toMatchObject([{ token: 'a', revokedAt: '2026-01-03T00:00:00.000000Z', revokedBy: 'kim' }]);
    expect(second.next).toBeNull();
    expect(JSON.stringify([first, second])).not.toContain('dddd');
  });

  it('shows an import that broke off without an end, and the counts of a finished one', async () => {
    const counts = { bytes: 10, records: 3, appended: 2, duplicates: 1, unmapped: 0, quarantined: 0, sha256: 'ab' };
    await given([
      event(4, 'ImportStarted', '2026-01-01T00:00:00.000000Z', { import: 'one', name: 'a.log', kind: 'samba' }),
      event(5, 'ImportFinished', '2026-01-01T00:00:09.000000Z', { import: 'one', ...counts }),
      event(6, 'ImportStarted', '2026-01-02T00:00:00.000000Z', {
        import: 'two',
        name: 'b.ldif',
        kind: 'ldif',
        observedAt: '2026-01-01T12:00:00Z',
      }),
    ]);
    const { rows } = await findImports(database.prisma, { limit: 10 });
    expect(rows).toMatchObject([
      { import: 'two', finishedAt: null, observedAt: '2026-01-01T12:00:00Z' },
      { import: 'one', finishedAt: '2026-01-01T00:00:09.000000Z', ...counts },
    ]);
  });
});
