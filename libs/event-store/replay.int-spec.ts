/** The log as a whole, in order, in bounded memory: promises of `replay`, `records`, `recordsAt` and `decode`. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { z } from 'zod';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { event, item, until } from './append.spec-support.js';
import { defineEvent } from './catalogue.js';
import { CopyRecords } from './copy-records.js';
import { leafHash } from './event-body.js';
import type { LogRecord } from './event-decoder.js';
import { LogUnavailable } from './event-store.error.js';
import type { AppendItem, EventStore, ReplayOptions } from './event-store.js';
import { createEventStore } from './postgres-event-store.js';

const EVENTS = 20_000;
const TEXTS = ['plain', 'back\\slash', 'tab\tnewline\n', 'ü€😀', '"quoted"', '\\N', ''];

let database: TestDatabase;
let store: EventStore;

beforeAll(async () => {
  database = await createTestDatabase();
  store = createEventStore({ pool: database.pool, catalogues: [] });
  for (let n = 0; n < EVENTS; n += 1_000) {
    await store.append(Array.from({ length: 100 }, (_, s) => tenEvents(`test-${n}-${s}`)));
  }
}, 60_000);
afterAll(() => database.drop());

function tenEvents(stream: string): AppendItem {
  const events = Array.from({ length: 10 }, (_, n) =>
    event(n === 0 ? 'First' : 'Later', { text: TEXTS[n % TEXTS.length] }),
  );
  return item([{ stream, expected: 0, events }]);
}

async function positions(options: ReplayOptions, from = store): Promise<number[]> {
  const seen: number[] = [];
  for await (const page of from.replay(options)) seen.push(...page.map(({ position }) => position));
  return seen;
}

function span(after: number, upTo: number): number[] {
  return Array.from({ length: upTo - after }, (_, n) => after + n + 1);
}

async function idleConnections(): Promise<boolean> {
  const { rows } = await database.adminPool.query(
    `SELECT FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%COPY%FORMAT binary%' AND state <> 'idle'
        AND pid <> pg_backend_pid()`,
  );
  return rows.length === 0;
}

describe('a replay', () => {
  it('gives every event once, in order, up to the head', async () => {
    expect(await positions({ after: 0 })).toEqual(span(0, EVENTS));
  });

  it.each([
    [0, 1],
    [EVENTS - 1, EVENTS],
    [5, 5],
    [100, 8_292],
    [8_191, 16_385],
    [EVENTS, EVENTS + 10],
    [EVENTS - 3, Number.MAX_SAFE_INTEGER],
  ])('after %i up to %i gives just these', async (after, upTo) => {
    expect(await positions({ after, upTo })).toEqual(span(after, Math.min(upTo, EVENTS)));
  });

  it('gives what a page of the log gives, to the last byte of every text', async () => {
    const paged = await store.readAll({ after: 5_000, limit: 50 });
    const replayed = [];
    for await (const page of store.replay({ after: 5_000, upTo: 5_050 })) replayed.push(...page);
    expect(replayed).toEqual(paged);
    expect(new Set(replayed.map(({ data }) => data['text']))).toEqual(new Set(TEXTS));
  });

  it('of some types leaves the others out, but shows every record', async () => {
    const records: LogRecord[] = [];
    const first = await positions({ after: 0, types: new Set(['First']), onRecords: (page) => records.push(...page) });
    expect(first).toEqual(span(0, EVENTS).filter((position) => position % 10 === 1));
    expect(records.map(({ position }) => position)).toEqual(span(0, EVENTS));
    const { rows } = await database.pool.query<{ leaf: string }>(
      `SELECT encode(leaf, 'hex') AS leaf FROM log.event_log ORDER BY position`,
    );
    expect(records.map(({ body }) => leafHash(body))).toEqual(rows.map(({ leaf }) => leaf));
  });

  it('gives current shapes', async () => {
    const upcaster = (data: object): object => ({ ...data, upcast: true });
    const First = defineEvent('First', z.object({}), { schemaVersion: 2, upcasters: { 1: upcaster as never } });
    const newer = createEventStore({ pool: database.pool, catalogues: [{ First }] });
    for await (const page of newer.replay({ after: 0, upTo: 10 })) {
      expect(page.map(({ data }) => data['upcast'])).toEqual([true, ...Array(9).fill(undefined)]);
    }
  });

  it('that nobody reads on from gives its connection back, and runs no statement any more', async () => {
    for await (const page of store.replay({ after: 0 })) {
      expect(page[0]!.position).toBe(1);
      break;
    }
    await until(idleConnections);
    await until(() => database.pool.idleCount === database.pool.totalCount);
  });

  it('ends with what onRecords throws', async () => {
    const mismatch = new Error('position 1 was changed');
    const verified = positions({
      after: 0,
      onRecords: () => {
        throw mismatch;
      },
    });
    await expect(verified).rejects.toBe(mismatch);
    await until(idleConnections);
  });

  it('holds no snapshot while its consumer is slow', async () => {
    for await (const page of store.replay({ after: 0 })) {
      if (page[0]!.position > 1) continue;
      await until(idleConnections);
    }
    expect(await idleConnections()).toBe(true);
  });

  it('says that the log is unavailable when its connection is lost', async () => {
    const broken = async (): Promise<void> => {
      for await (const page of store.replay({ after: 0 })) {
        if (page[0]!.position !== 1) continue;
        await database.adminPool.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%COPY%FORMAT binary%'`,
        );
      }
    };
    await expect(broken()).rejects.toThrow(LogUnavailable);
    expect(await positions({ after: 0, upTo: 10 })).toEqual(span(0, 10));
  });
});

describe('records', () => {
  it('any text comes as it was written', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string({ unit: 'binary' }), { minLength: 1, maxLength: 20 }), async (texts) => {
        const client = await database.pool.connect();
        try {
          await client.query('CREATE TEMP TABLE IF NOT EXISTS texts (position bigint, body text)');
          await client.query('TRUNCATE texts');
          const clean = texts.map((text) => text.replaceAll('\0', ''));
          await client.query('INSERT INTO texts SELECT n, t FROM unnest($1::text[]) WITH ORDINALITY AS u (t, n)', [
            clean,
          ]);
          const copy = client.query(
            new CopyRecords('COPY (SELECT * FROM texts ORDER BY position) TO STDOUT (FORMAT binary)', 7),
          );
          const read: string[] = [];
          for await (const page of copy.pages()) read.push(...page.map(({ body }) => body));
          expect(read).toEqual(clean);
        } finally {
          client.release();
        }
      }),
      { numRuns: 50 },
    );
  });

  it('at positions are given in order, each once, with the leaf of their text', async () => {
    const found = await store.recordsAt([EVENTS, 7, 7, 3, EVENTS + 1]);
    expect(found.map(({ position }) => position)).toEqual([3, 7, EVENTS]);
    expect(found.map(({ leaf }) => leaf)).toEqual(found.map(({ body }) => leafHash(body)));
    expect((await store.decode(found)).map(({ position }) => position)).toEqual([3, 7, EVENTS]);
    expect(await store.recordsAt([])).toEqual([]);
    await expect(store.recordsAt(span(0, 10_001))).rejects.toThrow(RangeError);
  });

  it('larger than what is read ahead arrive whole and in order', async () => {
    const client = await database.pool.connect();
    try {
      const rows = `SELECT n::bigint, repeat('x', 60000) || n FROM generate_series(1, 400) n`;
      const copy = client.query(new CopyRecords(`COPY (${rows}) TO STDOUT (FORMAT binary)`, 1_000));
      let next = 1;
      for await (const page of copy.pages()) {
        expect(page.length).toBeLessThan(400);
        for (const { position, body } of page) {
          expect([position, body.slice(60_000)]).toEqual([next, String(next)]);
          next++;
        }
        await new Promise(setImmediate);
      }
      expect(next).toBe(401);
      await client.query('SELECT 1');
    } finally {
      client.release();
    }
  });
});
