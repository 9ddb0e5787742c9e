/** Groups are encoded so that, when nothing went wrong, they need not be encoded again. */
import { describe, expect, it } from '@jest/globals';
import { item, write } from './append.spec-support.js';
import { prepareItem } from './append-item.js';
import { systemRandom } from './clock.js';
import { encodeGroup, type EncodedGroup } from './encode-group.js';
import { createIdSource } from './event-id.js';
import { leafHash } from './event-body.js';
import type { AppendItem } from './event-store.js';
import type { StreamHead } from './stream-heads.js';

const preparation = { definitions: new Map(), newId: createIdSource(systemRandom) };
const LEAF = 'ab'.repeat(32);

function encode(items: readonly AppendItem[], known: Record<string, StreamHead> = {}): EncodedGroup {
  const prepared = items.map((one) => prepareItem(one, preparation));
  return encodeGroup(prepared, (stream) => known[stream], '2026-11-22T10:00:00.000000Z');
}

/** Version and previous leaf that each body names. */
function links({ events }: EncodedGroup): unknown[] {
  return events.map(({ body }) => JSON.parse(body)).map(({ version, prev }) => [version, prev]);
}

describe('a group', () => {
  it('is encoded item after item, each on the leaves of those before it', () => {
    const group = encode([item([write('test-a', 'any', 'A', 'B')]), item([write('test-a', 7, 'C')])], {
      'test-a': { version: 5, leaf: LEAF },
    });
    const [a, b] = group.events;
    expect(links(group)).toEqual([
      [6, LEAF],
      [7, a!.leaf],
      [8, b!.leaf],
    ]);
    expect(group.events.every(({ body, leaf }) => leafHash(body) === leaf)).toBe(true);
    expect(group.checks.map(({ expected, base }) => [expected, base])).toEqual([
      [null, 5],
      [7, 7],
    ]);
    expect(group.headsAfter[1]!.get('test-a')).toEqual({ version: 8, leaf: group.events[2]!.leaf });
  });

  it('takes a stream that must be new for new, without having looked', () => {
    expect(links(encode([item([write('test-a', 0, 'A')])]))).toEqual([[1, null]]);
  });

  it.each<[why: string, known: Record<string, StreamHead>]>([
    ['is not known', {}],
    ['is known to be elsewhere', { 'test-a': { version: 4, leaf: LEAF } }],
  ])('holds no event of an item whose stream %s: only the database can judge it', (_, known) => {
    const group = encode(
      [item([write('test-b', 0, 'B'), write('test-a', 3, 'A')]), item([write('test-b', 0, 'C')])],
      known,
    );
    expect(group.checks.map(({ base, events }) => [base, events])).toEqual([
      [-1, 0],
      [-1, 0],
      [0, 1],
    ]);
    expect(group.events.map(({ item }) => item)).toEqual([2]);
  });

  it('checks the guards of an item before its writes, and names each stream once', () => {
    const guards = [{ stream: 'test-a', version: 2 }];
    const group = encode([item([write('test-b', 0, 'B')], { guards }), item([write('test-c', 0, 'C')], { guards })]);
    expect(group.streams).toEqual(['test-a', 'test-b', 'test-c']);
    expect(group.checks).toEqual([
      { item: 1, stream: 1, expected: 2, base: 2, events: 0 },
      { item: 1, stream: 2, expected: 0, base: 0, events: 1 },
      { item: 2, stream: 1, expected: 2, base: 2, events: 0 },
      { item: 2, stream: 3, expected: 0, base: 0, events: 1 },
    ]);
  });
});
