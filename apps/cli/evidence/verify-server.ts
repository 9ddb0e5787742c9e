/**
 * `kerbtrail verify` against a server: its checkpoint by the keys trusted here, the log by the checkpoint, and both by what was seen
 * before, here and by the witness. What verified is remembered for the next time.
 */
import { leafHash, parseVerifierKey, TILE_WIDTH, type Verifier } from '#tlog';
import { usageError } from '../cli.error.js';
import { startProgress } from '../progress.js';
import type { Session } from '../session.js';
import { type EvidenceStatus, evidenceStatus, olderRoots, positionsOf } from './evidence-api.js';
import { readEvent, readSignedEvent, readTile } from './events-of-tile.js';
import { type LogSource, tileOf } from './log-source.js';
import { openServerLog, remember } from './server-log.js';
import { rootsBeside, witnessRoot } from './witness-file.js';
import { type Range, type SignedRoot, TreeCheck } from './tree-check.js';
import { type LogTrust, seenCheckpoint, type TrustedCheckpoint } from './trust.js';
import { type LogFault, type LogVerification, type Retirement, verifyLog } from './verify-log.js';

export type VerifyOptions = {
  readonly from?: number;
  readonly to?: number;
  readonly key?: string;
  readonly witness?: string;
};

/** A root signed before, which the log must still begin with. */
export type EarlierRoot = SignedRoot & { readonly seenAt?: string };

/** What stands at the position of a fault, and what was signed for it. */
export type Place = {
  readonly log: {
    readonly type: string;
    readonly stream: string;
    readonly version: number;
    readonly leaf: string;
  } | null;
  readonly signedLeaf: string | null;
};

export type LogReport = LogVerification & {
  readonly checkpoint: TrustedCheckpoint;
  /** As the server says: a checkpoint has no time. */
  readonly signedAt: string | null;
  /** Events behind the checkpoint, which no evidence is of yet. */
  readonly uncovered: number;
  readonly trustedSince: string | undefined;
  /** Keys that are trusted from now on beside those that were. */
  readonly learned: readonly string[];
  readonly seen: EarlierRoot | undefined;
  readonly witness: EarlierRoot | undefined;
  readonly there?: Place | undefined;
};

export async function verifyServer(session: Session, options: VerifyOptions): Promise<LogReport> {
  const { client, terminal } = session;
  const log = await openServerLog(session, options.key);
  const { trust, checkpoint, source } = log;
  const { size } = checkpoint;
  const status = await evidenceStatus(client);
  const { signedAt, head } = status;
  const everTrusted = [...log.keys, ...former(trust)];
  const seen = trust && seenRoot(trust);
  const witness = options.witness === undefined ? undefined : witnessRoot(options.witness, everTrusted);
  const range = rangeOf(options, size);
  const progress = startProgress('verifying', range.last - range.first + 1, terminal.stderr);
  try {
    const verified = await verifyLog({
      source,
      head: { ...checkpoint, name: 'the checkpoint' },
      before: [seen, witness].filter((root) => root !== undefined),
      older: olderRoots(client, everTrusted),
      olderKept: options.witness === undefined ? async () => undefined : rootsBeside(options.witness, everTrusted),
      retired: await recordedRetirements(session, source, size),
      range,
      onProgress: (position) =>
        progress.update(position - range.first + 1, `position ${position.toLocaleString('en')}`),
    });
    const fault = verified.fault ?? behindHead(status);
    const there = fault && (await whatIsThere(source, size, fault));
    const learned = fault ? [] : await remember(session, log);
    return {
      ...verified,
      ...(fault && { fault, there }),
      checkpoint,
      signedAt,
      uncovered: Math.max(0, head - size),
      trustedSince: options.key === undefined ? trust?.trustedSince : undefined,
      learned,
      seen,
      witness,
    };
  } finally {
    progress.stop();
  }
}

function former(trust: LogTrust | undefined): Verifier[] {
  return trust?.formerKeys.map(parseVerifierKey) ?? [];
}

function rangeOf({ from = 1, to }: VerifyOptions, size: number): Range {
  const last = to ?? size;
  if (last > size) {
    throw usageError(
      `--to ${last}: the newest signed checkpoint covers ${size} events`,
      'leave --to out, or ask again in a second',
    );
  }
  if (from > last) throw usageError(`--from ${from} is after the last position to verify, ${last}`);
  return { first: from, last };
}

function seenRoot(trust: LogTrust): EarlierRoot {
  const { seenAt } = trust;
  return { ...seenCheckpoint(trust), seenAt, name: `the checkpoint seen here at ${seenAt}` };
}

/** Events that the log itself says it has dropped; a record that the tree does not stand for counts for nothing. */
async function recordedRetirements({ client }: Session, source: LogSource, size: number): Promise<Retirement[]> {
  const tree = new TreeCheck(source.tile, size);
  const retired: Retirement[] = [];
  for (const position of await positionsOf(client, 'PartitionRetired')) {
    const event = await readSignedEvent(source, tree, position);
    const { first, last, events } = event?.data ?? {};
    if (event?.type !== 'PartitionRetired') continue;
    if (typeof first === 'number' && typeof last === 'number' && typeof events === 'number') {
      retired.push({ first, last, events });
    }
  }
  return retired;
}

/** Rows that no append has made: the head, which counts events, does not reach to them. */
function behindHead({ head, beyondHead }: EvidenceStatus): LogFault | undefined {
  if (beyondHead === 0) return undefined;
  const position = head + 1;
  const detail = `the log ends at position ${head}, and something stands behind it`;
  return { kind: 'inserted', position, ...(beyondHead > 1 && { upTo: head + beyondHead }), detail };
}

async function whatIsThere(source: LogSource, size: number, { position, upTo }: LogFault): Promise<Place | undefined> {
  if (upTo !== undefined || position > size) return undefined;
  const { leaves, entries } = await readTile(source, new TreeCheck(source.tile, size), tileOf(position));
  const at = (position - 1) % TILE_WIDTH;
  const body = entries[at];
  const event = body && readEvent(body);
  const leaf = body && leafHash(body).toString('hex');
  const log = event && leaf ? { type: event.type, stream: event.stream, version: event.version, leaf } : null;
  return { log, signedLeaf: leaves[at]?.toString('hex') ?? null };
}
