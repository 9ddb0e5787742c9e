/**
 * What every read model is (architecture §5, "Shape of a projection"): evidence rows per key, and derived rows that are a
 * pure function of that key's evidence set, recomputed for the keys touched. Order within a key is total: (occurredAt,
 * source, record, item | stream, version), so that sources imported in any order end in equal tables.
 */
import type { RecordedEvent } from '#event-store';
import type { PoolClient, QueryResultRow } from 'pg';
import type { Row } from './bulk-rows.js';

export type Projection = {
  /** Also the name of its checkpoint and of its shadow schema while it is rebuilt: lower case, digits and `_`. */
  readonly name: string;
  /** Counted up, by the migration that empties the tables, when what stands in them changes: it is then read from the start. */
  readonly version: number;
  /** Tables of schema `read` that belong to this projection alone. Each has a primary key; none has a sequence. */
  readonly tables: readonly string[];
  /** Events of other types are never given to it. Absent: every event is. */
  readonly types?: ReadonlySet<string>;
  /**
   * Several processes may apply pages at once, each of other streams. Events with an equal value here are applied by one of them at a
   * time, in separate transactions: what rows depend on together. Absent: no row depends on events of more than one stream.
   */
  readonly serial?: (event: RecordedEvent) => string;
  /**
   * Folds one page of the log, in order, into the tables, in the transaction that also moves the checkpoint. The events of a
   * stream come in order, each once; the page holds at most some thousand events. Statements name tables without a schema: the search path says
   * whether they are those in use (`read`) or those of a rebuild. Must be deterministic: no clock, no randomness.
   */
  apply(tx: PoolClient, events: readonly RecordedEvent[]): Promise<void>;
  /**
   * The same tables, byte for byte, from the whole log at once: for a rebuild. Its memory is bounded by the evidence of one key.
   * A projection without it is rebuilt by `apply`.
   */
  build?(log: AsyncIterable<readonly RecordedEvent[]>, target: BuildTarget): Promise<void>;
};

export type BuildTarget = {
  /** Rows with the columns of the table, as `insertRows` takes them. */
  write(table: string, rows: readonly Row[]): Promise<void>;
  /** From here on these tables have their constraints and indexes, and everything written so far can be read. */
  finish(...tables: readonly string[]): Promise<void>;
  /** Rows of a query over what was finished, in the order that it asks for, some thousand at a time. */
  read<R extends QueryResultRow>(select: string, values?: readonly unknown[]): AsyncIterable<R[]>;
};

export function isHandled({ types }: Projection, type: string): boolean {
  return types?.has(type) ?? true;
}
