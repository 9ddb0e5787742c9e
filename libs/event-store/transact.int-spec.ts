/** No decision is recorded after an event that changed anything it read; every request has one answer. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { digestOf, event, expectIntactLog, freshStream, item, write } from './append.spec-support.js';
import { RequestIdReused, WrongExpectedVersion } from './event-store.error.js';
import type { EventStore } from './event-store.js';
import { createEventStore } from './postgres-event-store.js';
import { type Load, type Request, transact } from './transact.js';

let database: TestDatabase;
let store: EventStore;
/** As another process would. */
let other: EventStore;

beforeAll(async () => {
  database = await createTestDatabase();
  store = createEventStore({ pool: database.pool, catalogues: [] });
  other = createEventStore({ pool: database.pool, catalogues: [] });
});
afterEach(() => expectIntactLog(database.pool));
afterAll(() => database.drop());

function request(id = randomUUID()): Request {
  return { id, digest: digestOf(id) };
}

/** Somebody else's event, at whatever version the stream is. */
async function meanwhile(stream: string): Promise<void> {
  await other.append([item([write(stream, 'any', 'Meanwhile')])]);
}

describe('a decision', () => {
  it('is appended to what it has read, and answered with its position and reply', async () => {
    const stream = freshStream();
    for (const count of [0, 1, 2]) {
      const result = await transact(store, request(), async (load) => {
        const events = await load(stream);
        return { writes: [{ stream, events: [event('Counted')] }], reply: { before: events.length } };
      });
      expect(result).toEqual({ status: 'committed', position: await store.head(), reply: { before: count } });
    }
  });

  it.each(['a stream that it writes', 'a stream that it only reads', 'a stream that is not there yet'])(
    'is made again when %s has moved since it was read',
    async (moved) => {
      const [written, read] = [freshStream(), freshStream()];
      if (!moved.includes('not there')) await Promise.all([meanwhile(written), meanwhile(read)]);
      const seen: number[] = [];
      const result = await transact(store, request(), async (load) => {
        const [mine, theirs] = await Promise.all([load(written), load(read)]);
        seen.push(mine.length + theirs.length);
        if (seen.length === 1) await meanwhile(moved.includes('writes') ? written : read);
        return { writes: [{ stream: written, events: [event('Decided')] }], reply: seen.length };
      });
      expect(result).toMatchObject({ status: 'committed', reply: 2 });
      expect(seen[1]).toBe(seen[0]! + 1);
    },
  );

  it('is guarded by every stage of its reading, also by streams found on the way', async () => {
    const [name, account] = [freshStream(), freshStream()];
    const held = { stream: name, expected: 0, events: [event('NameTaken', { account })] };
    await store.append([item([held])]);
    let attempts = 0;
    await transact(store, request(), async (load) => {
      attempts += 1;
      const holder = String((await load(name))[0]!.data['account']);
      await load(holder);
      if (attempts === 1) await meanwhile(holder);
      return { writes: [], reply: null };
    });
    expect(attempts).toBe(2);
  });

  it('reads a stream once, however often it loads it', async () => {
    const stream = freshStream();
    const counts: number[] = [];
    await transact(store, request(), async (load) => {
      counts.push((await load(stream)).length);
      if (counts.length === 1) await meanwhile(stream);
      counts.push((await load(stream)).length);
      return { writes: [], reply: null };
    });
    // The second pair is the second attempt's.
    expect(counts).toEqual([0, 0, 1, 1]);
  });

  it('may be that nothing happens: the reply is kept, and what was read is guarded all the same', async () => {
    const stream = freshStream();
    const once = request();
    const decide = async (load: Load) => ({ writes: [{ stream, events: [] }], reply: (await load(stream)).length });
    const first = await transact(store, once, decide);
    await meanwhile(stream);
    expect(await transact(store, once, decide)).toEqual({ ...first, status: 'duplicate' });
    expect(first).toMatchObject({ status: 'committed', reply: 0 });
  });

  it('that fails writes nothing and is not remembered', async () => {
    const stream = freshStream();
    const once = request();
    const failing = transact(store, once, async (load) => {
      await load(stream);
      throw new Error('not allowed');
    });
    await expect(failing).rejects.toThrow('not allowed');
    expect(await store.receipt(once.id, once.digest)).toBeNull();
  });

  it('gives up on a stream that never stands still, with the versions', async () => {
    const stream = freshStream();
    let attempts = 0;
    const hopeless = transact(store, { ...request(), attempts: 3 }, async (load) => {
      await load(stream);
      await meanwhile(stream);
      attempts += 1;
      return { writes: [{ stream, events: [event('Late')] }], reply: null };
    });
    await expect(hopeless).rejects.toThrow(WrongExpectedVersion);
    await expect(hopeless).rejects.toMatchObject({ stream, expected: 2, actual: 3 });
    expect(attempts).toBe(3);
  });

  it('says what it expects of a stream that it writes without having read it', async () => {
    const stream = freshStream();
    const blind = (expected?: 'any' | 0) =>
      transact(store, { ...request(), attempts: 2 }, async () => ({
        writes: [{ stream, events: [event('Blind')], expected }],
        reply: null,
      }));
    await expect(blind()).rejects.toThrow(TypeError);
    expect(await blind(0)).toMatchObject({ status: 'committed' });
    expect(await blind('any')).toMatchObject({ status: 'committed' });
    await expect(blind(0)).rejects.toThrow(WrongExpectedVersion);
  });

  it('never occurs before the last event of its stream, whatever the clock says', async () => {
    const stream = freshStream();
    const later = { ...event('Later'), occurredAt: '2026-11-22T11:00:00.0000001Z' };
    await store.append([item([{ stream, expected: 0, events: [later] }])]);
    await transact(store, request(), async (load) => {
      await load(stream);
      return { writes: [{ stream, events: [event('Decided')] }], reply: null };
    });
    const instants = (await store.readStream(stream)).map(({ occurredAt }) => occurredAt);
    expect(instants).toEqual([later.occurredAt, later.occurredAt]);
  });
});

describe('a request', () => {
  it('that comes again is answered without deciding again', async () => {
    const once = request();
    let decisions = 0;
    const decide = async () => {
      decisions += 1;
      return {
        writes: [{ stream: freshStream(), expected: 0 as const, events: [event('A')] }],
        reply: { secret: null },
      };
    };
    const first = await transact(store, once, decide);
    expect(await transact(other, once, decide)).toEqual({ ...first, status: 'duplicate' });
    expect(decisions).toBe(1);
  });

  it('that comes twice at once is carried out once', async () => {
    const once = request();
    const stream = freshStream();
    const both = [store, other].map((each, n) =>
      transact(each, once, async (load) => {
        await load(stream);
        return { writes: [{ stream, events: [event('Once')] }], reply: n };
      }),
    );
    const [one, two] = await Promise.all(both);
    expect(one!.reply).toBe(two!.reply);
    expect([one!.status, two!.status].toSorted()).toEqual(['committed', 'duplicate']);
    expect((await store.readStream(stream)).length).toBe(1);
  });

  it('whose twin was faster is answered as the twin, not refused for what the twin did', async () => {
    const stream = freshStream();
    const asked = request();
    const take = async (load: Load) => {
      if ((await load(stream)).length > 0) throw new Error('taken');
      return { writes: [{ stream, events: [event('Taken')] }], reply: 'yours' };
    };
    const result = await transact(store, asked, async (load) => {
      await transact(other, asked, take);
      return take(load);
    });
    expect(result).toMatchObject({ status: 'duplicate', reply: 'yours' });
    await expect(transact(store, request(), take)).rejects.toThrow('taken');
  });

  it('with the id of another one is refused', async () => {
    const once = request();
    const decide = async () => ({ writes: [], reply: 'first' });
    await transact(store, once, decide);
    await expect(transact(store, { ...once, digest: digestOf('other') }, decide)).rejects.toThrow(RequestIdReused);
  });
});

describe('racing decisions', () => {
  it('about one name, in two processes: exactly one of them takes it, the others see who did', async () => {
    const name = freshStream();
    const RACERS = 24;
    const results = await Promise.all(
      Array.from({ length: RACERS }, (_, racer) =>
        transact(racer % 2 ? store : other, request(), async (load) => {
          const [taken] = await load(name);
          if (taken) return { writes: [], reply: { holder: Number(taken.data['holder']) } };
          return { writes: [{ stream: name, events: [event('Taken', { holder: racer })] }], reply: { holder: racer } };
        }),
      ),
    );
    const [taken, ...more] = await store.readStream(name);
    expect(more).toEqual([]);
    expect(new Set(results.map(({ reply }) => reply.holder))).toEqual(new Set([taken!.data['holder']]));
  });

  it('that count on one stream lose no count', async () => {
    const stream = freshStream();
    const RACERS = 16;
    await Promise.all(
      Array.from({ length: RACERS }, (_, racer) =>
        transact(racer % 2 ? store : other, { ...request(), attempts: 100 }, async (load) => {
          const count = (await load(stream)).length;
          return { writes: [{ stream, events: [event('Counted', { count: count + 1 })] }], reply: null };
        }),
      ),
    );
    const counts = (await store.readStream(stream)).map(({ data }) => data['count']);
    expect(counts).toEqual(Array.from({ length: RACERS }, (_, n) => n + 1));
  });
});
