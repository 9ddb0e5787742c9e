/**
 * What a reader takes out of a file, before it is placed: facts in the vocabulary of our events, without the forest, which
 * may become known only further down the file; and records that could not be read.
 */
import type { ExchangeEvent } from '#authentication';
import type { AccountEvent, ObservedDirectoryEvent } from '#directory';

type Unplaced<Event> = Event extends { readonly type: infer Type; readonly data: infer Data }
  ? { readonly type: Type; readonly data: Omit<Data, 'forest'> }
  : never;

/** One thing that another system recorded. `occurredAt` is its clock's instant, RFC 3339 UTC. */
export type Fact = Unplaced<AccountEvent | ObservedDirectoryEvent | ExchangeEvent> & {
  readonly occurredAt: string;
  /** Who did it, as the source names the actor (a SID). */
  readonly actor?: string;
  /** The source's own transaction id. */
  readonly correlationId?: string;
};

/** What one line says. */
export type Mapped = {
  readonly facts: readonly Fact[];
  /** DNS name of the domain that it speaks about, when it is the recording system that says so. */
  readonly domain?: string;
};

export type Facts = Mapped & {
  readonly kind: 'facts';
  /** The record these facts are ordered by: 1-based line and byte offset at which it begins. */
  readonly record: number;
  readonly offset: number;
  /** Number of the first fact within its record, from 0. */
  readonly firstItem: number;
  /** The bytes that identify them, whatever file they are read from (record-identity.ts). */
  readonly identity: Buffer;
  /** The time those bytes hold, as an instant: for ids alone, since a header's zone may be known from elsewhere only. */
  readonly stamp: string;
};

export type Unreadable = {
  readonly kind: 'unreadable';
  /** Of the line the trouble is in. */
  readonly line: number;
  readonly offset: number;
  readonly reason: string;
  /** The record's beginning, at most RAW_HEAD_BYTES; `bytes` and `sha256` are the whole record's. */
  readonly head: Buffer;
  readonly bytes: number;
  readonly sha256: Buffer;
};

export type Reading = Facts | Unreadable;

/** A reader of one kind of source. It holds no more than one record. */
export interface Reader {
  /** Complete records before this line's end. */
  read(line: Line): Reading[];
  /** After the last line. `whole` is false when the file ends inside a line. */
  end(whole: boolean): Reading[];
  /** Records so far, and those of them that say nothing in our vocabulary. */
  readonly records: number;
  readonly unmapped: number;
}

/** One line without its end. */
export type Line = {
  readonly number: number;
  readonly offset: number;
  readonly bytes: Buffer;
  readonly overlong?: Overlong;
};

/** What is left of a line that was too long to keep: `bytes` of the line above is its beginning. */
export type Overlong = { readonly bytes: number; readonly sha256: Buffer };

export const RAW_HEAD_BYTES = 4096;
