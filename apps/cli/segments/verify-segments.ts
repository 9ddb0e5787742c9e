/**
 * `kerbtrail verify --segments`: sealed files against checkpoints that somebody has kept, without a server. Each event is verified
 * by its leaf and each leaf by the tiles of its file, whatever else is there. That these tiles are the signed log's is proved
 * where the root of a trusted checkpoint can be computed: from files that reach from position 1 to it without a hole, or with
 * the upper tiles of the tree (kerbtrail evidence tiles).
 */
import { rootOfTiles } from '#tlog';
import { CliError, EXIT, usageError } from '../cli.error.js';
import { type Range, type SignedRoot, TreeCheck } from '../evidence/tree-check.js';
import { type LogFault, type LogVerification, type Retirement, verifyLog } from '../evidence/verify-log.js';
import { startProgress } from '../progress.js';
import type { LocalSession } from '../session.js';
import { archiveRecords, differingFiles } from './archive-records.js';
import { type OpenedSegment, openSegmentFolder } from './segment-folder.js';
import { SegmentLog } from './segment-log.js';
import { openTileFolder } from './tile-folder.js';
import { type TrustedRoot, trustedRoots } from './trusted-roots.js';

export type SegmentsOptions = {
  readonly segments: string;
  readonly checkpoint?: readonly string[];
  readonly tiles?: string;
  readonly key?: string;
};

export type SegmentsReport = {
  readonly origin: string;
  readonly files: number;
  /** Files that a later generation replaces: not read. */
  readonly replaced: readonly string[];
  /** Positions that there are files of, and the holes between them. */
  readonly covered: readonly Range[];
  readonly missing: readonly Range[];
  /** Events of the files up to its size are the signed ones; undefined when no trusted root can be computed. */
  readonly provedBy: TrustedRoot | undefined;
  /** Trusted roots that need hashes which the files do not have. */
  readonly notCompared: readonly TrustedRoot[];
  readonly links: LogVerification['links'];
  readonly withheld: number;
  /** Files with withheld events, of which no record of retention is in these files. */
  readonly unrecorded: readonly string[];
  /** Files that are not, to the last byte, those that the log records. */
  readonly differing: readonly string[];
  readonly fault?: LogFault & { readonly file?: string };
};

export async function verifySegments(session: LocalSession, options: SegmentsOptions): Promise<SegmentsReport> {
  const tiles = options.tiles === undefined ? undefined : openTileFolder(options.tiles);
  const { key, checkpoint: checkpoints = [] } = options;
  const { origin, roots } = trustedRoots(session.folder, {
    checkpoints,
    ...(key !== undefined && { key }),
    ...(tiles && { tilesNote: tiles.note }),
  });
  const { segments, replaced } = await openAll(session, options.segments);
  const signed = tiles && roots.find(({ note }) => note === tiles.note);
  const log = new SegmentLog(segments, tiles && signed && { size: signed.size, read: tiles.read });
  if (signed) await demandUpperTiles(log, signed, segments.at(-1)!);
  const comparable = roots.filter(({ size }) => log.knows(size)).toSorted((a, b) => b.size - a.size);
  const [provedBy] = comparable;
  const records = await archiveRecords(segments, log, provedBy?.size ?? 0);
  const unrecorded = segments.filter(
    (one) => one.generation > 1 && !records.retired.some((range) => holds(range, one)),
  );
  const retired = [
    ...records.retired,
    ...unrecorded.map(({ first, last }) => ({ first, last, events: last - first + 1 })),
  ];
  const head = signed ?? (await ownRoot(log));
  const before = comparable.filter((root) => root !== signed);
  const { fault, links, withheld } = await verifyRuns(session, log, { head, before, retired });
  return {
    origin,
    files: segments.length,
    replaced,
    covered: log.runs,
    missing: holesIn(log.runs),
    provedBy,
    notCompared: roots.filter((root) => !comparable.includes(root)),
    links,
    withheld,
    unrecorded: withheld > 0 ? unrecorded.map(({ name }) => name) : [],
    differing: fault ? [] : await differingFiles(segments, records.files),
    ...(fault && { fault: { ...fault, ...fileOf(log, fault) } }),
  };
}

async function openAll({ terminal }: LocalSession, folder: string) {
  const progress = startProgress('opening', 1, terminal.stderr);
  try {
    return await openSegmentFolder(folder, (done, of) => progress.update(done / of, `${done} of ${of} files`));
  } finally {
    progress.stop();
  }
}

/** Upper tiles are believed when their checkpoint's root is theirs, and used when they reach beyond the files. */
async function demandUpperTiles(log: SegmentLog, signed: TrustedRoot, newest: OpenedSegment): Promise<void> {
  if (signed.size < newest.last) {
    throw usageError(
      `the tiles are of a tree of ${signed.size} events, and ${newest.name} goes to ${newest.last}`,
      'make the folder anew, at the server: kerbtrail evidence tiles FOLDER',
    );
  }
  if (await new TreeCheck(log.tile, signed.size).holds(signed)) return;
  throw new CliError(EXIT.findings, 'TILES_INVALID', 'the tiles do not have the root of their checkpoint', {
    next: 'they prove nothing as they are: ask for them again',
  });
}

/** What the files say of themselves: by it nothing is proved but that they agree. */
async function ownRoot(log: SegmentLog): Promise<SignedRoot> {
  return { size: log.size, root: await rootOfTiles(log.size, log.tile), name: 'the files themselves' };
}

type ToJudge = {
  readonly head: SignedRoot;
  readonly before: readonly SignedRoot[];
  readonly retired: readonly Retirement[];
};

async function verifyRuns({ terminal }: LocalSession, log: SegmentLog, judged: ToJudge) {
  const events = log.runs.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  const progress = startProgress('verifying', events, terminal.stderr);
  const none = async () => undefined; // all that is known is in `before`
  const results: LogVerification[] = [];
  let done = 0;
  try {
    for (const range of log.runs) {
      const onProgress = (position: number) =>
        progress.update(done + position - range.first + 1, `position ${position.toLocaleString('en')}`);
      results.push(await verifyLog({ source: log, ...judged, older: none, olderKept: none, range, onProgress }));
      done += range.last - range.first + 1;
    }
  } finally {
    progress.stop();
  }
  const sum = (of: (one: LogVerification) => number) => results.reduce((total, one) => total + of(one), 0);
  return {
    fault: firstOf(results.flatMap(({ fault }) => (fault ? [fault] : []))),
    links: { followed: sum(({ links }) => links.followed), unfollowed: sum(({ links }) => links.unfollowed) },
    withheld: sum(({ withheld }) => withheld),
  };
}

/** One event that is named tells more than a range that it is in, which every run finds when a root is another one. */
function firstOf(faults: readonly LogFault[]): LogFault | undefined {
  const exact = faults.filter(({ upTo }) => upTo === undefined);
  const told = faults.filter(
    ({ position, upTo }) =>
      upTo === undefined || !exact.some((one) => position <= one.position && one.position <= upTo),
  );
  return told.toSorted((a, b) => a.position - b.position)[0];
}

function fileOf(log: SegmentLog, { position }: LogFault): { readonly file?: string } {
  const file = log.fileOf(position);
  return file === undefined ? {} : { file };
}

function holesIn(runs: readonly Range[]): Range[] {
  return runs.slice(1).map(({ first }, n) => ({ first: runs[n]!.last + 1, last: first - 1 }));
}

function holds(range: Range, { first, last }: Range): boolean {
  return range.first <= first && last <= range.last;
}
