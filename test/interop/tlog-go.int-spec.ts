/**
 * Our tree, tiles, entry bundles, checkpoints and proofs before a verifier that is not ours: golang.org/x/mod/sumdb, with
 * which the go command checks its own checksum database. Given a log of any size, then it verifies; given any change to
 * what is served, then it is refused.
 */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  consistencyProof,
  encodeEntryBundle,
  entriesPath,
  formatCheckpoint,
  inclusionProof,
  leafHash,
  newSigner,
  nodeHash,
  signNote,
  tilePath,
  tilesBetween,
  TreeFrontier,
  type TileReader,
} from '#tlog';
import { describeWithTlogChecker } from '../support/tlog-checker.js';

const origin = 'kerbtrail.example/log';
const signer = newSigner(origin, Buffer.alloc(32, 7));
const nextSigner = newSigner(origin, Buffer.alloc(32, 8));
const SIZES = [1, 255, 256, 257, 70_000];
const LAST = SIZES.at(-1)!;

const bodies = Array.from({ length: LAST }, (_, i) =>
  JSON.stringify({ data: { ticket: 'ä'.repeat(i % 50) }, id: i, prev: null, stream: `exchange-${i % 97}`, version: 1 }),
);
const leaves = bodies.map(leafHash);
/** hashes[level] are those of complete subtrees of 256^level entries, appended to as RFC 6962 has it. */
const hashes: Buffer[][] = [leaves, subtrees(leaves), subtrees(subtrees(leaves))];
const readOurs: TileReader = async ({ level, index, width }) =>
  Buffer.concat(hashes[level]!.slice(index * 256, index * 256 + width));

function subtrees(below: readonly Buffer[]): Buffer[] {
  return Array.from({ length: Math.floor(below.length / 256) }, (_, i) => {
    let row = below.slice(256 * i, 256 * (i + 1));
    while (row.length > 1) row = row.filter((_, j) => j % 2 === 0).map((left, j) => nodeHash(left, row[2 * j + 1]!));
    return row[0]!;
  });
}

function rootAt(size: number): Buffer {
  const tree = TreeFrontier.empty();
  for (const leaf of leaves.slice(0, size)) tree.append(leaf);
  return tree.root();
}

const checkpointAt = (size: number, signers = [signer]): string =>
  signNote(formatCheckpoint({ origin, size, root: rootAt(size) }), signers);

async function write(folder: string, path: string, bytes: Uint8Array | string): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), bytes);
}

/** A log of that size as a folder to be served. */
async function writeLog(folder: string, size: number): Promise<void> {
  await write(folder, 'checkpoint', checkpointAt(size, [signer, nextSigner]));
  for (const tile of tilesBetween(0, size)) {
    await write(folder, tilePath(tile), await readOurs(tile));
    if (tile.level > 0) continue;
    const entries = bodies.slice(tile.index * 256, tile.index * 256 + tile.width).map((body) => Buffer.from(body));
    await write(folder, entriesPath(tile.index, tile.width), encodeEntryBundle(entries));
  }
}

const base64 = (proof: readonly Buffer[]): string[] => proof.map((hash) => hash.toString('base64'));
const samplesOf = (size: number): number[] =>
  [1, 2, 128, 255, 256, 257, 4096, 65_536, 65_537, 69_888, 69_889, size].filter((position) => position <= size);

describeWithTlogChecker('the Go checksum database’s verifier', (check) => {
  let root = '';
  const folderOf = (size: number): string => join(root, String(size));
  const checkAt = (folder: string, positions: readonly number[], ...more: string[]): ReturnType<typeof check> =>
    check(['--key', signer.verifierKey, '--dir', folder, '--positions', positions.join(','), ...more]);

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'kerbtrail-tlog-'));
    for (const size of SIZES) await writeLog(folderOf(size), size);
  }, 60_000);
  afterAll(() => rm(root, { recursive: true, force: true }));

  it.each(SIZES)('verifies a log of %i events, and makes the same proofs of its tiles', async (size) => {
    const positions = samplesOf(size);
    const checked = await checkAt(folderOf(size), positions);
    expect(checked).toMatchObject({ origin, size, root: rootAt(size).toString('base64') });
    const ours = positions.map(async (position) => ({
      position,
      leaf: leaves[position - 1]!.toString('base64'),
      proof: base64(await inclusionProof(size, position - 1, readOurs)),
    }));
    expect(checked.records?.map((record) => ({ ...record, proof: record.proof ?? [] }))).toEqual(
      await Promise.all(ours),
    );
  });

  it.each(SIZES.slice(1).map((size, i) => [SIZES[i]!, size]))(
    'verifies that the log of %i events grew into that of %i',
    async (from, size) => {
      const checked = await checkAt(folderOf(size), [], '--old', join(folderOf(from), 'checkpoint'));
      expect(checked.consistency?.from).toBe(from);
      expect(checked.consistency?.proof).toEqual(base64(await consistencyProof(from, size, readOurs)));
    },
  );

  it('knows each of our keys by the id in its verifier key', async () => {
    const both = ['--key', signer.verifierKey, '--key', nextSigner.verifierKey, '--dir', folderOf(257)];
    const ids = [signer, nextSigner].map(({ keyId }) => `${origin}+${keyId.toString('hex')}`);
    expect((await check(both)).verifiedBy).toEqual(ids);
    expect((await check(both.slice(2))).verifiedBy).toEqual(ids.slice(1));
  });

  it('reads the same over HTTP, with a token', async () => {
    const server = createServer((request, response) => {
      const known = request.headers.authorization === 'Bearer kt_test';
      readFile(join(folderOf(LAST), (request.url ?? '').replace('/v1/evidence/', ''))).then(
        (bytes) => response.writeHead(known ? 200 : 401).end(known ? bytes : ''),
        () => response.writeHead(404).end(),
      );
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const { port } = server.address() as AddressInfo;
    const args = [
      '--key',
      signer.verifierKey,
      '--url',
      `http://127.0.0.1:${port}/v1/evidence`,
      '--positions',
      '1,70000',
    ];
    const [checked, refused] = await Promise.all([check([...args, '--token', 'kt_test']), check(args)]);
    server.close();
    expect(checked.records?.map(({ position }) => position)).toEqual([1, LAST]);
    expect(refused.error).toContain('401');
  });

  it.each<[what: string, path: string, change: (bytes: Buffer) => Buffer | string, says: string]>([
    ['a bit of a full tile', 'tile/0/000', flip, 'inconsistent tile'],
    ['a bit of a partial tile', 'tile/0/273.p/112', flip, 'inconsistent tile'],
    ['a bit of a tile above', 'tile/1/000', flip, 'inconsistent tile'],
    ['the last hash of a tile', 'tile/2/000.p/1', (bytes) => bytes.subarray(0, -32), 'bad result slice'],
    ['a bit of an entry', 'tile/entries/000', flip, 'position 1'],
    ['the order of two entries', 'tile/entries/000', () => entriesWith([bodies[1]!, bodies[0]!]), 'position 1'],
    ['a digit of the size', 'checkpoint', (bytes) => bytes.toString().replace('70000', '70001'), 'invalid signature'],
    [
      'the root',
      'checkpoint',
      () => checkpointAt(70_000).replace(/\n.{43}=\n/, `\n${'A'.repeat(43)}=\n`),
      'invalid signature',
    ],
    ['the signature', 'checkpoint', () => checkpointAt(70_000, [nextSigner]), 'no verifiable signatures'],
    ['a signed size that is not the tiles’', 'checkpoint', () => checkpointOf(70_000, leaves[0]!), 'inconsistent tile'],
  ])('refuses a log after a change of %s', async (_, path, change, says) => {
    const file = join(folderOf(LAST), path);
    const original = await readFile(file);
    await writeFile(file, change(original));
    const { error } = await checkAt(folderOf(LAST), [1, LAST]);
    await writeFile(file, original);
    expect(error).toContain(says);
  });

  it('refuses a log that does not extend the one of an earlier checkpoint', async () => {
    await write(root, 'fork', checkpointOf(257, leaves[0]!));
    expect((await checkAt(folderOf(LAST), [], '--old', join(root, 'fork'))).error).toContain('growth');
  });
});

function checkpointOf(size: number, root: Buffer): string {
  return signNote(formatCheckpoint({ origin, size, root }), [signer]);
}

function flip(bytes: Buffer): Buffer {
  const flipped = Buffer.from(bytes);
  flipped[20] = flipped[20]! ^ 1;
  return flipped;
}

/** The first bundle with other entries at its begin. */
function entriesWith(first: readonly string[]): Buffer {
  return encodeEntryBundle([...first, ...bodies.slice(first.length, 256)].map((body) => Buffer.from(body)));
}
