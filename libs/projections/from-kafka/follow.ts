/**
 * The chain of one partition: every record names the position of the one before it there. What was applied already is
 * dropped, whatever Kafka gives again; where a position is named that was never seen, something is missing. Pure.
 */
import type { LogRecord } from '#event-store';

/** Both absent: read from the log itself, where nothing is missing. */
export type ChainedRecord = LogRecord & { readonly previous?: number; readonly offset?: bigint };

export type Followed = {
  /** In order, to be applied now. */
  readonly records: readonly ChainedRecord[];
  /** How many of those given are done with: applied before, or among `records`. */
  readonly taken: number;
  /** The rest comes after events of this partition that are not here: those after `after` up to `upTo`. */
  readonly hole?: { readonly after: number; readonly upTo: number };
};

/** `last`: every event of the partition up to there is applied. */
export function follow(last: number, given: readonly ChainedRecord[]): Followed {
  const records: ChainedRecord[] = [];
  let at = last;
  for (const [taken, record] of given.entries()) {
    if (record.position <= at) continue;
    if (record.previous !== undefined && record.previous > at) {
      return { records, taken, hole: { after: at, upTo: record.previous } };
    }
    records.push(record);
    at = record.position;
  }
  return { records, taken: given.length };
}
