/** Short ways to say what a test appends, and what is true of every log at any time. */
import { expect } from '@jest/globals';
import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from 'pg';
import type { JsonObject, NewEvent } from './event.js';
import { leafHash } from './event-body.js';
import type { AppendItem, ExpectedVersion, StreamWrite } from './event-store.js';

export function event(type: string, data: JsonObject = {}): NewEvent {
  return { type, schemaVersion: 1, occurredAt: '2026-11-22T10:00:00Z', data, metadata: { origin: 'decided' } };
}

export function write(stream: string, expected: ExpectedVersion, ...types: string[]): StreamWrite {
  return { stream, expected, events: types.map((type) => event(type)) };
}

/** An item under a fresh id. */
export function item(writes: readonly StreamWrite[], rest: Partial<AppendItem> = {}): AppendItem {
  const id = rest.id ?? randomUUID();
  return { id, digest: digestOf(id), writes, ...rest };
}

export function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** A stream that no other test uses. */
export function freshStream(): string {
  return `test-${randomUUID()}`;
}

export async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 10_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`did not become true in ${timeoutMs} ms: ${condition}`);
    await delay(10);
  }
}

type LogRow = {
  readonly position: number;
  readonly stream: string;
  readonly version: number;
  readonly recorded_at: string;
  readonly body: string;
  readonly leaf: Buffer;
};

/**
 * Positions 1..N without a gap; in every stream versions 1..n and each event naming the leaf before it; leaves over the
 * very bytes; recordedAt never falling; head and stream heads at the last event, and each stream between the first and
 * last position that its head names. Gives N.
 */
export async function expectIntactLog(pool: Pool): Promise<number> {
  const { rows } = await pool.query<LogRow>('SELECT * FROM log.event_log ORDER BY position');
  const heads = new Map<string, { version: number; leaf: string; first_position: number; last_position: number }>();
  let recordedAt = '';
  for (const [n, row] of rows.entries()) {
    const body = JSON.parse(row.body) as Record<string, unknown>;
    const head = heads.get(row.stream);
    expect(row.position).toBe(n + 1);
    expect(row.version).toBe((head?.version ?? 0) + 1);
    expect(body).toMatchObject({ stream: row.stream, version: row.version, prev: head?.leaf ?? null });
    expect(row.leaf.toString('hex')).toBe(leafHash(row.body));
    expect(String(body['recordedAt']) >= recordedAt).toBe(true);
    recordedAt = String(body['recordedAt']);
    const { stream, version, position, leaf } = row;
    const first = head?.first_position ?? position;
    heads.set(stream, { version, leaf: leaf.toString('hex'), first_position: first, last_position: position });
  }
  const streamHeads = await pool.query(
    `SELECT stream, version, encode(leaf, 'hex') AS leaf, first_position, last_position FROM log.stream_head`,
  );
  expect(new Map(streamHeads.rows.map(({ stream, ...head }) => [stream, head]))).toEqual(heads);
  const { rows: log } = await pool.query('SELECT size FROM log.log_head');
  expect(log).toEqual([{ size: rows.length }]);
  return rows.length;
}
