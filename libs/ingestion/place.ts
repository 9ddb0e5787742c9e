/**
 * Turns readings into what is appended: events of the source's stream, in their forest, with ids that are the same whenever
 * and wherever the record is read. The forest's name may stand further down the file than the first fact: until then the
 * facts wait, in bounded number.
 */
import { exchangeEvents } from '#authentication';
import { accountEvents, observedEvents } from '#directory';
import { sealingBytesMax, streamName, type NewEvent } from '#event-store';
import { hash } from 'node:crypto';
import { RAW_HEAD_BYTES, type Fact, type Facts, type Reading, type Unreadable } from './fact.js';
import { ForestUnknown, InvalidImport } from './ingestion.error.js';
import { recordDigest, recordEventId, recordId, RecordIdentities } from './record-identity.js';

/** Where a source's events stand, and which forest its records speak about. */
export type PlacedSource = {
  readonly kind: 'source';
  readonly source: string;
  readonly sourceKind: SourceKind;
  readonly forest: string;
};

/** Ids of a source, its forest and its stream. */
export type Place = { readonly forest: string; readonly source: string; readonly stream: string };

export type PlacedRecord = {
  readonly kind: 'record';
  /** Receipt id and request digest of the append. */
  readonly id: string;
  readonly digest: Buffer;
  readonly stream: string;
  readonly events: readonly NewEvent[];
  readonly line: number;
};

/** `id` and `digest` as above; the rest as in `Unreadable`. */
export type Quarantined = Omit<Unreadable, 'kind'> & {
  readonly kind: 'quarantined';
  readonly id: string;
  readonly digest: Buffer;
};

export type Placed = PlacedSource | PlacedRecord | Quarantined;
export type SourceKind = 'samba' | 'windows' | 'ldif';

export type Naming = {
  /** What the file is called in messages. */
  readonly name: string;
  /** The forest's DNS name, or its id; by default the domain that the content names. */
  readonly forest?: string;
  /** Tells several sources of one kind and forest apart. */
  readonly source?: string;
  /** Instant of a dump. */
  readonly observedAt?: string;
};

const OBSERVED = 'observed:';
const HELD_MAX = 10_000;
const HELD_BYTES_MAX = 8 * 1024 * 1024;
/** Of an event's data: its body, with ids and metadata, stays below the log's 60 KiB. */
const DATA_BYTES_MAX = 56 * 1024;
/** NUL, which PostgreSQL's text cannot hold, and half surrogate pairs, as JSON.stringify writes them. */
const UNSTORABLE = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f][0-9a-f]{2})/;
const EPOCH = '1970-01-01T00:00:00Z';

const definitions = { ...accountEvents, ...observedEvents, ...exchangeEvents };

export class Placement {
  readonly #identities: RecordIdentities;
  #place: Place | undefined;
  #held: Facts[] = [];
  #heldBytes = 0;

  /** Throws InvalidImport. */
  constructor(
    private readonly kind: SourceKind,
    private readonly naming: Naming,
  ) {
    checkSourceName(naming.source);
    this.#identities = new RecordIdentities(kind, kind === 'ldif' ? naming.observedAt : undefined);
  }

  /** The source itself, when it is known from the start. */
  begin(): Placed[] {
    return this.naming.forest === undefined ? [] : [this.#settle(this.naming.forest)];
  }

  /** Throws ForestUnknown. */
  place(reading: Reading): Placed[] {
    if (reading.kind === 'unreadable') return [this.#quarantined(reading)];
    if (this.#place) return [this.#record(reading, this.#place)];
    this.#held.push(reading);
    this.#heldBytes += reading.identity.length;
    if (reading.domain !== undefined) return [this.#settle(reading.domain), ...this.#release()];
    if (this.#held.length > HELD_MAX || this.#heldBytes > HELD_BYTES_MAX) throw this.#unknown();
    return [];
  }

  /** Throws ForestUnknown. */
  end(): void {
    if (this.#held.length > 0) throw this.#unknown();
  }

  #settle(forest: string): PlacedSource {
    const { kind, naming } = this;
    this.#place = placeOf(kind, forest, naming.source);
    const { source, forest: id } = this.#place;
    return { kind: 'source', source, sourceKind: kind, forest: id };
  }

  #release(): Placed[] {
    const held = this.#held;
    const place = this.#place;
    this.#held = [];
    return place ? held.map((facts) => this.#record(facts, place)) : [];
  }

  #record(reading: Facts, place: Place): Placed {
    const reason = unstorable(reading.facts);
    const { record, offset, identity: bytes } = reading;
    if (reason === undefined) return placedRecord(this.kind, reading, place, this.#identities.next(bytes));
    const raw = {
      head: bytes.subarray(0, RAW_HEAD_BYTES),
      bytes: bytes.length,
      sha256: hash('sha256', bytes, 'buffer'),
    };
    return this.#quarantined({ kind: 'unreadable', line: record, offset, reason, ...raw });
  }

  #quarantined(unreadable: Unreadable): Quarantined {
    const identity = this.#identities.next(Buffer.concat([Buffer.from('unreadable '), unreadable.sha256]));
    return {
      ...unreadable,
      kind: 'quarantined',
      id: recordId(identity, EPOCH),
      digest: identity,
    };
  }

  #unknown(): ForestUnknown {
    return new ForestUnknown(this.naming.name, this.#held.length);
  }
}

/** Throws InvalidImport. */
export function placeOf(kind: SourceKind, forestName: string, sourceName?: string): Place {
  checkSourceName(sourceName);
  const dnsName = forestName.toLowerCase().replace(OBSERVED, '');
  if (!/^[a-z0-9_][a-z0-9._-]{0,253}$/.test(dnsName)) {
    throw new InvalidImport(`"${forestName}" is not the DNS name of a forest: write it like corp.example`);
  }
  const source = [kind, dnsName, ...(sourceName ? [sourceName] : [])].join('/');
  return { forest: `${OBSERVED}${dnsName}`, source, stream: streamName('source', source) };
}

function checkSourceName(name: string | undefined): void {
  if (name === undefined || /^[\w.-]{1,100}$/.test(name)) return;
  throw new InvalidImport(`"${name}" cannot name a source: use at most 100 letters, digits, "_", "." and "-"`);
}

/** `identity`: the record's (record-identity.ts). */
export function placedRecord(kind: SourceKind, reading: Facts, place: Place, identity: Buffer): PlacedRecord {
  const { record, offset, firstItem, stamp, facts } = reading;
  const { forest, source, stream } = place;
  const events = facts.map((fact, index): NewEvent => {
    const { type, occurredAt, data, actor, correlationId } = fact;
    return {
      id: recordEventId(identity, stamp, index),
      type,
      schemaVersion: definitions[type].schemaVersion,
      occurredAt,
      data: { forest, ...data },
      metadata: {
        origin: 'observed',
        source: { id: source, kind, record, item: firstItem + index + 1, offset },
        ...(actor !== undefined && { actor }),
        ...(correlationId !== undefined && { correlationId }),
      },
    };
  });
  const id = recordId(identity, stamp);
  return { kind: 'record', id, digest: recordDigest(identity, forest), stream, events, line: record };
}

/** Why these facts can never stand in the log, if they cannot. */
export function unstorable(facts: readonly Fact[]): string | undefined {
  const texts = facts.map(({ data }) => JSON.stringify(data));
  if (texts.some((text) => UNSTORABLE.test(text))) return 'a value holds a NUL or half a surrogate pair';
  const bytes = Math.max(...texts.map((text, n) => storedBytes(text, facts[n]!)));
  return bytes > DATA_BYTES_MAX ? `it would take an event of ${bytes} bytes, more than ${DATA_BYTES_MAX}` : undefined;
}

/** With its personal data sealed, which lengthens nothing by more than a third and some hundred bytes. */
function storedBytes(text: string, { type, data }: Fact): number {
  const bytes = Buffer.byteLength(text);
  return bytes < DATA_BYTES_MAX / 2 ? bytes : bytes + sealingBytesMax(definitions[type].personal, data);
}
