/**
 * The total order of evidence within one key: (occurredAt, source, record, item), or (occurredAt, stream, version) where we
 * decided ourselves. It says nothing of when we learned a fact, so that sources imported in any order give equal tables.
 */
import { instantToNanos, type RecordedEvent } from '#event-store';

export type EvidenceOrder = {
  readonly id: string;
  /** Nanoseconds since 1970. */
  readonly occurredAt: bigint;
  readonly source: string;
  readonly record: number;
  readonly item: number;
};

export function evidenceOrder(event: RecordedEvent): EvidenceOrder {
  const { source } = event.metadata;
  return {
    id: event.id,
    occurredAt: instantToNanos(event.occurredAt),
    source: source?.id ?? event.stream,
    record: source?.record ?? event.version,
    item: source?.item ?? 0,
  };
}

/** Two files of one source may hold one line number at one instant: then the id decides, which is made from the record's bytes. */
export function compareEvidence(a: EvidenceOrder, b: EvidenceOrder): number {
  return (
    compare(a.occurredAt, b.occurredAt) ||
    compare(a.source, b.source) ||
    compare(a.record, b.record) ||
    compare(a.item, b.item) ||
    compare(a.id, b.id)
  );
}

function compare<T extends bigint | string | number>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
