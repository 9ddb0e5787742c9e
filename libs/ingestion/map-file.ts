/**
 * From a file's bytes to what is appended of it, without a log: what it is, its records as events in their places, what
 * could not be read, how far it is. Memory stays bounded whatever the file's size: one chunk, one record, and the facts
 * that wait for their forest's name.
 */
import { detect, type Detected } from './detect.js';
import { InvalidImport } from './ingestion.error.js';
import type { Reader } from './fact.js';
import { LdifDump } from './ldif/ldif-dump.js';
import { LineSplitter } from './lines.js';
import { Placement, type Naming, type Placed, type SourceKind } from './place.js';
import { SambaLog } from './samba/samba-log.js';
import { firstOffset } from './samba/samba-time.js';
import { takeIn, type Intake } from './unpack.js';
import { WindowsLog } from './windows/windows-log.js';

/** Bytes received so far; records read, and those that say nothing in our vocabulary. Comes after every chunk. */
export type Progress = {
  readonly kind: 'progress';
  readonly bytes: number;
  readonly records: number;
  readonly unmapped: number;
};

/** The file's last line, when it has no line end: it waits until it is finished. */
export type Unfinished = { readonly line: number; readonly offset: number; readonly bytes: number };

export type Finished = Omit<Progress, 'kind'> & {
  readonly kind: 'finished';
  readonly lines: number;
  /** Hex SHA-256 of the file as it came. */
  readonly sha256: string;
  readonly unfinished?: Unfinished;
};

export type Detection =
  Extract<Detected, { kind: 'leftOut' }> | { readonly kind: 'detected'; readonly sourceKind: SourceKind };
export type MappedItem = Detection | Placed | Progress | Finished;

const LINE_BYTES_MAX = 1024 * 1024;
const LDIF_RECORD_BYTES_MAX = 8 * 1024 * 1024;

/**
 * Yields what the file is first, and `finished` last. A dump without `observedAt` is left out.
 * Throws ForestUnknown, InvalidImport, InvalidInstant, SourceDamaged, UnpackLimitExceeded, and what `input` throws.
 */
export async function* mapFile(input: AsyncIterable<Uint8Array>, naming: Naming): AsyncGenerator<MappedItem> {
  const intake = await takeIn(input);
  const detected = detect(intake.head);
  if (detected.kind === 'leftOut' || (detected.kind === 'ldif' && naming.observedAt === undefined)) {
    yield detected.kind === 'leftOut' ? detected : dumpWithoutInstant(naming.name);
    yield* drained(intake);
    return;
  }
  yield { kind: 'detected', sourceKind: detected.kind };
  yield* mapped(intake, detected.kind, naming);
}

async function* mapped(intake: Intake, kind: SourceKind, naming: Naming): AsyncGenerator<MappedItem> {
  const placement = new Placement(kind, naming);
  const splitter = new LineSplitter(kind === 'ldif' ? LDIF_RECORD_BYTES_MAX : LINE_BYTES_MAX);
  const reader = readerOf(kind, naming, intake.head);
  yield* placement.begin();
  for await (const chunk of intake.chunks) {
    for (const line of splitter.push(chunk)) {
      for (const reading of reader.read(line)) yield* placement.place(reading);
    }
    yield { kind: 'progress', ...counts(intake, reader) };
  }
  const unfinished = splitter.rest();
  for (const reading of reader.end(unfinished === undefined)) yield* placement.place(reading);
  placement.end();
  const lines = splitter.count;
  yield {
    kind: 'finished',
    ...counts(intake, reader),
    lines,
    sha256: intake.sha256(),
    ...(unfinished && { unfinished }),
  };
}

function readerOf(kind: SourceKind, { observedAt }: Naming, head: Buffer): Reader {
  if (kind === 'samba') return new SambaLog(firstOffset(head));
  if (kind === 'windows') return new WindowsLog();
  if (observedAt === undefined) throw new InvalidImport('a dump needs the instant at which it was taken');
  return new LdifDump(observedAt, LDIF_RECORD_BYTES_MAX);
}

function dumpWithoutInstant(name: string): Detection {
  return {
    kind: 'leftOut',
    looksLike: 'a directory dump (LDIF) whose instant is not known',
    reason:
      `${name} is a directory dump (LDIF), and no dump says when it was taken: ` +
      `import it with --observed-at <instant>, or name it in an observed-at.json beside it`,
  };
}

/** Reads the rest, so that who sends it is not cut off. */
async function* drained(intake: Intake): AsyncGenerator<MappedItem> {
  for await (const _ of intake.chunks) yield { kind: 'progress', bytes: intake.bytes(), records: 0, unmapped: 0 };
  yield { kind: 'finished', bytes: intake.bytes(), records: 0, unmapped: 0, lines: 0, sha256: intake.sha256() };
}

function counts(intake: Intake, reader: Reader): Omit<Progress, 'kind'> {
  return { bytes: intake.bytes(), records: reader.records, unmapped: reader.unmapped };
}
