/**
 * One partition of the raw topic, from its assignment to this process until the next rebalance. What its readers keep from
 * line to line is not stored: it is read again, from the messages just before the committed offset, which are not appended
 * a second time. Every message is read once, however often it is given.
 */
import type { IncomingMessage } from '#kafka';
import { RawReader, type ReadMessage } from './raw-reader.js';

/** Messages before the committed offset that are read for what they tell about the next ones. */
export const LOOK_BACK = 1_000n;

export class RawPartition {
  readonly reader: RawReader;
  #next: bigint;
  #pending: ReadMessage[] = [];

  /** `committed`: the first offset that is not in the log yet; `from`: where reading begins. */
  constructor(
    private readonly committed: bigint,
    from: bigint,
    forests?: Map<string, string>,
  ) {
    this.reader = new RawReader(forests);
    this.#next = from;
  }

  /** The offset after the last message read. */
  get next(): bigint {
    return this.#next;
  }

  /** What has been read and not been settled. */
  take(messages: readonly IncomingMessage[]): readonly ReadMessage[] {
    const fresh = messages.filter(({ offset }) => offset >= this.#next);
    const read = this.reader.read(fresh);
    this.#next = (fresh.at(-1)?.offset ?? this.#next - 1n) + 1n;
    this.#pending.push(...read.filter(({ message }) => message.offset >= this.committed));
    return this.#pending;
  }

  settled(): void {
    this.#pending = [];
  }
}
