/**
 * What bench/append.ts compares: each case appends one event of about 650 bytes per call, ten to a stream, and waits for
 * its own durable commit; the bulk cases append as many as they are told. The yardsticks are a bare INSERT and a COPY
 * into the table that most event stores have.
 */
import { hash, randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Pool } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { createEventStore, type AppendItem, type EventStore, type NewEvent, transact } from '#event-store';

export type AppendCase = {
  readonly name: string;
  /** A fresh caller: each call of what it returns appends the caller's next event. */
  readonly caller: () => () => Promise<void>;
};

/** Appends so many events; returns when all are durable. */
export type BulkCase = { readonly name: string; readonly append: (events: number) => Promise<void> };

const EVENTS_PER_STREAM = 10;
/** As an import does it: items of one event, so many in a call, so many calls at a time. */
const BULK_ITEMS = 500;
const BULK_CALLS = 4;
const COPY_CHUNK_ROWS = 200;
const NOW = '2026-11-22T10:53:32.933392Z';

const METADATA = {
  origin: 'decided' as const,
  actor: 'account-01a20448-16e9-776a-aa1d-009b762a03ce',
  correlationId: '01a20448-16ea-73be-9505-e6cf86848607',
  causationId: '01a20448-16ea-77bf-aed1-b813371672ad',
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
};

/** Data and metadata together: 650 bytes of JSON. */
export function ticketIssued(n: number): NewEvent {
  const data = {
    account: '01a20448-16eb-73e1-8ac9-027d75a2b565',
    spn: `HTTP/intranet-${String(n % 1000).padStart(4, '0')}.corp.example`,
    ticket: hash('sha256', String(n)).toUpperCase(),
    etype: 18,
    kvno: 3,
    flags: ['forwardable', 'renewable', 'pre-authent', 'ok-as-delegate'],
    startsAt: NOW,
    endsAt: '2026-11-22T20:53:32.933392Z',
    client: { realm: 'CORP.EXAMPLE', account: '01a20448-16e9-776a-aa1d-009b762a03ce' },
  };
  return { type: 'ServiceTicketIssued', schemaVersion: 1, occurredAt: NOW, data, metadata: METADATA };
}

function usualTable(name: string): string {
  return `CREATE TABLE ${name} (
    global_position bigserial PRIMARY KEY, stream text NOT NULL, version integer NOT NULL, event_id uuid NOT NULL UNIQUE,
    type text NOT NULL, data jsonb NOT NULL, metadata jsonb NOT NULL, created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (stream, version))`;
}

/** One statement, one commit, a connection per caller: PostgreSQL's own group commit at work. */
export async function bareInsert(pool: Pool): Promise<AppendCase> {
  await pool.query(usualTable('usual_events'));
  const text =
    'INSERT INTO usual_events (stream, version, event_id, type, data, metadata) VALUES ($1, $2, $3, $4, $5, $6)';
  return {
    name: 'bare INSERT',
    caller: () => {
      let n = 0;
      let stream = '';
      return async () => {
        if (n % EVENTS_PER_STREAM === 0) stream = `exchange-${randomUUID()}`;
        const { type, data, metadata } = ticketIssued(n);
        const version = (n++ % EVENTS_PER_STREAM) + 1;
        const values = [stream, version, randomUUID(), type, JSON.stringify(data), JSON.stringify(metadata)];
        await pool.query({ name: 'usual', text, values });
      };
    },
  };
}

/** The log's append with an exact expected version. */
export function append(store: EventStore): AppendCase {
  return {
    name: 'append',
    caller: () => {
      let n = 0;
      let stream = '';
      return async () => {
        if (n % EVENTS_PER_STREAM === 0) stream = `exchange-${randomUUID()}`;
        const id = randomUUID();
        const writes = [{ stream, expected: n % EVENTS_PER_STREAM, events: [ticketIssued(n++)] }];
        const [result] = await store.append([{ id, digest: digestOf(id), writes }]);
        if (result!.status !== 'committed') throw new Error(`not committed: ${JSON.stringify(result)}`);
      };
    },
  };
}

/** The write path of every decision: receipt, one stream loaded, one event decided on it, append. */
export function transactOneStream(store: EventStore): AppendCase {
  return {
    name: 'transact',
    caller: () => {
      let n = 0;
      let stream = '';
      return async () => {
        if (n % EVENTS_PER_STREAM === 0) stream = `exchange-${randomUUID()}`;
        const id = randomUUID();
        await transact(store, { id, digest: digestOf(id) }, async (load) => {
          await load(stream);
          return { writes: [{ stream, events: [ticketIssued(n++)] }], reply: null };
        });
      };
    },
  };
}

/** One COPY, one commit, into an empty table with the same three indexes: what PostgreSQL can do when nothing is asked. */
export async function copyUsual(pool: Pool): Promise<BulkCase> {
  await pool.query(usualTable('usual_copied'));
  return {
    name: 'COPY',
    append: async (events) => {
      await pool.query('TRUNCATE usual_copied');
      const client = await pool.connect();
      try {
        const copy = copyFrom('COPY usual_copied (stream, version, event_id, type, data, metadata) FROM STDIN');
        await pipeline(Readable.from(copyChunks(events)), client.query(copy));
      } finally {
        client.release();
      }
    },
  };
}

function* copyChunks(events: number): Iterable<string> {
  let stream = '';
  let chunk = '';
  for (let n = 0; n < events; n++) {
    if (n % EVENTS_PER_STREAM === 0) stream = `exchange-${randomUUID()}`;
    const { type, data, metadata } = ticketIssued(n);
    const version = (n % EVENTS_PER_STREAM) + 1;
    chunk += `${stream}\t${version}\t${randomUUID()}\t${type}\t${JSON.stringify(data)}\t${JSON.stringify(metadata)}\n`;
    if ((n + 1) % COPY_CHUNK_ROWS > 0) continue;
    yield chunk;
    chunk = '';
  }
  yield chunk;
}

/** Onto whatever is in the streams, each item with a receipt of its own. */
export function bulkAppend(store: EventStore): BulkCase {
  return {
    name: 'bulk append',
    append: async (events) => {
      const calls = bulkCalls(events);
      const caller = async (): Promise<void> => {
        for (const items of calls) {
          const results = await store.append(items);
          if (!results.every(({ status }) => status === 'committed')) throw new Error('not all were committed');
        }
      };
      await Promise.all(Array.from({ length: BULK_CALLS }, caller));
    },
  };
}

function* bulkCalls(events: number): Generator<AppendItem[]> {
  let stream = '';
  let items: AppendItem[] = [];
  for (let n = 0; n < events; n++) {
    if (n % EVENTS_PER_STREAM === 0) stream = `exchange-${randomUUID()}`;
    const id = randomUUID();
    items.push({ id, digest: digestOf(id), writes: [{ stream, expected: 'any', events: [ticketIssued(n)] }] });
    if (items.length < BULK_ITEMS) continue;
    yield items;
    items = [];
  }
  if (items.length > 0) yield items;
}

export function openStore(pool: Pool, appendPool: Pool): EventStore {
  return createEventStore({ pool, appendPool, catalogues: [] });
}

function digestOf(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}
