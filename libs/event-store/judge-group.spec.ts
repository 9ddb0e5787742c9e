/** Promises 1 and 2 of event-store.ts where they are decided: each item judged on its own, in order. */
import { describe, expect, it } from '@jest/globals';
import { digestOf, item, write } from './append.spec-support.js';
import { prepareItem } from './append-item.js';
import type { Receipt } from './append-receipts.js';
import { systemRandom } from './clock.js';
import { createIdSource } from './event-id.js';
import type { AppendItem } from './event-store.js';
import { judgeGroup, type Verdict } from './judge-group.js';

const preparation = { definitions: new Map(), newId: createIdSource(systemRandom) };

function judge(
  items: readonly AppendItem[],
  versions: Record<string, number>,
  receipts: Record<string, Receipt> = {},
): Verdict[] {
  return judgeGroup(
    items.map((one) => prepareItem(one, preparation)),
    new Map(Object.entries(receipts)),
    new Map(Object.entries(versions)),
  );
}

describe('an item', () => {
  it.each([
    ['any', 7],
    [7, 7],
    [0, 0],
  ] as const)('that expects %s is committed at version %d', (expected, version) => {
    expect(judge([item([write('test-a', expected, 'A')])], { 'test-a': version })).toEqual([null]);
  });

  it('conflicts with the first stream that is elsewhere, guards first', () => {
    const guards = [{ stream: 'test-b', version: 1 }];
    const [verdict] = judge([item([write('test-a', 3, 'A')], { guards })], { 'test-a': 4, 'test-b': 2 });
    expect(verdict).toEqual({ status: 'conflict', stream: 'test-b', expected: 1, actual: 2 });
  });

  it('that was answered before gets that answer, whatever became of its streams; another under its id is refused', () => {
    const again = item([write('test-a', 3, 'A')]);
    const receipt = { digest: again.digest, position: 12, reply: { first: true } };
    expect(judge([again], { 'test-a': 9 }, { [again.id]: receipt })).toEqual([
      { status: 'duplicate', position: 12, reply: { first: true } },
    ]);
    const other = { ...again, digest: digestOf('other') };
    expect(judge([other], { 'test-a': 3 }, { [again.id]: receipt })).toEqual([{ status: 'id_reuse', id: again.id }]);
  });
});

describe('items of one group', () => {
  it('are judged against what those before them that are committed leave behind, and against nothing else', () => {
    const known = item([write('test-a', 'any', 'K')]);
    const verdicts = judge(
      [
        known,
        item([write('test-a', 4, 'A', 'B')]),
        item([write('test-a', 4, 'C')]),
        item([write('test-a', 6, 'D')], { guards: [{ stream: 'test-b', version: 0 }] }),
        item([write('test-b', 0, 'E')], { guards: [{ stream: 'test-a', version: 7 }] }),
      ],
      { 'test-a': 4, 'test-b': 0 },
      { [known.id]: { digest: known.digest, position: 1, reply: null } },
    );
    expect(verdicts).toEqual([
      { status: 'duplicate', position: 1, reply: null },
      null,
      { status: 'conflict', stream: 'test-a', expected: 4, actual: 6 },
      null,
      null,
    ]);
  });
});
