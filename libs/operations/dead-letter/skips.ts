/** The record of what was left out of read models, by projection; the streams of the decisions about dead letters. */
import { streamName, type EventStore } from '#event-store';
import { operationsOf } from '../operation-log.js';
import { foldSkips } from './dead-letter.decider.js';

export function skipsStream(projection: string): string {
  return streamName('operation', `skips-${projection}`);
}

export function letterStream(letter: string): string {
  return streamName('operation', `letter/${letter}`);
}

/** Positions of the log that this projection leaves out, in every version and whenever it is built anew. */
export async function skippedPositions(store: EventStore, projection: string): Promise<ReadonlySet<number>> {
  return foldSkips(await operationsOf((stream) => store.readStream(stream), skipsStream(projection)));
}
