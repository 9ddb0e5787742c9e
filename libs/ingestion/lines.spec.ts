/** Lines do not depend on chunks, and none of them is lost, however long. */
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { createHash } from 'node:crypto';
import type { Line } from './fact.js';
import { LineSplitter } from './lines.js';

const LIMIT = 4_096;

function split(
  content: Buffer,
  cuts: readonly number[] = [],
): { lines: Line[]; rest: ReturnType<LineSplitter['rest']> } {
  const splitter = new LineSplitter(LIMIT);
  const bounds = [0, ...cuts.toSorted((a, b) => a - b), content.length];
  const lines = bounds.slice(1).flatMap((end, index) => splitter.push(content.subarray(bounds[index], end)));
  return { lines, rest: splitter.rest() };
}

const content = fc
  .array(
    fc.oneof(
      fc.constantFrom('\n', '\r\n', '\r', 'é', 'x'.repeat(LIMIT), 'y'.repeat(5_000)),
      fc.string({ maxLength: 20 }),
    ),
  )
  .map((parts) => Buffer.from(parts.join('')));

describe('lines', () => {
  it('are those of the content, with their numbers and offsets', () => {
    fc.assert(
      fc.property(content, (bytes) => {
        const expected = bytes
          .toString('latin1')
          .split('\n')
          .map((text) => Buffer.from(text, 'latin1'));
        const last = expected.pop() ?? Buffer.alloc(0);
        const { lines, rest } = split(bytes);
        expect(lines.map(({ number }) => number)).toEqual(expected.map((_, index) => index + 1));
        expect(
          lines.map(({ offset, overlong, bytes: { length } }) =>
            bytes.subarray(offset, offset + (overlong ? 1 : length)),
          ),
        ).toEqual(lines.map(({ bytes: kept, overlong }) => kept.subarray(0, overlong ? 1 : undefined)));
        expect(lines.map(({ overlong }) => overlong?.bytes)).toEqual(
          expected.map(({ length }) => (length > LIMIT ? length : undefined)),
        );
        expect(lines.map(({ overlong }) => overlong?.sha256)).toEqual(
          expected.map((line) => (line.length > LIMIT ? createHash('sha256').update(line).digest() : undefined)),
        );
        expect(rest?.bytes ?? 0).toBe(last.length);
      }),
    );
  });

  it('are the same wherever the chunks end', () => {
    fc.assert(
      fc.property(content, fc.array(fc.nat(20_000), { maxLength: 20 }), (bytes, cuts) => {
        const inside = cuts.map((cut) => cut % (bytes.length + 1));
        expect(split(bytes, inside)).toEqual(split(bytes));
      }),
    );
  });

  it('keep of a long line its beginning alone', () => {
    const [line] = split(Buffer.from(`${'z'.repeat(1_000_000)}\n`)).lines;
    expect(line?.bytes).toHaveLength(4_096);
    expect(line?.overlong?.bytes).toBe(1_000_000);
  });
});
