/** Every way to change a log that one can write, on a log in memory whose tiles can be changed with it. */
import { describe, expect, it } from '@jest/globals';
import { completeRoot, leafHash, rootOfTiles, TILE_WIDTH, type Tile } from '#tlog';
import type { LogSource } from './log-source.js';
import type { SignedRoot } from './tree-check.js';
import { type LogFault, verifyLog } from './verify-log.js';

const SIZE = 700;
const STREAMS = 30;

type MemoryLog = { bodies: (string | null)[]; leaves: Buffer[]; levelOne: Buffer[] };

/** `saltedFrom`: the events before it are the same whatever the salt. */
function writeLog(size: number, salt = '', saltedFrom = 0): MemoryLog {
  const heads = new Map<string, { version: number; leaf: string }>();
  const bodies = Array.from({ length: size }, (_, i) => {
    const stream = i % 7 === 3 ? `exchange-${i}` : `account-${(i * i) % STREAMS}`;
    const head = heads.get(stream);
    const version = (head?.version ?? 0) + 1;
    const event = {
      data: { i, salt: i < saltedFrom ? '' : salt },
      prev: head?.leaf ?? null,
      stream,
      type: 'Happened',
      version,
    };
    const body = JSON.stringify(event);
    heads.set(stream, { version, leaf: leafHash(body).toString('hex') });
    return body;
  });
  return withTiles(
    bodies,
    bodies.map((body) => leafHash(body)),
  );
}

function withTiles(bodies: (string | null)[], leaves: Buffer[]): MemoryLog {
  const full = Math.floor(leaves.length / TILE_WIDTH);
  const levelOne = Array.from({ length: full }, (_, n) => completeRoot(leaves.slice(n * 256, (n + 1) * 256)));
  return { bodies, leaves, levelOne };
}

const tileOfLog =
  (log: MemoryLog) =>
  async ({ level, index, width }: Tile) =>
    Buffer.concat([log.leaves, log.levelOne][level]!.slice(index * 256, index * 256 + width));

function sourceOf(log: MemoryLog): LogSource {
  return {
    tile: tileOfLog(log),
    entries: async (index, width) =>
      Array.from({ length: width }, (_, i) => {
        const body = log.bodies[index * 256 + i] ?? null;
        return body === null ? null : Buffer.from(body);
      }),
    eventBehind: async (position) => log.bodies[position] ?? null,
  };
}

async function rootAt(log: MemoryLog, size: number, name: string): Promise<SignedRoot> {
  return { size, root: await rootOfTiles(size, tileOfLog(withTiles(log.bodies, log.leaves.slice(0, size)))), name };
}

const written = writeLog(SIZE);
const head = await rootAt(written, SIZE, 'the checkpoint');
const signedBefore = await Promise.all(
  [100, 250, 256, 400, 420, 650].map((size) => rootAt(written, size, 'an older one')),
);

type Given = Partial<Parameters<typeof verifyLog>[0]> & {
  readonly history?: readonly SignedRoot[];
  readonly kept?: readonly SignedRoot[];
};

async function verify(log: MemoryLog, { history = [], kept = [], ...given }: Given = {}) {
  return verifyLog({
    source: sourceOf(log),
    head,
    before: [],
    older: async (size) => history.filter((root) => root.size <= size).at(-1),
    olderKept: async (size) => kept.filter((root) => root.size <= size).at(-1),
    retired: [],
    range: { first: 1, last: (given.head ?? head).size },
    onProgress: () => {},
    ...given,
  });
}

const place = (fault: LogFault | undefined) => fault && [fault.kind, fault.position, fault.upTo];
const changedBody = (at: number) => written.bodies[at - 1]!.replace('"i":', '"was":');

/** Body, leaf and tiles: all that is in the database. */
function rewrite(at: number, alsoLevelOne = true): MemoryLog {
  const bodies = written.bodies.with(at - 1, changedBody(at));
  const leaves = written.leaves.with(at - 1, leafHash(changedBody(at)));
  const log = withTiles(bodies, leaves);
  return alsoLevelOne ? log : { ...log, levelOne: written.levelOne };
}

describe('a log verified against its checkpoint', () => {
  it('is whole when nothing was changed', async () => {
    const before = signedBefore.slice(2, 4);
    expect(await verify(written, { before })).toEqual({
      first: 1,
      last: SIZE,
      links: { followed: SIZE, unfollowed: 0 },
      withheld: 0,
    });
  });

  it('may be verified in a part, whose first links reach before it', async () => {
    const part = await verify(written, { range: { first: 300, last: 310 } });
    expect(part.fault).toBeUndefined();
    expect(part.links.followed + part.links.unfollowed).toBe(11);
  });

  it.each([1, 256, 257, 512, 513, SIZE])('names event %i when it was changed', async (at) => {
    const log = { ...written, bodies: written.bodies.with(at - 1, changedBody(at)) };
    expect(place((await verify(log)).fault)).toEqual(['changed', at, undefined]);
  });

  it.each([1, 300, 699])('names event %i when it was removed, with a gap or without one', async (at) => {
    const gap = { ...written, bodies: written.bodies.with(at - 1, null) };
    expect(place((await verify(gap)).fault)).toEqual(['removed', at, undefined]);
    const closed = { ...written, bodies: written.bodies.toSpliced(at - 1, 1) };
    expect(place((await verify(closed)).fault)).toEqual(['removed', at, undefined]);
  });

  it.each([1, 300, SIZE])('names event %i when it was inserted, though its link may blame another', async (at) => {
    const forged = JSON.stringify({ ...JSON.parse(written.bodies[at - 1]!), data: { forged: true }, prev: 'ab' });
    const log = { ...written, bodies: written.bodies.toSpliced(at - 1, 0, forged) };
    expect(place((await verify(log)).fault)).toEqual(['inserted', at, undefined]);
  });

  it('names the first of two events that changed places', async () => {
    const [a, b] = [written.bodies[9]!, written.bodies[599]!];
    const log = { ...written, bodies: written.bodies.with(9, b).with(599, a) };
    expect(place((await verify(log)).fault)).toEqual(['reordered', 10, undefined]);
  });

  it('knows a changed tile from a changed event', async () => {
    const leaves = written.leaves.with(299, leafHash('another'));
    expect(place((await verify({ ...written, leaves })).fault)).toEqual(['tile', 300, undefined]);
    const atTheEdge = written.leaves.with(650, leafHash('another'));
    expect(place((await verify({ ...written, leaves: atTheEdge })).fault)).toEqual(['tile', 651, undefined]);
  });
});

describe('a log whose tiles were rewritten with its events', () => {
  it('is found by the root, and the changed event by the next one of its stream', async () => {
    for (const log of [rewrite(20), rewrite(20, false), rewrite(521)]) {
      const { fault } = await verify(log);
      expect(place(fault)?.slice(0, 2)).toEqual([
        'changed',
        JSON.parse(log.bodies[19]!).data.was === undefined ? 521 : 20,
      ]);
      expect(fault?.upTo).toBeUndefined();
    }
  });

  it('is narrowed down by the tiles above when no later event of the stream tells', async () => {
    const last = lastOfItsStream(257, 512);
    expect(place((await verify(rewrite(last, false))).fault)).toEqual(['changed', 257, 512]);
  });

  it('is narrowed down by the checkpoints signed before', async () => {
    const last = lastOfItsStream(421, 650);
    expect(place((await verify(rewrite(last), { history: signedBefore })).fault)).toEqual(['changed', 421, 650]);
    expect(place((await verify(rewrite(last))).fault)).toEqual(['changed', 1, SIZE]);
  });

  it('and signed again is found by a checkpoint that was seen before', async () => {
    const last = lastOfItsStream(421, 650);
    const forged = rewrite(last);
    const signedAgain = await rootAt(forged, SIZE, 'the checkpoint');
    expect((await verify(forged, { head: signedAgain })).fault).toBeUndefined();
    const { fault } = await verify(forged, {
      head: signedAgain,
      before: [{ ...signedBefore[5]!, name: 'the witness' }],
    });
    expect(fault).toMatchObject({
      kind: 'changed',
      position: 1,
      upTo: 650,
      detail: expect.stringContaining('the witness'),
    });
  });
});

describe('a log that ends before what was signed', () => {
  it('has its first missing event named', async () => {
    const older = await rootAt(written, 400, 'the checkpoint');
    const restored = withTiles(written.bodies.slice(0, 400), written.leaves.slice(0, 400));
    const { fault } = await verify(restored, { head: older, before: [{ ...head, name: 'the witness' }] });
    expect(fault).toMatchObject({ kind: 'removed', position: 401, detail: expect.stringContaining('restored') });
  });

  it.each([SIZE + 50, SIZE - 20])(
    'and went on otherwise, to %i events, parts from the witness where its own checkpoints do',
    async (size) => {
      const grown = writeLog(size, 'other', 400);
      const signed = await rootAt(grown, size, 'the checkpoint');
      const before = [{ ...head, name: 'the witness' }];
      const history = await Promise.all([400, 410, 600].map((at) => rootAt(grown, at, 'signed after it was restored')));
      const { fault } = await verify(grown, { head: signed, before, history, kept: signedBefore });
      expect(place(fault)).toEqual(['changed', 401, 420]);
      const { fault: alone } = await verify(grown, { head: signed, before, history });
      expect(place(alone)).toEqual(size > SIZE ? ['changed', 1, SIZE] : ['removed', size + 1, undefined]);
    },
  );

  it('and whose end lies between two checkpoints of the witness has one of the events after the first of them gone', async () => {
    const older = await rootAt(written, 410, 'the checkpoint');
    const restored = withTiles(written.bodies.slice(0, 410), written.leaves.slice(0, 410));
    const before = [{ ...head, name: 'the witness' }];
    expect(place((await verify(restored, { head: older, before, kept: signedBefore })).fault)).toEqual(['removed', 401, 411]); // prettier-ignore
  });
});

describe('events that retention has taken away', () => {
  const bodies = written.bodies.map((body, i) => (i >= 256 && i < 300 && i % 2 === 0 ? null : body));
  const log = { ...written, bodies };

  it('are counted where the log records it, and are removed events where it does not', async () => {
    const { fault, withheld } = await verify(log, { retired: [{ first: 257, last: 512, events: 22 }] });
    expect({ fault, withheld }).toEqual({ fault: undefined, withheld: 22 });
    expect(place((await verify(log)).fault)).toEqual(['removed', 257, undefined]);
    const more = { ...log, bodies: bodies.with(400, null) };
    const { fault: removed } = await verify(more, { retired: [{ first: 257, last: 512, events: 22 }] });
    expect(place(removed)).toEqual(['removed', 401, undefined]);
  });
});

/** The position of an event that no later one of its stream names. */
function lastOfItsStream(first: number, last: number): number {
  const streams = written.bodies.map((body) => (JSON.parse(body!) as { stream: string }).stream);
  for (let position = last; position >= first; position--) {
    if (!streams.slice(position).includes(streams[position - 1]!)) return position;
  }
  throw new Error(`every event from ${first} to ${last} has a successor`);
}
