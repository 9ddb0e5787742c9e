/** Attempts are a function of the evidence: whatever the order in which it arrives and the pages it comes in. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { RecordedEvent } from '#event-store';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { applyProjection } from '../apply-projection.spec-support.js';
import { arriving, sampleEvents } from '../sample-recording.spec-support.js';
import {
  loggedLogon,
  recorded,
  refusal,
  refusedLogon,
  rejection,
  status,
  ticket,
  type Told,
} from './attempt-events.spec-support.js';
import { attemptsProjection } from './attempts.projection.js';

let database: TestDatabase;
let sample: RecordedEvent[];
let inOrder: unknown[];

const apply = (events: readonly RecordedEvent[], pageSize?: number): Promise<void> =>
  applyProjection(database.pool, attemptsProjection, events, pageSize);

async function rows(): Promise<unknown[]> {
  const tables = await database.pool.query<{ row: unknown }>(
    `SELECT to_jsonb(t) AS row FROM read.attempt t ORDER BY id`,
  );
  const evidence = await database.pool.query<{ row: unknown }>(
    `SELECT to_jsonb(t) - 'position' - 'recorded_at' AS row FROM read.attempt_evidence t ORDER BY event_id`,
  );
  return [...tables.rows, ...evidence.rows].map(({ row }) => row);
}

/** In a database of its own: the rows after these events, in this order and these pages. */
async function rowsAfter(events: readonly RecordedEvent[], pageSize?: number): Promise<unknown[]> {
  database = await createTestDatabase();
  try {
    await apply(events, pageSize);
    return await rows();
  } finally {
    await database.drop();
  }
}

describe('however the sample arrives, the tables are equal', () => {
  beforeAll(async () => {
    sample = await sampleEvents();
    inOrder = await rowsAfter(sample);
  });

  it('one event at a time', async () => {
    expect(await rowsAfter(sample, 1)).toEqual(inOrder);
  });

  it('backwards, one event at a time', async () => {
    expect(await rowsAfter(arriving(sample.toReversed()), 1)).toEqual(inOrder);
  });

  it.each([1, 2, 3])('shuffled, in pages of %i times seven events', async (seed) => {
    expect(await rowsAfter(arriving(shuffled(sample, seed)), seed * 7)).toEqual(inOrder);
  });

  it('given twice', async () => {
    expect(await rowsAfter([...sample, ...sample], 50)).toEqual(inOrder);
  });
});

describe('on a crowded acceptor, a busy client and exchanges of our own', () => {
  const crowd = (seed: number): RecordedEvent[] => {
    const next = random(seed);
    const at = (span: number): string => (10 + next(span) / 1_000).toFixed(3);
    const told = Array.from({ length: 200 }, (): Told[] => {
      switch (next(7)) {
        case 0:
          return [rejection(at(9_000), [18, 23][next(2)])];
        case 1:
          return [status(at(9_000))];
        case 2:
          return [refusal(at(600), 'alice', 'cifs/files', next(4))];
        case 3:
          return [next(2) ? refusedLogon(at(6_000), 'bob', 7) : loggedLogon(at(6_000), 'bob', 7)];
        case 4:
          return ownExchange(next(20), next(3), at(9_000));
        default:
          return [ticket(at(9_000), 'alice', 'cifs/files', [18, 23][next(2)]!)];
      }
    }).flat();
    return told.map((one, index) => recorded(one, index + 1));
  };

  it.each([1, 2, 3])('the tables are equal in any order and any pages (crowd %i)', async (seed) => {
    const events = crowd(seed);
    const expected = await rowsAfter(events, events.length);
    expect(await rowsAfter(arriving(shuffled(events, seed)), seed)).toEqual(expected);
    expect(await rowsAfter(events, 10 * seed)).toEqual(expected);
  });
});

function ownExchange(request: number, presentation: number, at: string): Told[] {
  const ids = { request: `R${request}`, spn: 'HTTP/web1' };
  const presented = { ...ids, presentation: `R${request}P${presentation}`, service: 'svc' };
  return [
    { type: 'ServiceTicketIssued', at, data: { ...ids, clientName: 'carol@CORP.EXAMPLE' } },
    ...(presentation === 0 ? [] : [{ type: 'TicketPresented', at, data: presented } satisfies Told]),
  ];
}

/** Whole numbers below a bound, from a small linear congruential generator: the same ones for the same seed. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
}

/** Fisher and Yates. */
function shuffled<T>(list: readonly T[], seed: number): T[] {
  const order = [...list];
  const next = random(seed);
  for (let last = order.length - 1; last > 0; last--) {
    const other = next(last + 1);
    [order[last], order[other]] = [order[other]!, order[last]!];
  }
  return order;
}
