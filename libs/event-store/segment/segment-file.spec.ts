/** A segment's file: everything that was written is found again, and no altered file is taken for it. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { completeRoot, leafHash } from '#tlog';
import { fileDigest } from './seal.js';
import { SegmentAltered, SegmentMissing } from './segment.error.js';
import { SegmentFile, type SegmentRow } from './segment-file.js';
import { SegmentWriter, type SegmentEntry } from './segment-writer.js';

const FIRST = 513;
let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kerbtrail-segment-'));
  path = join(folder, 'x.segment');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function entry(stream: string, version: number, text: string): SegmentEntry {
  const body = Buffer.from(text);
  return { stream, version, body, leaf: leafHash(body) };
}

/** `streamOf` and `textOf` by index; versions count from 7 in every stream. */
function entries(count: number, streamOf: (n: number) => string, textOf: (n: number) => string): SegmentEntry[] {
  const versions = new Map<string, number>();
  return Array.from({ length: count }, (_, n) => {
    const version = versions.get(streamOf(n)) ?? 7;
    versions.set(streamOf(n), version + 1);
    return entry(streamOf(n), version, textOf(n));
  });
}

async function write(all: readonly SegmentEntry[]): Promise<SegmentRow> {
  const writer = await SegmentWriter.create(path, FIRST);
  for (const one of all) await writer.add(one);
  const { bytes, root } = await writer.finish();
  return {
    firstPosition: FIRST,
    generation: 1,
    events: all.length,
    bytes,
    root,
    digest: await fileDigest(path, bytes),
  };
}

async function reading<T>(row: SegmentRow, read: (file: SegmentFile) => Promise<T>): Promise<T> {
  const file = await SegmentFile.open(path, row);
  return read(file).finally(() => file.close());
}

const someEvents = (): SegmentEntry[] =>
  entries(
    512,
    (n) => `test-${n % 50}`,
    (n) => `{"n":${n},"text":"ü\\n€"}`,
  );

describe('a segment', () => {
  it('gives back every text, leaf and stream, whatever they are', async () => {
    const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(text, { minLength: 1, maxLength: 40 }),
        fc.array(text, { minLength: 1, maxLength: 40 }),
        fc.constantFrom(256, 512),
        fc.nat(511),
        async (streams, texts, count, from) => {
          const all = entries(
            count,
            (n) => streams[(n * 7) % streams.length]!,
            (n) => texts[n % texts.length]!,
          );
          const row = await write(all);
          expect(row.root).toEqual(completeRoot(all.map(({ leaf }) => leaf)));
          await reading(row, async (file) => {
            const start = from % count;
            const read = [];
            for await (const page of file.records(FIRST + start)) read.push(...page);
            expect(read).toEqual(
              all.slice(start).map(({ body }, n) => ({ position: FIRST + start + n, body: body.toString() })),
            );
            const [one] = await file.at([FIRST + start]);
            expect(one!.leaf).toBe(all[start]!.leaf.toString('hex'));
            const { stream } = all[start]!;
            const places = await file.placesOf(stream);
            const theirs = all.flatMap((event, n) => (event.stream === stream ? [[event.version, FIRST + n]] : []));
            expect(places.map(({ version, position }) => [version, position])).toEqual(theirs);
            const bodies = await Promise.all(places.map((place) => file.bodyAt(place)));
            expect(bodies.map(({ body }) => body)).toEqual(
              theirs.map(([, position]) => all[position! - FIRST]!.body.toString()),
            );
            await file.verify(row.digest);
          });
        },
      ),
      { numRuns: 25 },
    );
  });

  it('has nothing of a stream that is not in it', async () => {
    const row = await write(someEvents());
    expect(await reading(row, (file) => file.placesOf('test-50'))).toEqual([]);
  });

  it('sealed twice is the same file', async () => {
    const once = await write(someEvents());
    expect(await write(someEvents())).toEqual(once);
  });

  it('keeps the leaf of an event whose body is withheld', async () => {
    const all = someEvents();
    const whole = await write(all);
    const without = await write(all.map((one, n) => (n === 300 ? { ...one, body: Buffer.alloc(0) } : one)));
    expect(without.root).toEqual(whole.root);
    const [withheld] = await reading(without, (file) => file.at([FIRST + 300]));
    expect(withheld).toEqual({ position: FIRST + 300, body: null, leaf: all[300]!.leaf.toString('hex') });
    await reading(without, (file) => file.verify(without.digest));
  });

  it('is of 256 times a power of two events, and leaves nothing behind when it is given up', async () => {
    await expect(write(entries(768, () => 'test-1', String))).rejects.toThrow(RangeError);
    await expect(write(entries(100, () => 'test-1', String))).rejects.toThrow(RangeError);
    const writer = await SegmentWriter.create(path, FIRST);
    await writer.abandon();
    expect(await readdir(folder)).not.toContain('x.segment');
  });
});

describe('a file that is not the one that was sealed', () => {
  it('is missed where it is not', async () => {
    const row = await write(someEvents());
    await rm(path);
    await expect(SegmentFile.open(path, row)).rejects.toThrow(SegmentMissing);
  });

  it.each<[what: string, change: (bytes: Buffer) => Buffer]>([
    ['cut off', (bytes) => bytes.subarray(0, -1)],
    ['longer', (bytes) => Buffer.concat([bytes, Buffer.of(0)])],
    ['empty', () => Buffer.alloc(0)],
    ['of another format', (bytes) => Buffer.concat([Buffer.from('XX'), bytes.subarray(2)])],
    ['of other events', (bytes) => (bytes.writeUInt8(bytes[60]! ^ 1, 60), bytes)],
  ])('is not opened when it is %s', async (_, change) => {
    const row = await write(someEvents());
    await writeFile(path, change(await readFile(path)));
    await expect(SegmentFile.open(path, row)).rejects.toThrow(SegmentAltered);
  });

  it('is found by its digest, and by its leaves where the digest was replaced too, wherever a bit was turned', async () => {
    const row = await write(someEvents());
    const bytes = await readFile(path);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: bytes.length - 1 }), fc.nat(7), async (at, bit) => {
        const turned = Buffer.from(bytes);
        turned[at]! ^= 1 << bit;
        await writeFile(path, turned);
        await expect(reading(row, (file) => file.verify(row.digest))).rejects.toThrow(SegmentAltered);
        const leavesAt = bytes.readUInt32BE(24);
        if (at < 80 || at >= leavesAt + 512 * 32) return;
        const digest = await fileDigest(path, row.bytes);
        await expect(reading(row, (file) => file.verify(digest))).rejects.toThrow(SegmentAltered);
      }),
      { numRuns: 60 },
    );
  });
});
