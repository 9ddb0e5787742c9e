/** Messages of collectors, read into the same records as the file they collected. */
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { IncomingMessage } from '#kafka';
import { collect, inChunks, itemsOf } from '../mapped.spec-support.js';
import type { PlacedRecord } from '../place.js';
import {
  bare,
  fluentBitLine,
  filebeatLine,
  linesOf,
  messages,
  recordsOf,
  sambaLog,
  vectorLine,
  type Wrap,
} from './collected.spec-support.js';
import { RawReader, type ReadMessage } from './raw-reader.js';

const read = (given: readonly IncomingMessage[]): ReadMessage[] => new RawReader().read(given);
const codes = (outcomes: readonly ReadMessage[]): (string | undefined)[] =>
  outcomes.map(({ refusal }) => refusal?.code);

/** Without where in the file or the topic it stood. */
function told(records: readonly PlacedRecord[]): unknown[] {
  return records.map(({ id, digest, stream, events }) => ({
    id,
    digest: digest.toString('hex'),
    stream,
    events: events.map(({ metadata, ...event }) => {
      const { source, ...rest } = metadata;
      return { ...event, metadata: rest, source: source?.id, item: source?.item };
    }),
  }));
}

const fromFile = async (log: Buffer = sambaLog): Promise<unknown[]> =>
  told(itemsOf(await collect(inChunks(log), { name: 'log' }), 'record'));

describe('the recorded log', () => {
  const ways: [string, Wrap, typeof linesOf][] = [
    ['by vector, line for line', vectorLine, linesOf],
    ['by filebeat, line for line', filebeatLine, linesOf],
    ['by fluent-bit, line for line', fluentBitLine, linesOf],
    ['by vector, records joined', vectorLine, recordsOf],
    ['bare, records joined, the key telling the host', bare, recordsOf],
  ];
  it.each(ways)('collected %s gives the records that its file gives', async (_, wrap, pieces) => {
    const outcomes = read(messages(pieces().map(wrap)));
    expect(codes(outcomes).filter(Boolean)).toEqual([]);
    expect(told(outcomes.flatMap(({ records }) => records))).toEqual(await fromFile());
  });

  it('gives the same records when its messages come in batches of any size, after the first domain was named', () => {
    const given = messages(linesOf().map(vectorLine));
    const whole = told(read(given).flatMap(({ records }) => records));
    const reader = new RawReader();
    const cut = [given.slice(0, 400), ...Array.from({ length: 60 }, (_, n) => given.slice(400 + n * 97, 497 + n * 97))];
    expect(told(cut.flatMap((batch) => reader.read(batch)).flatMap(({ records }) => records))).toEqual(whole);
  });

  it('gives its records ids that do not change when a collector sends it twice', () => {
    const given = messages([...linesOf(), ...linesOf()].map(vectorLine));
    const ids = read(given).flatMap(({ records }) => records.map(({ id }) => id));
    expect(new Set(ids).size).toBe(
      new Set(read(messages(linesOf().map(vectorLine))).flatMap(({ records }) => records.map(({ id }) => id))).size,
    );
  });
});
