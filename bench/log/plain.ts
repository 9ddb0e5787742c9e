/** `node plain.js URL`: the usual table of an event store with plain `pg`, the yardstick of every ratio. */
import { randomUUID } from 'node:crypto';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Pool } from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { ticketIssued } from '../event-log-cases.js';
import { serve } from './contender.js';
import { measureCallers, measureRun } from './measure.js';

const EVENTS_PER_STREAM = 10;
const CONNECTIONS = 32;
const KEYSET_PAGE = 1_000;
const pool = new Pool({ connectionString: process.argv[2], max: CONNECTIONS });

await pool.query(`CREATE TABLE IF NOT EXISTS usual_events (
  global_position bigserial PRIMARY KEY, stream text NOT NULL, version integer NOT NULL, event_id uuid NOT NULL UNIQUE,
  type text NOT NULL, data jsonb NOT NULL, metadata jsonb NOT NULL, created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (stream, version))`);
await pool.query('CREATE TABLE IF NOT EXISTS replayed_events (LIKE usual_events INCLUDING ALL)');

type Row = readonly [stream: string, version: number, id: string, type: string, data: string, metadata: string];

/** Rows one after the other, ten to a stream. */
function rowSource(): () => Row {
  let n = 0;
  let stream = '';
  return () => {
    if (n % EVENTS_PER_STREAM === 0) stream = `exchange-${randomUUID()}`;
    const { type, data, metadata } = ticketIssued(n);
    const version = (n++ % EVENTS_PER_STREAM) + 1;
    return [stream, version, randomUUID(), type, JSON.stringify(data), JSON.stringify(metadata)];
  };
}

const COLUMNS = '(stream, version, event_id, type, data, metadata)';

function insertCaller(): () => Promise<void> {
  const next = rowSource();
  const text = `INSERT INTO usual_events ${COLUMNS} VALUES ($1, $2, $3, $4, $5, $6)`;
  return async () => void (await pool.query({ name: 'usual', text, values: [...next()] }));
}

async function unnestBatches(batch: number, count: number): Promise<number> {
  const next = rowSource();
  const text = `INSERT INTO usual_events ${COLUMNS}
    SELECT * FROM unnest($1::text[], $2::integer[], $3::uuid[], $4::text[], $5::jsonb[], $6::jsonb[])`;
  for (let sent = 0; sent < count; sent += batch) {
    const rows = Array.from({ length: batch }, next);
    await pool.query({
      name: 'unnest',
      text,
      values: [0, 1, 2, 3, 4, 5].map((column) => rows.map((row) => row[column])),
    });
  }
  return count;
}

/** In one transaction. */
async function copyInto(table: string, count: number): Promise<number> {
  const client = await pool.connect();
  try {
    const next = rowSource();
    const escape = (text: string): string => text.replace(/\\/g, '\\\\');
    const lines = function* (): Iterable<string> {
      for (let n = 0; n < count; n += 500) {
        yield Array.from(
          { length: Math.min(500, count - n) },
          () =>
            `${next()
              .map((value) => escape(String(value)))
              .join('\t')}\n`,
        ).join('');
      }
    };
    await pipeline(lines(), client.query(copyFrom(`COPY ${table} ${COLUMNS} FROM STDIN`)));
    return count;
  } finally {
    client.release();
  }
}

/** The bytes of every row in order, looked at by nobody. */
async function copyOut(): Promise<number> {
  const client = await pool.connect();
  try {
    const stream = client.query(copyTo('COPY (SELECT * FROM replayed_events ORDER BY global_position) TO STDOUT'));
    const sink = new Writable({ write: (_chunk, _encoding, done) => done() });
    await pipeline(stream, sink);
    return stream.rowCount;
  } finally {
    client.release();
  }
}

async function keyset(): Promise<number> {
  let read = 0;
  for (let after = '0'; ;) {
    const text = 'SELECT * FROM replayed_events WHERE global_position > $1 ORDER BY global_position LIMIT $2';
    const { rows } = await pool.query<{ global_position: string }>({
      name: 'keyset',
      text,
      values: [after, KEYSET_PAGE],
    });
    read += rows.length;
    if (rows.length < KEYSET_PAGE) return read;
    after = rows.at(-1)!.global_position;
  }
}

async function fill(count: number): Promise<number> {
  await copyInto('replayed_events', count);
  await pool.query('VACUUM ANALYZE replayed_events');
  return count;
}

serve({
  insert: ({ callers, forMs }) => measureCallers(insertCaller, callers, forMs),
  'unnest 100': ({ count }) => measureRun(() => unnestBatches(100, count)),
  'unnest 500': ({ count }) => measureRun(() => unnestBatches(500, count)),
  'unnest 1000': ({ count }) => measureRun(() => unnestBatches(1_000, count)),
  copy: ({ count }) => measureRun(() => copyInto('usual_events', count)),
  fill: ({ count }) => measureRun(() => fill(count)),
  'copy out': () => measureRun(copyOut),
  keyset: () => measureRun(keyset),
});
