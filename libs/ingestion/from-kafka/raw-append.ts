/**
 * What was read goes to the log, with the receipts that make a redelivery harmless. One message that can never be stored,
 * or that speaks for another forest than its source does, is refused; its neighbours are not.
 */
import type { LogPorts } from '#directory';
import { EventRejected, type AppendResult } from '#event-store';
import { OperationRefusal, recordSourceBinding } from '#operations';
import { AppendBatches, type BatchItem } from '../append-batches.js';
import type { ReadMessage, Refusal } from './raw-reader.js';

export type Appended = { readonly message: ReadMessage; readonly refusal: Refusal | undefined };
type Counts = { appended: number; duplicates: number };

const OTHER_FOREST: Refusal = {
  code: 'ING_IMPORTED_ELSEWHERE',
  reason: 'the record stands in the log already, as one of another forest',
};
const SOURCES_MAX = 10_000;

export class RawLog {
  /** Events that were new in the log, and events that were there already. */
  readonly counts: Counts = { appended: 0, duplicates: 0 };
  readonly #bound = new Set<string>();

  /** `actor`: who binds a source to its forest. */
  constructor(
    private readonly ports: LogPorts,
    private readonly actor: string,
  ) {}

  /** Durable when it returns. Throws LogBusy or LogUnavailable after a minute of trying. */
  async append(messages: readonly ReadMessage[]): Promise<Appended[]> {
    const refusals = new Map<ReadMessage, Refusal>();
    const items = new Map<BatchItem, ReadMessage>();
    for (const message of messages) {
      const refusal = await this.#bind(message);
      if (refusal) refusals.set(message, refusal);
      else for (const record of itemsOf(message)) items.set(record, message);
    }
    const landed = (item: BatchItem, result: AppendResult): void => {
      if (!this.#landed(item, result)) refusals.set(items.get(item)!, OTHER_FOREST);
    };
    try {
      await this.#send([...items.keys()], landed);
    } catch (error) {
      if (!(error instanceof EventRejected)) throw error;
      for (const [item, message] of items) {
        const refusal = await this.#sendAlone(item, landed);
        if (refusal) refusals.set(message, refusal);
      }
    }
    return messages.map((message) => ({ message, refusal: message.refusal ?? refusals.get(message) }));
  }

  async #bind({ places }: ReadMessage): Promise<Refusal | undefined> {
    for (const { source, forest } of places) {
      if (this.#bound.has(source)) continue;
      try {
        await recordSourceBinding(this.ports, this.actor, { source, kind: source.split('/', 1)[0]!, forest });
      } catch (error) {
        if (error instanceof OperationRefusal) return { code: error.code, reason: error.message };
        throw error;
      }
      if (this.#bound.size >= SOURCES_MAX) this.#bound.clear();
      this.#bound.add(source);
    }
    return undefined;
  }

  async #send(items: readonly BatchItem[], landed: (item: BatchItem, result: AppendResult) => void): Promise<void> {
    const batches = new AppendBatches(this.ports.store, landed);
    for (const item of items) await batches.add(item);
    await batches.settle();
  }

  async #sendAlone(
    item: BatchItem,
    landed: (item: BatchItem, result: AppendResult) => void,
  ): Promise<Refusal | undefined> {
    try {
      await this.#send([item], landed);
      return undefined;
    } catch (error) {
      if (error instanceof EventRejected)
        return { code: error.code, reason: 'the log cannot hold what the record says' };
      throw error;
    }
  }

  /** False: the record's id stands for another request. */
  #landed(item: BatchItem, result: AppendResult): boolean {
    if (result.status === 'id_reuse') return false;
    if (result.status === 'conflict') throw new TypeError(`an observation expects no version: ${result.stream}`);
    const events = item.writes.reduce((sum, write) => sum + write.events.length, 0);
    if (result.status === 'duplicate') this.counts.duplicates += events;
    else this.counts.appended += events;
    return true;
  }
}

function itemsOf({ records }: ReadMessage): BatchItem[] {
  return records.map(({ id, digest, stream, events, line }) => ({
    id,
    digest,
    line,
    writes: [{ stream, expected: 'any', events }],
  }));
}
