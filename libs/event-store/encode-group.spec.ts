/** Groups are encoded as they will be in the log if everything is as it is believed to be, and not at all if it cannot be. */
import { describe, expect, it } from '@jest/globals';
import { item, write } from './append.spec-support.js';
import { prepareItem } from './append-item.js';
import { systemRandom } from './clock.js';
import { encodeGroup, type EncodedGroup } from './encode-group.js';
import { createIdSource } from './event-id.js';
import { leafHash } from './event-body.js';
import type { AppendItem } from './event-store.js';
import { NO_STREAM, type StreamHead } from './stream-heads.js';

const preparation = { definitions: new Map(), newId: createIdSource(systemRandom) };
const LEAF = 'ab'.repeat(32);

function encode(items: readonly AppendItem[], known: Record<string, StreamHead> = {}): EncodedGroup | null {
  const prepared = items.map((one) => prepareItem(one, preparation));
  return encodeGroup(prepared, (stream) => known[stream], '2026-11-22T10:00:00.000000Z');
}

/** Version and previous leaf that each body names. */
function links(group: EncodedGroup | null): unknown[] {
  return group!.events.map(({ body }) => JSON.parse(body)).map(({ version, prev }) => [version, prev]);
}

describe('a group', () => {
  it('is encoded item after item, each on the leaves of those before it', () => {
    const group = encode(
      [item([write('test-a', 'any', 'A', 'B')]), item([write('test-b', 0, 'X')]), item([write('test-a', 7, 'C')])],
      { 'test-a': { version: 5, leaf: LEAF } },
    )!;
    const [a, b, x, c] = group.events;
    expect(links(group)).toEqual([
      [6, LEAF],
      [7, a!.leaf],
      [1, null],
      [8, b!.leaf],
    ]);
    expect(group.events.every(({ body, leaf }) => leafHash(body) === leaf)).toBe(true);
    expect(group.items.map(({ first, events }) => [first, events])).toEqual([
      [1, 2],
      [3, 1],
      [4, 1],
    ]);
    expect([...group.streams]).toEqual([
      ['test-a', { base: { version: 5, leaf: LEAF }, head: { version: 8, leaf: c!.leaf }, first: 1, last: 4 }],
      ['test-b', { base: NO_STREAM, head: { version: 1, leaf: x!.leaf }, first: 3, last: 3 }],
    ]);
  });

  it('has an item without events in the place that they would have', () => {
    const group = encode([item([write('test-a', 0, 'A')]), item([]), item([write('test-b', 0, 'B')])])!;
    expect(group.items.map(({ first, events }) => [first, events])).toEqual([
      [1, 1],
      [2, 0],
      [2, 1],
    ]);
  });

  it('takes a stream that must be new for new, without having looked', () => {
    expect(links(encode([item([write('test-a', 0, 'A')])]))).toEqual([[1, null]]);
  });

  it('relies on a guard once, however many items have it, and on none for what an item before it has written', () => {
    const guards = [{ stream: 'test-a', version: 2 }];
    const group = encode([
      item([write('test-b', 0, 'B')], { guards }),
      item([write('test-c', 0, 'C')], { guards: [...guards, { stream: 'test-b', version: 1 }] }),
    ])!;
    expect([...group.guards]).toEqual([['test-a', 2]]);
  });

  it.each<[why: string, items: AppendItem[], known: Record<string, StreamHead>]>([
    ['a head is not known', [item([write('test-b', 0, 'B')]), item([write('test-a', 'any', 'A')])], {}],
    ['a stream is known elsewhere', [item([write('test-a', 3, 'A')])], { 'test-a': { version: 4, leaf: LEAF } }],
    ['a stream that must be new is there', [item([write('test-a', 0, 'A')])], { 'test-a': { version: 4, leaf: LEAF } }],
    ['two items expect the same version', [item([write('test-a', 0, 'A')]), item([write('test-a', 0, 'A')])], {}],
    [
      'a guard is known to be broken',
      [item([write('test-b', 0, 'B')], { guards: [{ stream: 'test-a', version: 3 }] })],
      { 'test-a': { version: 4, leaf: LEAF } },
    ],
    [
      'an item before it breaks a guard',
      [
        item([write('test-a', 0, 'A')]),
        item([write('test-b', 0, 'B')], { guards: [{ stream: 'test-a', version: 0 }] }),
      ],
      {},
    ],
    [
      'two guards cannot both hold',
      [3, 4].map((version) => item([write(`test-${version}`, 0, 'B')], { guards: [{ stream: 'test-a', version }] })),
      {},
    ],
  ])('is not encoded when %s: its items are to be judged', (_, items, known) => {
    expect(encode(items, known)).toBeNull();
  });
});
