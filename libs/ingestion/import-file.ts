/**
 * Imports one file: what map-file.ts reads out of it goes to the log, in bounded memory.
 *
 * Running it twice adds nothing twice: a record that is there already is a duplicate, and an import that found nothing new
 * leaves no event at all, only its report. ImportStarted is written once the first new record is durable, and ImportFinished
 * at the end: a start without an end is an import that broke off; run it again and the rest is added.
 */
import type { LogPorts } from '#directory';
import type { AppendResult, NewEvent } from '#event-store';
import { operationEvents, importStream, recordImportEnd, recordImportStart, recordSourceBinding } from '#operations';
import { randomUUID } from 'node:crypto';
import { AppendBatches, type BatchItem } from './append-batches.js';
import { ImportedElsewhere } from './ingestion.error.js';
import { mapFile, type MappedItem, type Unfinished } from './map-file.js';
import type { Naming, PlacedRecord, PlacedSource, Quarantined, SourceKind } from './place.js';

export type ImportOptions = Naming & {
  readonly ports: LogPorts;
  /** Who imports: `account:<id>` or an outside id. */
  readonly actor: string;
  /** Called about every megabyte of the file as it came, and at its end. */
  readonly onProgress?: (progress: ImportCounts) => void;
  readonly onQuarantine?: (record: QuarantinedRecord) => void;
};

export type ImportCounts = {
  /** Of the file as it came, so that a bar over its size is true for packed files too. */
  readonly bytes: number;
  readonly records: number;
  /** Events that were new in the log, and events that were there already. */
  readonly appended: number;
  readonly duplicates: number;
  /** Records that say nothing in our vocabulary. */
  readonly unmapped: number;
  /** Records that could not be read, those of an earlier import included. */
  readonly quarantined: number;
};

export type QuarantinedRecord = {
  readonly line: number;
  readonly offset: number;
  readonly reason: string;
  /** The record's beginning, printable. */
  readonly raw: string;
  readonly bytes: number;
};

export type ImportReport = ImportCounts & {
  readonly name: string;
  /** Null when nothing was added: then no event tells of this import. */
  readonly import: string | null;
  readonly kind: SourceKind | null;
  readonly source: string | null;
  readonly forest: string | null;
  readonly leftOut: { readonly looksLike: string; readonly reason: string } | null;
  /** The last line, without a line end: imported when it is finished. */
  readonly unfinished: Unfinished | null;
  readonly lines: number;
  readonly sha256: string;
  /** Of the import's end; of one that added nothing, of the file's last event in the log, 0 when it has none. */
  readonly position: number;
};

const PROGRESS_BYTES = 1024 * 1024;

/**
 * Throws what `mapFile` throws; ImportedElsewhere; OperationRefusal when the source is bound to another forest; LogBusy or
 * LogUnavailable after a minute of trying. Whatever was read before is in the log then.
 */
export async function importFile(options: ImportOptions, input: AsyncIterable<Uint8Array>): Promise<ImportReport> {
  const session = new ImportSession(options);
  try {
    for await (const item of mapFile(input, options)) await session.take(item);
  } catch (error) {
    await session.settle().catch(() => undefined); // the first error is the cause
    throw error;
  }
  return session.finish();
}

type Found = Pick<ImportReport, 'kind' | 'source' | 'forest' | 'leftOut' | 'unfinished' | 'lines' | 'sha256'>;

class ImportSession {
  readonly #id = randomUUID();
  readonly #batches: AppendBatches;
  readonly #counts = { bytes: 0, records: 0, appended: 0, duplicates: 0, unmapped: 0, quarantined: 0 };
  #found: Found = { kind: null, source: null, forest: null, leftOut: null, unfinished: null, lines: 0, sha256: '' };
  #started: Promise<unknown> | undefined;
  #position = 0;
  #progressAt = 0;

  constructor(private readonly options: ImportOptions) {
    this.#batches = new AppendBatches(options.ports.store, (item, result) => this.#landed(item, result));
  }

  async take(item: MappedItem): Promise<void> {
    switch (item.kind) {
      case 'detected':
        this.#found = { ...this.#found, kind: item.sourceKind };
        return;
      case 'leftOut':
        this.#found = { ...this.#found, leftOut: { looksLike: item.looksLike, reason: item.reason } };
        return;
      case 'source':
        return this.#bind(item);
      case 'record':
        return this.#batches.add(appendItem(item));
      case 'quarantined':
        return this.#quarantine(item);
      case 'progress':
        return this.#progress(item);
      case 'finished':
        this.#found = { ...this.#found, unfinished: item.unfinished ?? null, lines: item.lines, sha256: item.sha256 };
        Object.assign(this.#counts, { bytes: item.bytes, records: item.records, unmapped: item.unmapped });
    }
  }

  async settle(): Promise<void> {
    await this.#batches.settle();
    await this.#started;
  }

  async finish(): Promise<ImportReport> {
    await this.settle();
    const { ports, actor, name, onProgress } = this.options;
    if (this.#started)
      this.#position = await recordImportEnd(ports, actor, {
        import: this.#id,
        ...this.#counts,
        sha256: this.#found.sha256,
      });
    onProgress?.({ ...this.#counts });
    const id = this.#started ? this.#id : null;
    return { name, import: id, ...this.#found, ...this.#counts, position: this.#position };
  }

  async #bind({ source, sourceKind, forest }: PlacedSource): Promise<void> {
    await recordSourceBinding(this.options.ports, this.options.actor, { source, kind: sourceKind, forest });
    this.#found = { ...this.#found, source, forest };
  }

  /** Known ones are not asked for in a batch: an import that adds nothing is to leave no start behind. */
  async #quarantine(record: Quarantined): Promise<void> {
    const { line, offset, reason, head, bytes, id, digest } = record;
    const raw = printable(head);
    this.#counts.quarantined++;
    this.options.onQuarantine?.({ line, offset, reason, raw, bytes });
    if (await this.options.ports.store.receipt(id, digest)) return;
    await this.#start();
    const event = this.#recordQuarantined(record, raw);
    await this.#batches.add({
      id,
      digest,
      line,
      writes: [{ stream: quarantineStream(this.#id), expected: 'any', events: [event] }],
    });
  }

  #recordQuarantined({ line, offset, reason, bytes, sha256 }: Quarantined, raw: string): NewEvent {
    const { type, schemaVersion } = operationEvents.RecordQuarantined;
    const { ports, actor, name } = this.options;
    const data = { import: this.#id, name, line, offset, reason, raw, bytes, sha256: sha256.toString('hex') };
    return { type, schemaVersion, occurredAt: ports.clock.now(), data, metadata: { origin: 'decided', actor } };
  }

  #landed(item: BatchItem, result: AppendResult): void {
    if (result.status === 'id_reuse')
      throw new ImportedElsewhere(this.options.name, item.line, this.#found.forest ?? '');
    if (result.status === 'conflict') throw new TypeError(`an observation expects no version: ${result.stream}`);
    this.#position = Math.max(this.#position, result.position);
    const isQuarantine = item.writes.some(({ stream }) => stream === quarantineStream(this.#id));
    const events = isQuarantine ? 0 : item.writes.reduce((sum, write) => sum + write.events.length, 0);
    if (result.status === 'duplicate') this.#counts.duplicates += events;
    else {
      this.#counts.appended += events;
      void this.#start().catch(() => undefined); // told by settle()
    }
  }

  #start(): Promise<unknown> {
    const { ports, actor, name, observedAt } = this.options;
    const { kind, forest } = this.#found;
    return (this.#started ??= recordImportStart(ports, actor, {
      import: this.#id,
      name,
      kind: kind ?? '',
      ...(forest !== null && { forest }),
      ...(kind === 'ldif' && observedAt !== undefined && { observedAt }),
    }));
  }

  #progress({ bytes, records, unmapped }: Extract<MappedItem, { kind: 'progress' }>): void {
    Object.assign(this.#counts, { bytes, records, unmapped });
    if (bytes < this.#progressAt) return;
    this.#progressAt = bytes + PROGRESS_BYTES;
    this.options.onProgress?.({ ...this.#counts });
  }
}

function appendItem({ id, digest, stream, events, line }: PlacedRecord): BatchItem {
  return { id, digest, line, writes: [{ stream, expected: 'any', events }] };
}

/** Beside the import's own stream, which stays as short as its start and its end. */
function quarantineStream(id: string): string {
  return `${importStream(id)}/quarantine`;
}

/** Control characters as \xNN, bytes that are no UTF-8 as U+FFFD. */
function printable(head: Buffer): string {
  const escape = (character: string): string => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
  return head.toString('utf8').replace(/[^\P{Cc}\t\n]/gu, escape);
}
