/**
 * A folder of sealed segments (docs/archive.md) as somebody has it who has neither the server nor its database: which files
 * there are, and that each is a segment, of the positions that its name says, whose tiles have its root. Opened for each read:
 * a log of a billion events has 15,000 of them.
 */
import { completeRoot, parseSegmentName, sameHash, Segment, segmentName } from '#tlog';
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CliError, environmentError, EXIT } from '../cli.error.js';

export type OpenedSegment = {
  readonly name: string;
  readonly path: string;
  readonly generation: number;
  readonly first: number;
  readonly last: number;
  readonly segment: Segment;
};

export type SegmentFolder = {
  /** In order of position, none overlapping. */
  readonly segments: readonly OpenedSegment[];
  /** Files that a later generation has taken the place of: not read. */
  readonly replaced: readonly string[];
};

type Found = { readonly name: string; readonly first: number; readonly generation: number };

const EXTENSION = '.segment';
const NAMED_MAX = 10;

/** Throws CliError: exit code 3 when there is nothing to read, 1 when what is there is not what its name says. */
export async function openSegmentFolder(
  folder: string,
  onProgress: (done: number, of: number) => void,
): Promise<SegmentFolder> {
  const names = (await listFolder(folder)).filter((name) => name.endsWith(EXTENSION)).toSorted();
  if (names.length === 0) {
    throw environmentError('SEGMENTS_NONE', `there is no file *${EXTENSION} in ${folder}`, {
      next: 'give the folder that holds them: <data folder>/segments, or what KERBTRAIL_SEGMENTS names',
    });
  }
  const faults: CliError[] = [];
  const { newest, replaced } = newestGenerations(names, faults);
  const segments: OpenedSegment[] = [];
  for (const [done, found] of newest.entries()) {
    onProgress(done, newest.length);
    const opened = await openSegment(folder, found).catch((error: unknown) => {
      if (error instanceof CliError && error.exitCode === EXIT.findings) faults.push(error);
      else throw error;
    });
    if (opened) segments.push(opened);
  }
  segments.sort((a, b) => a.first - b.first);
  for (const [n, later] of segments.entries()) {
    const earlier = segments[n - 1];
    if (earlier && later.first <= earlier.last) faults.push(overlapping(earlier, later));
  }
  if (faults.length > 0) throw allOf(faults);
  return { segments, replaced };
}

function newestGenerations(names: readonly string[], faults: CliError[]): { newest: Found[]; replaced: string[] } {
  const newest = new Map<number, Found>();
  const replaced: string[] = [];
  for (const name of names) {
    const parsed = parseSegmentName(name);
    if (!parsed) {
      faults.push(foreign(name, `no segment has such a name: it would be ${segmentName({ firstPosition: 1, generation: 1 })}`)); // prettier-ignore
      continue;
    }
    const found = { name, first: parsed.firstPosition, generation: parsed.generation };
    const known = newest.get(found.first);
    const [older, newer] = known && known.generation > found.generation ? [found, known] : [known, found];
    if (older) replaced.push(older.name);
    newest.set(found.first, newer);
  }
  return { newest: [...newest.values()], replaced };
}

async function openSegment(folder: string, { name, first, generation }: Found): Promise<OpenedSegment> {
  const path = join(folder, name);
  const { size } = await stat(path).catch((cause: unknown) => Promise.reject(unreadable(name, cause)));
  const segment = await Segment.open({
    size,
    read: (at, length) => readAt(path, name, at, length),
    altered: (what, cause) => altered(name, what, cause),
  });
  const { header } = segment;
  if (header.firstPosition !== first) {
    throw foreign(
      name,
      `it holds the events from position ${header.firstPosition}: it was renamed, or is a second copy`,
    );
  }
  if (!sameHash(completeRoot(await segment.nodes()), header.root)) {
    throw altered(name, 'its tiles do not have the root that it begins with');
  }
  return { name, path, generation, first, last: segment.lastPosition, segment };
}

async function readAt(path: string, name: string, at: number, length: number): Promise<Buffer> {
  const file = await open(path, 'r').catch((cause: unknown) => Promise.reject(unreadable(name, cause)));
  try {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, at);
    return buffer.subarray(0, bytesRead);
  } catch (cause) {
    throw unreadable(name, cause);
  } finally {
    await file.close();
  }
}

async function listFolder(folder: string): Promise<string[]> {
  return readdir(folder).catch((cause: unknown) => {
    throw environmentError('FOLDER_UNREADABLE', `${folder} cannot be read: ${(cause as Error).message}`, { cause });
  });
}

function unreadable(name: string, cause: unknown): CliError {
  return environmentError('SEGMENT_UNREADABLE', `${name} cannot be read: ${(cause as Error).message}`, { cause });
}

function altered(name: string, what: string, cause?: unknown): CliError {
  const next = 'compare it with its copies; while its partition is attached, the server can seal it again';
  return new CliError(EXIT.findings, 'SEGMENT_ALTERED', `${name} is not a segment as it was sealed: ${what}`, { next, cause }); // prettier-ignore
}

function foreign(name: string, what: string): CliError {
  const next = 'move it out of the folder';
  return new CliError(EXIT.findings, 'SEGMENT_FOREIGN', `${name} does not belong here: ${what}`, { next });
}

function overlapping(earlier: OpenedSegment, later: OpenedSegment): CliError {
  const which = `${earlier.name} holds events ${earlier.first} to ${earlier.last}, ${later.name} ${later.first} to ${later.last}`;
  const next = 'a log has each event once: move the file that is not of it out of the folder';
  return new CliError(EXIT.findings, 'SEGMENTS_OVERLAP', which, { next });
}

/** The first one's code and advice; all of them named, as far as they can be read at once. */
function allOf(faults: readonly CliError[]): CliError {
  const [first] = faults;
  if (faults.length === 1) return first!;
  const more = faults.length > NAMED_MAX ? `; and ${faults.length - NAMED_MAX} more` : '';
  const message = faults.slice(0, NAMED_MAX).map((fault) => fault.message).join('; '); // prettier-ignore
  return new CliError(EXIT.findings, first!.code, message + more, { next: first!.next });
}
