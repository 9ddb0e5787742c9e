/**
 * Who a record is, whatever file it was read from: SHA-256 over the kind of source, the record's own bytes and which
 * occurrence of these bytes it is; for a dump, which holds no time, over the dump's instant too. Never path, line or offset:
 * a rotated, renamed or packed file is recognised. (Neither a Samba log nor a dump names the host that wrote it.)
 *
 * Occurrences are counted among the last 32,768 distinct records. A log record holds its own time, so equal ones stand close
 * together; farther apart, the file holds a copy of itself, and the copies are recognised.
 */
import { createHash } from 'node:crypto';
import { instantToNanos, observedEventId } from '#event-store';

const DISTINCT_MAX = 32_768;

export class RecordIdentities {
  readonly #seen = new Map<string, number>();
  readonly #scope: string;

  /** `instant`: of a dump. Throws InvalidInstant. */
  constructor(kind: string, instant?: string) {
    this.#scope = scopeOf(kind, instant);
  }

  /** 32 bytes. */
  next(record: Uint8Array): Buffer {
    const first = identityIn(this.#scope, record);
    const key = first.toString('latin1');
    const occurrence = this.#seen.get(key) ?? 0;
    this.#seen.delete(key); // the one met last is the last to be forgotten
    this.#seen.set(key, occurrence + 1);
    const [oldest] = this.#seen.keys();
    if (this.#seen.size > DISTINCT_MAX && oldest !== undefined) this.#seen.delete(oldest);
    return occurrence === 0 ? first : derived(first, `occurrence ${occurrence}`);
  }
}

/** Of a record that comes alone, so that nothing counts occurrences: equal bytes are the same record. 32 bytes. */
export function recordIdentity(kind: string, record: Uint8Array): Buffer {
  return identityIn(scopeOf(kind), record);
}

/** Id of the append item (UUIDv8). `stamp`: the time that the record itself holds. */
export function recordId(identity: Buffer, stamp: string): string {
  return observedEventId(stamp, identity);
}

/** Id of the record's n-th event (UUIDv8). */
export function recordEventId(identity: Buffer, stamp: string, item: number): string {
  return observedEventId(stamp, derived(identity, `item ${item}`));
}

/** 32 bytes: the record as one of this forest's. Asking for it as another forest's is another request. */
export function recordDigest(identity: Buffer, forest: string): Buffer {
  return derived(identity, `forest ${forest}`);
}

function scopeOf(kind: string, instant?: string): string {
  return `${kind}\0${instant === undefined ? '' : instantToNanos(instant)}\0`;
}

function identityIn(scope: string, record: Uint8Array): Buffer {
  return createHash('sha256').update(scope).update(record).digest();
}

function derived(identity: Buffer, what: string): Buffer {
  return createHash('sha256').update(identity).update(what).digest();
}
