/** `node message-db.mjs URL`: message-db's SQL functions, loaded in the order of its install script, called as its clients do. */
import { randomUUID } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Pool } from 'pg';
import { ticketIssued } from '../../dist/bench/event-log-cases.js';
import { serve } from '../../dist/bench/log/contender.js';
import { measureCallers, measureRun } from '../../dist/bench/log/measure.js';

const EVENTS_PER_STREAM = 10;
const CONNECTIONS = 32;
const PAGE = 1_000;
const FILL_AT_ONCE = 500;
const options = '-c search_path=message_store,public';
const pool = new Pool({ connectionString: process.argv[2], max: CONNECTIONS, options });
const folder = join(dirname(createRequire(import.meta.url).resolve('@eventide/message-db/package.json')), 'database');

await install();

async function install() {
  const sql = (path) => readFileSync(join(folder, path), 'utf8');
  const parts = [
    'schema/message-store.sql',
    'tables/messages.sql',
    'types/message.sql',
    ...functionsInOrder(sql('install-functions.sh')),
    ...readdirSync(join(folder, 'indexes')).map((name) => `indexes/${name}`),
  ];
  for (const part of parts) await pool.query(sql(part).replaceAll(' CONCURRENTLY', ''));
}

/** The install script names them one after the other. */
function functionsInOrder(script) {
  return [...script.matchAll(/functions\/[a-z0-9-]+\.sql/g)].map(([path]) => path);
}

/** A category per caller: its lock is per category, so this is its best case. */
let callersMade = 0;
function writeCaller() {
  const category = `exchange${callersMade++ % CONNECTIONS}`;
  let n = 0;
  let stream = '';
  return async () => {
    const version = n % EVENTS_PER_STREAM;
    if (version === 0) stream = `${category}-${randomUUID()}`;
    const { type, data, metadata } = ticketIssued(n++);
    const values = [randomUUID(), stream, type, JSON.stringify(data), JSON.stringify(metadata), version - 1];
    await pool.query({ name: 'write', text: 'SELECT write_message($1, $2, $3, $4::jsonb, $5::jsonb, $6)', values });
  };
}

/** Rows as write_message makes them, many at a time: only the reading of them is measured. */
async function fill(count) {
  await pool.query('TRUNCATE messages RESTART IDENTITY');
  const text = `INSERT INTO messages (id, stream_name, position, type, data, metadata)
    SELECT gen_random_uuid(), s, p, t, d::jsonb, m::jsonb
      FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[]) AS row (s, p, t, d, m)`;
  for (let sent = 0; sent < count; sent += FILL_AT_ONCE) {
    const stream = `replayed-${randomUUID()}`;
    const events = Array.from({ length: FILL_AT_ONCE }, (_, n) => ticketIssued(sent + n));
    await pool.query(text, [
      events.map(() => stream),
      events.map((_, n) => n),
      events.map(({ type }) => type),
      events.map(({ data }) => JSON.stringify(data)),
      events.map(({ metadata }) => JSON.stringify(metadata)),
    ]);
  }
  await pool.query('VACUUM ANALYZE messages');
  return count;
}

async function readCategory() {
  let read = 0;
  for (let from = 1n; ;) {
    const text = 'SELECT * FROM get_category_messages($1, $2, $3)';
    const { rows } = await pool.query({ name: 'read', text, values: ['replayed', from, PAGE] });
    read += rows.map(({ data, metadata }) => ({ data: JSON.parse(data), metadata: JSON.parse(metadata) })).length;
    if (rows.length < PAGE) return read;
    from = BigInt(rows.at(-1).global_position) + 1n;
  }
}

serve({
  write: ({ callers, forMs }) => measureCallers(writeCaller, callers, forMs),
  fill: ({ count }) => measureRun(() => fill(count)),
  'read category': () => measureRun(readCategory),
});
