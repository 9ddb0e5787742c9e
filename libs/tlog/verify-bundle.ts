/**
 * Judges a bundle of evidence with nothing but the bundle and the keys that the caller trusts: the note's signature, each
 * entry's place in the signed tree (RFC 9162 §2.1.3.2), that what was asked for is there, and for a stream its links.
 * A bundle that proves less than its selection claims has a fault; what it cannot prove is said.
 */
import { decodeBase64, encodeBase64 } from './base64.js';
import { openCheckpoint, type Checkpoint } from './checkpoint.js';
import type { EvidenceBundle, EvidenceEntry, Selection } from './evidence-bundle.js';
import { leafHash } from './hash.js';
import type { Fault, FaultKind } from './log-check.js';
import { parseVerifierKey, type Verifier } from './note-key.js';
import { StreamChain } from './stream-chain.js';
import { BundleInvalid } from './tlog.error.js';
import { verifyInclusion } from './verify-proof.js';

export type BundleReport = {
  readonly origin: string;
  readonly size: number;
  /** Base64, as in the checkpoint. */
  readonly root: string;
  /** `claimed`: only keys that came with the bundle have signed, so anyone may have made it. */
  readonly trust: 'trusted' | 'claimed';
  readonly verifiedBy: readonly string[];
  readonly selection: Selection;
  readonly entries: number;
  /** Positions of the events whose bytes are not in the bundle. */
  readonly withheld: readonly number[];
  /** Of a stream's, those that no later event's link shows to be of it. */
  readonly unlinked: readonly number[];
  /** The first, in the order of the entries. */
  readonly fault: Fault | null;
  readonly proven: readonly string[];
  readonly notProven: readonly string[];
};

/**
 * With trusted keys, one of them must have signed; without any, the bundle's own are taken and the report says so.
 * Throws NoteInvalid for a checkpoint that is not signed so, BundleInvalid for one of another origin.
 */
export function verifyEvidenceBundle(bundle: EvidenceBundle, trustedKeys: readonly Verifier[]): BundleReport {
  const trust = trustedKeys.length > 0 ? 'trusted' : 'claimed';
  const verifiers = trust === 'trusted' ? trustedKeys : bundle.keys.map(parseVerifierKey);
  const { checkpoint, verifiedBy } = openCheckpoint(bundle.checkpoint, verifiers);
  if (checkpoint.origin !== bundle.origin) {
    throw new BundleInvalid('origin', `is not that of the checkpoint, ${checkpoint.origin}`);
  }
  const entries = bundle.entries.map(proven);
  const chain = bundle.selection.kind === 'stream' ? new StreamChain(bundle.selection.stream) : undefined;
  const fault = firstFault(bundle.selection, entries, checkpoint, chain);
  const withheld = bundle.entries.filter(({ body }) => body === null).map(({ position }) => position);
  const report = {
    origin: checkpoint.origin,
    size: checkpoint.size,
    root: encodeBase64(checkpoint.root),
    trust,
    verifiedBy: verifiedBy.map(({ verifierKey }) => verifierKey),
    selection: bundle.selection,
    entries: entries.length,
    withheld,
    unlinked: chain?.unlinked() ?? [],
    fault,
  } as const;
  return { ...report, ...statements(report) };
}

type ProvenEntry = {
  readonly position: number;
  readonly body: string | null;
  readonly leaf: Buffer;
  readonly proof: Buffer[];
};

function proven(entry: EvidenceEntry): ProvenEntry {
  const { position, body } = entry;
  const leaf = entry.body === null ? Buffer.from(entry.leaf, 'hex') : leafHash(entry.body);
  return { position, body, leaf, proof: entry.proof.map((hash) => decodeBase64(hash) ?? Buffer.alloc(0)) };
}

function firstFault(
  selection: Selection,
  entries: readonly ProvenEntry[],
  checkpoint: Checkpoint,
  chain: StreamChain | undefined,
): Fault | null {
  const selected = selectedPositions(selection);
  let before = 0;
  for (const [i, entry] of entries.entries()) {
    const fault =
      orderFault(entry.position, before, selected, i) ??
      placeFault(entries, i, checkpoint) ??
      chain?.add(entry.position, entry.body, entry.leaf);
    if (fault) return fault;
    before = entry.position;
  }
  const missing = selected?.(entries.length);
  if (missing !== undefined) return faultAt(missing, 'removed', 'it was asked for, and is not in the bundle');
  return null;
}

/** The i-th position that was asked for; undefined behind the last. A stream does not say where its events stand. */
function selectedPositions(selection: Selection): ((i: number) => number | undefined) | undefined {
  if (selection.kind === 'positions') return (i) => selection.positions[i];
  if (selection.kind === 'range') return (i) => (i <= selection.to - selection.from ? selection.from + i : undefined);
  return undefined;
}

function orderFault(
  position: number,
  before: number,
  selected: ((i: number) => number | undefined) | undefined,
  i: number,
): Fault | undefined {
  if (position === before) return faultAt(position, 'inserted', 'it is in the bundle twice');
  if (position < before) return faultAt(position, 'reordered', `it stands behind position ${before}`);
  const expected = selected?.(i);
  if (selected === undefined || expected === position) return undefined;
  return expected !== undefined && expected < position
    ? faultAt(expected, 'removed', `it was asked for, and ${position} comes in its place`)
    : faultAt(position, 'inserted', 'it was not asked for');
}

/** An entry that is not in the tree where it says: the proofs of the others tell what was done. */
function placeFault(entries: readonly ProvenEntry[], i: number, { size, root }: Checkpoint): Fault | undefined {
  const entry = entries[i]!;
  const { position } = entry;
  const stands = (leaf: Buffer, at: number, proof: readonly Buffer[]): boolean =>
    verifyInclusion({ size, index: at - 1, leaf, proof, root });
  if (stands(entry.leaf, position, entry.proof)) return undefined;
  if (position > size) return faultAt(position, 'inserted', `the signed tree ends at position ${size}`);

  const ownPlace = entries.find(
    (other) => stands(entry.leaf, other.position, other.proof) || stands(entry.leaf, other.position, entry.proof),
  );
  const owner = entries.find(
    (other) => stands(other.leaf, position, other.proof) || stands(other.leaf, position, entry.proof),
  );
  const copied = entries.some((other) => other !== entry && other.leaf.equals(entry.leaf));
  const what = 'the event is not the one that the signed tree has there';
  if (owner) {
    const kind = ownPlace && !copied ? 'reordered' : 'inserted';
    return faultAt(position, kind, `${what}: that one is given as position ${owner.position}`);
  }
  const next = entries[i + 1]?.position ?? position + 1;
  if (!copied && (ownPlace || stands(entry.leaf, next, entry.proof))) {
    return faultAt(position, 'removed', `${what}: it is the one of position ${ownPlace?.position ?? next}`);
  }
  return faultAt(position, 'changed', what);
}

function faultAt(position: number, kind: FaultKind, detail: string): Fault {
  return { position, kind, detail: `position ${position}: ${detail}` };
}

type Statements = Pick<BundleReport, 'proven' | 'notProven'>;
type Judged = Omit<BundleReport, keyof Statements>;

/** What holds if the signing key is the log's, and what does not follow from it. */
function statements(report: Judged): Statements {
  const { selection, entries, size, origin, trust, withheld, fault } = report;
  const always = [
    ...(trust === 'claimed'
      ? ["that the key is the log's: it came with the bundle, so anyone may have made both"]
      : []),
    "that everyone was shown the same tree: compare the checkpoint with the log's witness or with a later checkpoint",
    'that what the events say is true, or the times in them: only what was recorded, and in which order',
  ];
  if (fault) return { proven: [], notProven: always };
  const inTree = [
    `each of the ${entries} entries stands at its position in the tree of ${size} that ${origin} signed`,
    ...(withheld.length > 0 ? [`of ${withheld.length} of them only the hash: their bytes are withheld`] : []),
  ];
  if (selection.kind === 'stream') {
    const { proven, notProven } = streamStatements(selection.stream, report);
    return { proven: [...inTree, ...proven], notProven: [...notProven, ...always] };
  }
  const whole =
    selection.kind === 'range' ? [`they are all events from position ${selection.from} to ${selection.to}`] : [];
  return { proven: [...inTree, ...whole], notProven: always };
}

/** Links reach back from an event, never forward: they cannot show that none comes after it. */
function streamStatements(stream: string, { entries, unlinked }: Judged): Statements {
  const positions = unlinked.join(', ');
  const but = unlinked.length > 0 ? `, but for positions ${positions}` : '';
  return {
    proven: [
      `they are versions 1 to ${entries} of stream ${stream}, each naming the hash of the one before${but}: none is missing between them`,
    ],
    notProven: [
      ...(unlinked.length > 0
        ? [
            `that positions ${positions} are of the stream: their bytes are withheld, and no later event here names their hash`,
          ]
        : []),
      `that version ${entries} is the last: a later event of the stream may be in this tree or come after it`,
      'that no other event of the log names the same stream: only a check of the whole log shows that',
    ],
  };
}
