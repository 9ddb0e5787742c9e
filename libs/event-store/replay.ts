/**
 * Reading the log as a whole, in order, in bounded memory (event-store design §5.3). A range of positions at a time, each
 * a statement of its own: no snapshot is held for long, so vacuum goes on and appends stay as fast as they were, however
 * slowly the events are consumed. The next range is asked for before the last one is read, so the server never waits.
 */
import type { Pool, PoolClient } from 'pg';
import { CopyRecords } from './copy-records.js';
import type { LogRecord } from './event-decoder.js';
import { LogUnavailable } from './event-store.error.js';

const RANGE = 8_192;
/** Short-lived in the young generation of the heap: pages of 2,048 cost 40 % more CPU, for they outlive it. */
const PAGE_SIZE = 512;

/** Events with `after` < position <= `upTo`. */
export type Range = { readonly after: number; readonly upTo: number };

/**
 * Records of the table, in order, without a gap: stops before the first position of the range that the table does not have
 * (its partition was detached). Throws LogUnavailable. A consumer that stops early ends the session.
 */
export async function* readTable(pool: Pool, { after, upTo }: Range): AsyncGenerator<readonly LogRecord[]> {
  const client = await pool.connect().catch((cause: unknown) => {
    throw new LogUnavailable('read', cause);
  });
  let finished = false;
  try {
    finished = yield* readRanges(client, { after, upTo });
  } catch (cause) {
    throw new LogUnavailable('read', cause);
  } finally {
    client.release(!finished);
  }
}

/** Answers whether all was read that was asked for. */
async function* readRanges(
  client: PoolClient,
  { after, upTo }: Range,
): AsyncGenerator<readonly LogRecord[], boolean, undefined> {
  let position = after;
  let ahead: CopyRecords | undefined = ask(client, after, upTo);
  for (let from = after; ahead; from += RANGE) {
    const range: CopyRecords = ahead;
    ahead = from + RANGE < upTo ? ask(client, from + RANGE, upTo) : undefined;
    for await (const page of range.pages()) {
      const gap = page.findIndex((record, n) => record.position !== position + n + 1);
      if (gap > 0) yield page.slice(0, gap);
      if (gap >= 0) return false;
      position += page.length;
      yield page;
    }
    if (position < Math.min(from + RANGE, upTo)) return false;
  }
  return true;
}

/** Rows come by the index of each partition, one partition after the other: a young table without statistics would be sorted. */
function ask(client: PoolClient, after: number, upTo: number): CopyRecords {
  const rows = `SELECT position, body FROM log.event_log WHERE position > ${BigInt(after)}
                   AND position <= ${BigInt(Math.min(after + RANGE, upTo))} ORDER BY position`;
  const statement = `BEGIN READ ONLY; SET LOCAL enable_sort = off; COPY (${rows}) TO STDOUT (FORMAT binary); COMMIT`;
  return client.query(new CopyRecords(statement, PAGE_SIZE));
}
