/** Bundles of evidence: what a whole one proves, what is named in one that was tampered with, and what is refused. */
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { formatCheckpoint } from './checkpoint.js';
import {
  formatEvidenceBundle,
  parseEvidenceBundle,
  type EvidenceBundle,
  type EvidenceEntry,
  type Selection,
} from './evidence-bundle.js';
import { leafHash } from './hash.js';
import { naiveInclusion, naiveRoot } from './naive-tree.spec-support.js';
import { newSigner, parseVerifierKey } from './note-key.js';
import { signNote } from './note.js';
import { BundleInvalid, NoteInvalid } from './tlog.error.js';
import { verifyEvidenceBundle } from './verify-bundle.js';

const origin = 'kerbtrail.example/log';
const signer = newSigner(origin, Buffer.alloc(32, 7));
const trusted = [parseVerifierKey(signer.verifierKey)];
const mallory = newSigner(origin, Buffer.alloc(32, 8));

/** Events of several streams in turn, each linked to the one before in its stream. */
function logOf(streams: readonly string[]): string[] {
  const heads = new Map<string, { version: number; leaf: string | null }>();
  return streams.map((stream, i) => {
    const { version, leaf } = heads.get(stream) ?? { version: 0, leaf: null };
    const body = JSON.stringify({ data: { n: i }, prev: leaf, stream, version: version + 1 });
    heads.set(stream, { version: version + 1, leaf: leafHash(body).toString('hex') });
    return body;
  });
}

function bundleOf(log: readonly string[], selection: Selection, positions: readonly number[]): EvidenceBundle {
  const leaves = log.map(leafHash);
  const checkpoint = signNote(formatCheckpoint({ origin, size: log.length, root: naiveRoot(leaves) }), [signer]);
  const entries = positions.map((position) => ({
    position,
    body: log[position - 1]!,
    proof: naiveInclusion(position - 1, leaves).map((hash) => hash.toString('base64')),
  }));
  return { format: 'kerbtrail-evidence/1', origin, checkpoint, keys: [signer.verifierKey], selection, entries };
}

const streams = ['a', 'b', 'a', 'c', 'a', 'b', 'a', 'a', 'c', 'b', 'a'];
const log = logOf(streams);
const streamA = bundleOf(log, { kind: 'stream', stream: 'a' }, [1, 3, 5, 7, 8, 11]);
const range = bundleOf(log, { kind: 'range', from: 3, to: 9 }, [3, 4, 5, 6, 7, 8, 9]);
const some = bundleOf(log, { kind: 'positions', positions: [2, 7, 11] }, [2, 7, 11]);

const withEntries = (bundle: EvidenceBundle, entries: readonly EvidenceEntry[]): EvidenceBundle => ({
  ...bundle,
  entries,
});
const faultOf = (bundle: EvidenceBundle): unknown => {
  const { fault, proven } = verifyEvidenceBundle(bundle, trusted);
  return fault ? [fault.position, fault.kind] : proven.length > 0 && null;
};

/** The bytes are retired: only the leaf stays. */
function withholding(bundle: EvidenceBundle, position: number): EvidenceBundle {
  const entries = bundle.entries.map((entry) =>
    entry.position === position && entry.body !== null
      ? { position, body: null, leaf: leafHash(entry.body).toString('hex'), proof: entry.proof }
      : entry,
  );
  return withEntries(bundle, entries);
}

describe('a bundle', () => {
  it('is read as it was written', () => {
    for (const bundle of [streamA, range, some, withholding(range, 4)]) {
      expect(parseEvidenceBundle(formatEvidenceBundle(bundle))).toEqual(bundle);
    }
  });

  it('proves that its events stand in the signed tree', () => {
    const report = verifyEvidenceBundle(some, trusted);
    expect(report).toMatchObject({ origin, size: 11, trust: 'trusted', entries: 3, withheld: [], fault: null });
    expect(report.verifiedBy).toEqual([signer.verifierKey]);
    expect(report.root).toBe(naiveRoot(log.map(leafHash)).toString('base64'));
    expect(report.proven).toEqual([
      `each of the 3 entries stands at its position in the tree of 11 that ${origin} signed`,
    ]);
  });

  it('of a range proves that it is whole', () => {
    const { fault, proven } = verifyEvidenceBundle(range, trusted);
    expect(fault).toBeNull();
    expect(proven).toContain('they are all events from position 3 to 9');
  });

  it('of a stream proves that none is missing up to the last, and says that a later one is not excluded', () => {
    const { fault, proven, notProven } = verifyEvidenceBundle(streamA, trusted);
    expect(fault).toBeNull();
    expect(proven.join('\n')).toContain('they are versions 1 to 6 of stream a');
    expect(notProven.join('\n')).toContain('that version 6 is the last');
    expect(notProven.join('\n')).toContain('no other event of the log names the same stream');
  });

  it('cut off after any version is still whole up to there, and says so', () => {
    const { fault, proven, notProven } = verifyEvidenceBundle(
      withEntries(streamA, streamA.entries.slice(0, 4)),
      trusted,
    );
    expect(fault).toBeNull();
    expect(proven.join('\n')).toContain('they are versions 1 to 4 of stream a');
    expect(notProven.join('\n')).toContain('that version 4 is the last');
  });

  it('proves for events whose bytes are withheld that they were there, and keeps a stream whole', () => {
    const report = verifyEvidenceBundle(withholding(streamA, 5), trusted);
    expect(report).toMatchObject({ fault: null, withheld: [5] });
    expect(report.proven.join('\n')).toContain('of 1 of them only the hash');
    expect(report.unlinked).toEqual([]);
    expect(faultOf(withholding(some, 7))).toBeNull();
  });

  it('says of which withheld events no later link shows that they are of the stream: the last, and all but the last of a run', () => {
    const bundle = [1, 3, 7, 11].reduce(withholding, streamA);
    const { fault, unlinked, proven, notProven } = verifyEvidenceBundle(bundle, trusted);
    expect([fault, unlinked]).toEqual([null, [1, 11]]);
    expect(proven.join('\n')).toContain('but for positions 1, 11: none is missing');
    expect(notProven.join('\n')).toContain('that positions 1, 11 are of the stream');
  });

  it('proves each entry of any log', () => {
    const anyLog = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(anyLog, fc.nat(), (names, any) => {
        const body = logOf(names);
        const stream = names[any % names.length]!;
        const positions = names.flatMap((name, i) => (name === stream ? [i + 1] : []));
        const bundle = bundleOf(body, { kind: 'stream', stream }, positions);
        expect(faultOf(parseEvidenceBundle(formatEvidenceBundle(bundle)))).toBeNull();
      }),
      { numRuns: 40 },
    );
  });
});

describe('trust', () => {
  const forged: EvidenceBundle = {
    ...some,
    checkpoint: signNote(formatCheckpoint({ origin, size: 11, root: naiveRoot(log.map(leafHash)) }), [mallory]),
    keys: [mallory.verifierKey],
  };

  it('is said to be only claimed where the keys came with the bundle', () => {
    const report = verifyEvidenceBundle(forged, []);
    expect([report.trust, report.fault]).toEqual(['claimed', null]);
    expect(report.notProven.join('\n')).toContain("that the key is the log's");
  });

  it('is refused where none of the trusted keys has signed', () => {
    expect(() => verifyEvidenceBundle(forged, trusted)).toThrow(NoteInvalid);
  });

  it('is refused for a bundle that names another origin than its checkpoint', () => {
    expect(() => verifyEvidenceBundle({ ...some, origin: 'other.example' }, trusted)).toThrow(BundleInvalid);
  });

  it('is refused for a checkpoint that was changed', () => {
    const changed = { ...some, checkpoint: some.checkpoint.replace('\n11\n', '\n12\n') };
    expect(() => verifyEvidenceBundle(changed, trusted)).toThrow('it was changed');
  });
});

describe('an entry of a bundle', () => {
  const at = fc.integer({ min: 0, max: range.entries.length - 2 });
  const entries = range.entries as readonly Extract<EvidenceEntry, { body: string }>[];
  const numbered = (moved: readonly EvidenceEntry[]): EvidenceBundle =>
    withEntries(
      range,
      moved.map((entry, i) => ({ ...entry, position: 3 + i })),
    );

  const names = (what: string, kind: string, tamper: (i: number) => EvidenceBundle): void =>
    it(`that was ${what} is named as ${kind}, at its position`, () => {
      fc.assert(fc.property(at, (i) => expect(faultOf(tamper(i))).toEqual([3 + i, kind])));
    });

  names('changed', 'changed', (i) => withEntries(range, entries.with(i, { ...entries[i]!, body: '{}' })));
  names('given a changed proof', 'changed', (i) =>
    withEntries(range, entries.with(i, { ...entries[i]!, proof: entries[i]!.proof.toReversed() })),
  );
  names('taken out', 'removed', (i) => withEntries(range, entries.toSpliced(i, 1)));
  names('taken out, the later ones numbered up', 'removed', (i) => numbered(entries.toSpliced(i, 1)));
  names('put in, the later ones numbered down', 'inserted', (i) =>
    numbered(entries.toSpliced(i, 0, { ...entries[i]!, body: '{}' })),
  );
  names('exchanged with the next', 'reordered', (i) =>
    numbered(entries.with(i, entries[i + 1]!).with(i + 1, entries[i]!)),
  );
  names('exchanged with the last, but for its proof', 'reordered', (i) => {
    const last = entries.length - 1;
    const [one, other] = [entries[i]!, entries[last]!];
    return withEntries(range, entries.with(i, { ...one, body: other.body }).with(last, { ...other, body: one.body }));
  });

  names('put in as a copy of the next', 'inserted', (i) => numbered(entries.toSpliced(i, 0, entries[i + 1]!)));
  names('overwritten by a copy of the last', 'changed', (i) =>
    numbered(entries.with(i, { ...entries[i]!, body: entries.at(-1)!.body })),
  );

  it('that was not asked for, that comes twice or out of order, or stands behind the tree, is named', () => {
    expect(faultOf(withEntries(some, range.entries))).toEqual([2, 'removed']);
    expect(faultOf({ ...some, selection: { kind: 'positions', positions: [2, 11] } })).toEqual([7, 'inserted']);
    expect(faultOf(withEntries(streamA, [streamA.entries[0]!, ...streamA.entries]))).toEqual([1, 'inserted']);
    expect(faultOf(withEntries(streamA, streamA.entries.toReversed()))).toEqual([11, 'removed']);
    expect(faultOf(withEntries(some, some.entries.slice(0, 2)))).toEqual([11, 'removed']);
    const behind = bundleOf(log, { kind: 'positions', positions: [12] }, [11]);
    expect(faultOf(withEntries(behind, [{ ...behind.entries[0]!, position: 12 }]))).toEqual([12, 'inserted']);
  });

  it('that was left out of a stream is named by its version', () => {
    fc.assert(
      fc.property(fc.nat(streamA.entries.length - 2), (i) => {
        const { fault } = verifyEvidenceBundle(withEntries(streamA, streamA.entries.toSpliced(i, 1)), trusted);
        expect(fault).toMatchObject({ position: streamA.entries[i + 1]!.position, kind: 'removed' });
        expect(fault?.detail).toContain(`version ${i + 1} of the stream is missing`);
      }),
    );
  });

  it('that the log itself holds beside the stream’s own is named: another stream, a fork, no event at all', () => {
    const body = (fields: object): string => JSON.stringify({ prev: null, stream: 's', version: 1, ...fields });
    const first = body({});
    const leaf = leafHash(first).toString('hex');
    const judged = (...bodies: string[]): unknown =>
      faultOf(
        bundleOf(
          bodies,
          { kind: 'stream', stream: 's' },
          bodies.map((_, i) => i + 1),
        ),
      );
    expect(judged(first, body({ prev: leaf, version: 2 }))).toBeNull();
    expect(judged(first, body({ stream: 't' }))).toEqual([2, 'inserted']);
    expect(judged(first, body({ n: 1 }))).toEqual([2, 'inserted']);
    expect(judged(first, body({ prev: leafHash('x').toString('hex'), version: 2 }))).toEqual([2, 'changed']);
    expect(judged(first, body({ version: 2 }))).toEqual([2, 'changed']);
    expect(judged(body({ prev: leaf }))).toEqual([1, 'changed']);
    expect(judged(first, 'not an event')).toEqual([2, 'inserted']);
    expect(judged(first, 'null')).toEqual([2, 'inserted']);
  });
});

describe('what is not a bundle', () => {
  type Fields = Record<string, unknown>;
  const json = (bundle: EvidenceBundle): Fields & { entries: Fields[] } => JSON.parse(formatEvidenceBundle(bundle));
  const change = (tamper: (bundle: Fields & { entries: Fields[] }) => void): string => {
    const bundle = json(range);
    tamper(bundle);
    return JSON.stringify(bundle);
  };

  it.each<[at: string, text: string]>([
    ['the file', '{'],
    ['the file', '[]'],
    ['the file', 'null'],
    ['the file', change((bundle) => delete bundle['keys'])],
    ['the file', change((bundle) => (bundle['more'] = 1))],
    ['format', change((bundle) => (bundle['format'] = 'kerbtrail-evidence/2'))],
    ['origin', change((bundle) => (bundle['origin'] = 5))],
    ['origin', change((bundle) => (bundle['origin'] = 'x'.repeat(2000)))],
    ['checkpoint', change((bundle) => (bundle['checkpoint'] = 'x'.repeat(300_000)))],
    ['keys', change((bundle) => (bundle['keys'] = Array.from({ length: 33 }, () => 'a')))],
    ['keys[0]', change((bundle) => (bundle['keys'] = [null]))],
    ['selection.kind', change((bundle) => (bundle['selection'] = null))],
    ['selection.kind', change((bundle) => (bundle['selection'] = { kind: 'all' }))],
    ['selection', change((bundle) => (bundle['selection'] = { kind: 'range', from: 3, to: 2 }))],
    ['selection.from', change((bundle) => (bundle['selection'] = { kind: 'range', from: 0, to: 2 }))],
    ['selection.positions[1]', change((bundle) => (bundle['selection'] = { kind: 'positions', positions: [2, 2] }))],
    ['selection.positions', change((bundle) => (bundle['selection'] = { kind: 'positions', positions: [] }))],
    ['entries', change((bundle) => (bundle.entries = []))],
    ['entries', change((bundle) => (bundle.entries = Array.from({ length: 10_001 }, () => bundle.entries[0]!)))],
    ['entries[6]', change((bundle) => (bundle.entries[6]!['leaf'] = '00'))],
    ['entries[6].position', change((bundle) => (bundle.entries[6]!['position'] = 1.5))],
    ['entries[6].body', change((bundle) => (bundle.entries[6]!['body'] = 'x'.repeat(65_536)))],
    ['entries[6].body', change((bundle) => (bundle.entries[6]!['body'] = 'é'.repeat(32_768)))],
    ['entries[6].body', change((bundle) => (bundle.entries[6]!['body'] = '\ud800'))],
    ['entries[6].leaf', change((bundle) => Object.assign(bundle.entries[6]!, { body: null, leaf: 'AB'.repeat(32) }))],
    ['entries[6].proof', change((bundle) => (bundle.entries[6]!['proof'] = {}))],
    ['entries[6].proof', change((bundle) => (bundle.entries[6]!['proof'] = Array.from({ length: 54 }, () => 'AA==')))],
    ['entries[6].proof[0]', change((bundle) => (bundle.entries[6]!['proof'] = ['AA==']))],
  ])('is refused, naming %s', (at, text) => {
    expect(() => parseEvidenceBundle(text)).toThrow(BundleInvalid);
    expect(() => parseEvidenceBundle(text)).toThrow(`not a bundle of evidence: ${at} `);
  });

  it('is refused as a whole when it is too large', () => {
    expect(() => parseEvidenceBundle(' '.repeat(64 * 1024 * 1024 + 1))).toThrow('67108864 are the most');
  });

  it('never fails with anything but our errors, whatever is put in any place of it', () => {
    const paths = ['format', 'origin', 'checkpoint', 'keys', 'selection', 'entries', 'body', 'proof', 'position'];
    fc.assert(
      fc.property(fc.constantFrom(...paths), fc.jsonValue({ maxDepth: 2 }), (path, value) => {
        const text = change((bundle) => {
          const holder = path in bundle ? bundle : bundle.entries[2]!;
          holder[path] = value;
        });
        expect(outcome(text)).toMatch(/^(NoteInvalid|BundleInvalid|judged)$/);
      }),
      { numRuns: 300 },
    );
  });

  function outcome(text: string): string {
    try {
      verifyEvidenceBundle(parseEvidenceBundle(text), trusted);
      return 'judged';
    } catch (error) {
      return error instanceof Error ? error.name : String(error);
    }
  }
});
