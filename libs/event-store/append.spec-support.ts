/** Short ways to say what a test appends. */
import { createHash, randomUUID } from 'node:crypto';
import type { JsonObject, NewEvent } from './event.js';
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
