/**
 * The event and its stream, as every part of Kerbtrail sees them (architecture §5, §6).
 * This lib knows no domain: the types of `data` belong to the catalogues that the domain libs export.
 */

/** JSON as it is stored. No integer-like keys (JSON.stringify would move them to the front of the canonical text). */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json | undefined };
export type JsonObject = { readonly [key: string]: Json | undefined };

/**
 * Where an observed record stood. `record` (line or record number) and `item` (n-th event of that record) give the total
 * order of one source; `offset` is the byte at which the record began.
 */
export type SourceRef = {
  readonly id: string;
  readonly kind: string;
  readonly record: number;
  readonly item?: number;
  readonly offset?: number;
};

export type Metadata = {
  /** `decided` by a decider of ours, or `observed`: recorded by somebody else. */
  readonly origin: 'decided' | 'observed';
  readonly actor?: string;
  readonly source?: SourceRef;
  readonly correlationId?: string;
  readonly causationId?: string;
  /** W3C trace context of the request. */
  readonly traceparent?: string;
};

/** An event that is not in the log yet. `id`, `version`, `prev` and `recordedAt` are given to it by the append. */
export type NewEvent<Type extends string = string, Data extends JsonObject = JsonObject> = {
  readonly type: Type;
  readonly schemaVersion: number;
  /** RFC 3339 UTC text with the source's own precision, up to nine digits. */
  readonly occurredAt: string;
  readonly data: Data;
  readonly metadata: Metadata;
  /** Only observed records bring their own id (UUIDv8 of their identity); decided events get a UUIDv7. */
  readonly id?: string;
};

export type RecordedEvent<Type extends string = string, Data extends JsonObject = JsonObject> = {
  readonly id: string;
  readonly stream: string;
  /** 1, 2, 3 … in its stream. */
  readonly version: number;
  /** 1, 2, 3 … in the whole log, without gaps. */
  readonly position: number;
  readonly type: Type;
  readonly schemaVersion: number;
  readonly occurredAt: string;
  /** Our clock, UTC with microseconds; never falls as position rises. */
  readonly recordedAt: string;
  readonly data: Data;
  readonly metadata: Metadata;
};

/** `category-id`; the category never contains `-`, the id may contain anything printable. */
export function streamName(category: string, id: string): string {
  if (!/^[a-z]+$/.test(category)) throw new TypeError(`not a stream category: "${category}"`);
  if (id === '') throw new TypeError('a stream id is not empty');
  return `${category}-${id}`;
}

export function streamCategory(stream: string): string {
  const dash = stream.indexOf('-');
  return dash < 0 ? stream : stream.slice(0, dash);
}
