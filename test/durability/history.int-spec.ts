/**
 * The judge of the torture run can find what it looks for: a history that a real log made is judged whole, and every planted
 * fault in a copy of it is named.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createEventStore, leafHash } from '#event-store';
import { checkHistory, type FaultKind, type History, type LogRow } from '../../bench/torture/history.js';
import type { Told } from '../../bench/torture/journal.js';
import { readHistory } from '../../bench/torture/read-history.js';
import { laneRequest } from '../../bench/torture/request.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';

const SEED = 11;
const LANES = ['appender-1/0', 'appender-1/1'];
const REQUESTS = 40;

type Whole = History & { readonly rows: readonly LogRow[]; readonly told: readonly Told[] };

let database: TestDatabase;
let whole: Whole;

beforeAll(async () => {
  database = await createTestDatabase();
  const store = createEventStore({ pool: database.pool, catalogues: [] });
  const told: Told[] = [];
  for (const lane of LANES) {
    let version = 0;
    for (let n = 0; n < REQUESTS; n++) {
      const request = laneRequest(SEED, lane, n);
      const { guarded, id } = request;
      const guardedVersion = guarded ? (await store.versions([guarded])).get(guarded)! : 0;
      const [result] = await store.append([request.item(version, guardedVersion)]);
      if (result!.status !== 'committed') {
        told.push({ lane, n, id, status: 'conflict' });
        continue;
      }
      version += request.own;
      told.push({ lane, n, id, status: 'committed', position: result!.position, reply: result!.reply });
    }
  }
  const { rows, ...history } = await readHistory(database.pool);
  const read: LogRow[] = [];
  for await (const row of rows) read.push(row);
  whole = { ...history, rows: read, told };
});
afterAll(() => database.drop());

const kinds = async (history: History): Promise<FaultKind[]> => [
  ...new Set((await checkHistory(history)).map(({ kind }) => kind)),
];
const without = <T>(list: readonly T[], index: number): T[] => list.filter((_, n) => n !== index);
/** Later positions close the gap or make room, as if nothing had happened. */
const renumbered = (rows: readonly LogRow[]): LogRow[] => rows.map((row, n) => ({ ...row, position: n + 1 }));
/** An event from the middle of an item of several. */
const inside = (history: Whole): number => history.receipts.find(({ events }) => events > 10)!.first + 4;

describe('the judge of a history', () => {
  it('finds a history that a log made whole', async () => {
    expect(whole.rows.length).toBeGreaterThan(200);
    expect(whole.told.filter(({ status }) => status === 'conflict').length).toBeGreaterThan(3);
    expect(await checkHistory(whole)).toEqual([]);
  });

  it.each<[fault: string, plant: (history: Whole) => History, named: FaultKind]>([
    [
      'an acknowledged append that is not there',
      (h) => ({ ...h, told: [...h.told, { lane: 'x', n: 0, id: 'a0', status: 'committed', position: 3, reply: {} }] }),
      'lost',
    ],
    [
      'an append at another position than was said',
      (h) => ({
        ...h,
        told: h.told.map((one, n) => (n === 0 && one.position ? { ...one, position: one.position + 1 } : one)),
      }),
      'moved',
    ],
    [
      'another reply than was said',
      (h) => ({
        ...h,
        told: h.told.map((one) => (one.status === 'committed' ? { ...one, reply: { lane: 'other' } } : one)),
      }),
      'reply',
    ],
    [
      'a refused append that is there',
      (h) => ({ ...h, told: [...h.told, { lane: 'x', n: 0, id: h.receipts[0]!.id, status: 'conflict' }] }),
      'refused',
    ],
    ['a hole', (h) => ({ ...h, rows: without(h.rows, inside(h)) }), 'hole'],
    [
      'a missing event whose successors moved up',
      (h) => ({ ...h, rows: renumbered(without(h.rows, inside(h))) }),
      'item',
    ],
    [
      'a doubled event',
      (h) => ({ ...h, rows: renumbered([...h.rows.slice(0, inside(h)), ...h.rows.slice(inside(h) - 1)]) }),
      'item',
    ],
    ['a half item: its last event is gone from the end', (h) => ({ ...h, rows: h.rows.slice(0, -1) }), 'item'],
    ['a receipt that is gone', (h) => ({ ...h, receipts: without(h.receipts, 5) }), 'item'],
    [
      'two events that changed places',
      (h) => ({
        ...h,
        rows: renumbered(h.rows.toSpliced(inside(h) - 1, 2, h.rows[inside(h)]!, h.rows[inside(h) - 1]!)),
      }),
      'version',
    ],
    [
      'changed bytes',
      (h) => ({ ...h, rows: h.rows.map((row, n) => (n === 7 ? { ...row, body: row.body.replace('x', 'y') } : row)) }),
      'leaf',
    ],
    [
      'changed bytes whose leaf was made to fit',
      (h) => ({
        ...h,
        rows: h.rows.map((row) => {
          if (row.position !== inside(h)) return row;
          const body = row.body.replace('"lane":"', '"lane":"other');
          return { ...row, body, leaf: leafHash(body) };
        }),
      }),
      'link',
    ],
    ['a head that is behind', (h) => ({ ...h, size: h.size - 1 }), 'head'],
    ['a stream head that is gone', (h) => ({ ...h, heads: new Map([...h.heads].slice(1)) }), 'head'],
    [
      'a clock that fell',
      (h) => ({
        ...h,
        rows: h.rows.map((row, n) =>
          n === 9 ? { ...row, body: row.body.replace(/"recordedAt":"\d{4}/, '"recordedAt":"1999') } : row,
        ),
      }),
      'clock',
    ],
  ])('names %s', async (_fault, plant, named) => {
    expect(await kinds(plant(whole))).toContain(named);
  });
});
