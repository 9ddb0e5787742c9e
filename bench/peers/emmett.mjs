/** `node emmett.mjs URL`: emmett-postgresql as released, and its reader with the indexes of its pull request 379. */
import { randomUUID } from 'node:crypto';
import { getPostgreSQLEventStore, readMessagesBatch } from '@event-driven-io/emmett-postgresql';
import { dumbo } from '@event-driven-io/dumbo';
import { Client } from 'pg';
import { ticketIssued } from '../../dist/bench/event-log-cases.js';
import { serve } from '../../dist/bench/log/contender.js';
import { measureCallers, measureRun } from '../../dist/bench/log/measure.js';

const EVENTS_PER_STREAM = 10;
const FILL_BATCH = 100;
const PAGE = 5_000;
const url = process.argv[2];
const store = getPostgreSQLEventStore(url);
await store.schema.migrate();

function appendCaller() {
  let n = 0;
  let stream = '';
  return async () => {
    const version = n % EVENTS_PER_STREAM;
    if (version === 0) stream = `exchange-${randomUUID()}`;
    const { type, data, metadata } = ticketIssued(n++);
    const expectedStreamVersion = version === 0 ? 'STREAM_DOES_NOT_EXIST' : BigInt(version);
    await store.appendToStream(stream, [{ type, data, metadata }], { expectedStreamVersion });
  };
}

async function fill(count) {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query('TRUNCATE emt_messages, emt_streams');
  for (let sent = 0; sent < count; sent += FILL_BATCH) {
    const events = Array.from({ length: FILL_BATCH }, (_, n) => {
      const { type, data, metadata } = ticketIssued(sent + n);
      return { type, data, metadata };
    });
    await store.appendToStream(`exchange-${randomUUID()}`, events);
  }
  await client.query(
    'CREATE INDEX IF NOT EXISTS emt_by_transaction ON emt_messages (partition, is_archived, transaction_id, global_position)',
  );
  await client.query('VACUUM ANALYZE emt_messages');
  await client.end();
  return count;
}

async function readAll() {
  const pool = dumbo({ connectionString: url });
  let read = 0;
  for (let after = 0n; ;) {
    const { messages, currentGlobalPosition } = await readMessagesBatch(pool.execute, { after, batchSize: PAGE });
    read += messages.length;
    if (messages.length < PAGE) break;
    after = currentGlobalPosition;
  }
  await pool.close();
  return read;
}

serve({
  append: ({ callers, forMs }) => measureCallers(appendCaller, callers, forMs),
  fill: ({ count }) => measureRun(() => fill(count)),
  'read all': () => measureRun(readAll),
});
