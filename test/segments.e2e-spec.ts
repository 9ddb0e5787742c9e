/**
 * A log's sealed files verified by somebody who has neither the server nor its database any more, by checkpoints that were kept:
 * what they prove, what they do not, and what was done to them.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { cp, mkdtemp, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { leafHash } from '#tlog';
import { runCommandLine, type Ran } from './support/command-line.js';
import { createTestDatabase } from './support/database.js';
import { encodeSegment, type Entry, readEntries } from './support/segment-bytes.js';
import { type Api, newKeyEncryptionKey, query, startServer } from './support/server.js';

const SEGMENT = 256;
const PARTITION = 512;
const COPIES = 10;
/** Partitions that are archived; the last of them is retired from in the end. */
const ARCHIVED = 4;
const WAIT_MS = 60_000;

type Range = { readonly first: number; readonly last: number };
type Answer = {
  readonly verified: boolean;
  readonly files: number;
  readonly covered: readonly Range[];
  readonly missing: readonly Range[];
  readonly proved: readonly Range[];
  readonly notProved: readonly Range[];
  readonly provedBy: { readonly size: number } | null;
  readonly notCompared: readonly { readonly name: string }[];
  readonly withheld: number;
  readonly unrecorded: readonly string[];
  readonly differing: readonly string[];
  readonly fault: {
    readonly kind: string;
    readonly position: number;
    readonly upTo?: number;
    readonly file?: string;
  } | null;
};

/** What the auditor has: copies of the files, checkpoints, upper tiles, and what `kerbtrail verify` has remembered. */
let kept: string;
let key: string;
let sealedTo: number;
/** Of tests that change files. */
let work: string;

const nameAt = (first: number, generation = 1) => `${String(first).padStart(15, '0')}-${generation}.segment`;
const inKept = (name: string) => join(kept, name);

function kerbtrail(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  const own = { KERBTRAIL_FOLDER: inKept('auditor'), KERBTRAIL_URL: undefined, KERBTRAIL_TOKEN: undefined };
  return runCommandLine(args, { env: { ...own, ...env } });
}

async function verify(folder: string, ...args: string[]): Promise<Answer> {
  const { exitCode, stdout, stderr } = await kerbtrail(['verify', '--segments', folder, '-o', 'json', ...args]);
  if (stdout === '') throw new Error(`kerbtrail verify: ${exitCode}\n${stderr}`);
  const answer = JSON.parse(stdout) as Answer;
  expect(exitCode).toBe(answer.verified ? 0 : 1);
  return answer;
}

beforeAll(async () => {
  kept = await mkdtemp(join(tmpdir(), 'kerbtrail-auditor-'));
  const database = await createTestDatabase();
  await database.adminPool.query(`
    DROP TABLE log.event_log_1;
    DELETE FROM log.event_partition;
    CREATE OR REPLACE FUNCTION log.partition_size() RETURNS bigint LANGUAGE sql IMMUTABLE RETURN ${PARTITION};
    CREATE OR REPLACE FUNCTION log.segment_size() RETURNS integer LANGUAGE sql IMMUTABLE RETURN ${SEGMENT};
    SELECT log.make_partitions_ahead()`);
  const server = await startServer({ databaseUrl: database.url, keyEncryptionKey: newKeyEncryptionKey() });
  const env = { KERBTRAIL_URL: server.url, KERBTRAIL_TOKEN: server.api.token };
  const online = async (...args: string[]): Promise<string> => {
    const { exitCode, stdout, stderr } = await kerbtrail(args, env);
    if (exitCode !== 0) throw new Error(`kerbtrail ${args.join(' ')}: ${exitCode}\n${stdout}${stderr}`);
    return stdout;
  };
  const segments = join(server.folder, 'segments');
  try {
    await importCopies(server.api, 0, COPIES);
    await archivable(server.api, ARCHIVED);
    await online('archive', '--before', String(ARCHIVED * PARTITION + 1));
    // The records of what was archived are to be sealed as well.
    await importCopies(server.api, COPIES, COPIES + 3);
    sealedTo = await sealed(server.api, segments);
    await cp(segments, inKept('segments'), { recursive: true });
    await writeFile(inKept('within'), await online('evidence', 'checkpoint', '--size', String(sealedTo)));
    await writeFile(inKept('early'), await online('evidence', 'checkpoint', '--size', String(3 * SEGMENT)));
    await cp(join(server.folder, 'witness', 'checkpoint'), inKept('witness'));
    await online('evidence', 'tiles', inKept('tiles'));
    const [{ verifierKey }] = JSON.parse(await online('evidence', 'keys', '-o', 'json')) as [{ verifierKey: string }];
    key = verifierKey;
    await online('retire', '--before', String(PARTITION + 1));
    await cp(segments, inKept('retired'), { recursive: true });
    await importCopies(server.api, COPIES + 3, COPIES + 5);
    await online('verify');
    await sealed(server.api, segments);
    await cp(segments, inKept('retired-and-recorded'), { recursive: true });
    await online('evidence', 'tiles', inKept('later-tiles'));
  } finally {
    await server.dispose();
    await database.drop();
  }
}, 280_000);
afterAll(() => rm(kept, { recursive: true, force: true }));

describe('sealed files, when there is no server any more,', () => {
  it('are what was signed, as far as a checkpoint within them goes', async () => {
    const answer = await verify(inKept('segments'), '--key', key, '--checkpoint', inKept('within'));
    expect(answer).toMatchObject({
      verified: true,
      files: sealedTo / SEGMENT,
      missing: [],
      fault: null,
      differing: [],
    });
    expect(answer.covered).toEqual([{ first: 1, last: sealedTo }]);
    const size = answer.provedBy!.size;
    expect(size).toBeGreaterThan(ARCHIVED * PARTITION);
    expect(answer.proved).toEqual([{ first: 1, last: size }]);
    expect(answer.notProved).toEqual(size < sealedTo ? [{ first: size + 1, last: sealedTo }] : []);
  });

  it('say to people what is proven and what not', async () => {
    const { exitCode, stdout, stderr } = await kerbtrail(['verify', '--segments', inKept('segments'), '--checkpoint', inKept('early')]); // prettier-ignore
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toMatch(/The files hold what was signed: events 1 to \d+\.[^]*Proven\n[^]*Not proven\n[^]*no checkpoint that can be compared covers them/); // prettier-ignore
    expect(stdout).toMatch(/of the tree of the checkpoint seen here at [^]*kerbtrail evidence tiles/);
  });

  it('are proven whole by a later checkpoint with its upper tiles', async () => {
    const answer = await verify(inKept('segments'), '--key', key, '--tiles', inKept('tiles'));
    expect(answer).toMatchObject({ verified: true, proved: [{ first: 1, last: sealedTo }], notProved: [] });
    const both = await verify(inKept('segments'), '--key', key, '--tiles', inKept('tiles'), '--checkpoint', inKept('early')); // prettier-ignore
    expect(both.notCompared.map(({ name }) => name)).toEqual([expect.stringContaining('seen here')]);
  });

  it('are not proven by a witness that has more events than they have, nor by what was remembered', async () => {
    for (const args of [['--key', key, '--checkpoint', inKept('witness')], []]) {
      const answer = await verify(inKept('segments'), ...args);
      expect(answer).toMatchObject({ verified: false, fault: null, provedBy: null, proved: [] });
      expect(answer.notCompared.length).toBeGreaterThan(0);
    }
  });

  it('of a part of the log are proven by upper tiles, and by nothing else', async () => {
    await withFiles(
      (first) => first > 2 * SEGMENT && first < 6 * SEGMENT,
      async (folder) => {
        const part = { first: 2 * SEGMENT + 1, last: 6 * SEGMENT };
        expect(await verify(folder, '--key', key, '--tiles', inKept('tiles'))).toMatchObject({ verified: true, proved: [part], missing: [] }); // prettier-ignore
        expect(await verify(folder, '--key', key, '--checkpoint', inKept('within'))).toMatchObject({ verified: false, proved: [], notProved: [part], fault: null }); // prettier-ignore
      },
    );
  });

  it('miss what is missing between them', async () => {
    await withFiles(
      (first) => first !== 4 * SEGMENT + 1,
      async (folder) => {
        const answer = await verify(folder, '--key', key, '--checkpoint', inKept('within'), inKept('early'));
        const hole = { first: 4 * SEGMENT + 1, last: 5 * SEGMENT };
        expect(answer).toMatchObject({ verified: false, missing: [hole], fault: null });
        expect(answer.proved[0]!.last).toBeLessThanOrEqual(3 * SEGMENT);
        const { stdout } = await kerbtrail(['verify', '--segments', folder, '--checkpoint', inKept('within')]);
        expect(stdout).toMatch(/missing +1,025 to 1,280 \(from 000000000001025-1\.segment on\)/);
        const withTiles = await verify(folder, '--key', key, '--tiles', inKept('tiles'));
        expect(withTiles).toMatchObject({
          verified: false,
          missing: [hole],
          proved: [{ first: 1 }, { last: sealedTo }],
        });
      },
    );
  });

  it('need a key and a checkpoint that can be trusted', async () => {
    const elsewhere = { KERBTRAIL_FOLDER: inKept('nobody') };
    const verifyAs = (...args: string[]) => kerbtrail(['verify', '--segments', inKept('segments'), ...args], elsewhere);
    expect(await verifyAs('--checkpoint', inKept('within'))).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('LOG_NOT_TRUSTED') }); // prettier-ignore
    expect(await verifyAs('--key', key)).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('--checkpoint FILE') }); // prettier-ignore
    expect(await verifyAs('--key', 'nonsense', '--checkpoint', inKept('within'))).toMatchObject({ exitCode: 2 });
    expect(await verifyAs('--key', key, '--checkpoint', inKept('nothing'))).toMatchObject({ exitCode: 3 });
    const forged = (await readFile(inKept('within'), 'utf8')).replace(/\n\d+\n/, '\n5\n');
    await writeFile(inKept('forged'), forged);
    expect(await verifyAs('--key', key, '--checkpoint', inKept('forged'))).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('CHECKPOINT_INVALID') }); // prettier-ignore
    expect(await verifyAs('--key', key, '--checkpoint', inKept('within'), '--from', '3')).toMatchObject({
      exitCode: 2,
    });
    expect(await kerbtrail(['verify', '--checkpoint', inKept('within')], elsewhere)).toMatchObject({ exitCode: 2 });
  });
});

describe('in a file somebody', () => {
  const at = 900;
  const file = nameAt(3 * SEGMENT + 1);
  const index = (position: number) => position - 3 * SEGMENT - 1;

  /** The bodies are what was changed; with `leaves`, also all that depends on them. */
  async function tampered(change: (bodies: Buffer[]) => Buffer[], { leaves = false } = {}): Promise<Answer> {
    let answer: Answer | undefined;
    await withFiles(
      () => true,
      async (folder) => {
        const entries = await readEntries(join(folder, file));
        const bodies = change(entries.map(({ body }) => body));
        const changed: Entry[] = entries.map(({ leaf }, n) => ({ body: bodies[n]!, leaf: leaves ? leafHash(bodies[n]!) : leaf })); // prettier-ignore
        await writeFile(join(folder, file), encodeSegment(3 * SEGMENT + 1, changed));
        answer = await verify(folder, '--key', key, '--checkpoint', inKept('within'));
      },
    );
    return answer!;
  }
  const forged = (body: Buffer) => Buffer.from(body.toString().replace('"schemaVersion":', '"schemaVersion":1'));

  it('changed nothing, and the file written anew is the same to the last byte', async () => {
    const bytes = await readFile(join(inKept('segments'), file));
    expect(encodeSegment(3 * SEGMENT + 1, await readEntries(join(inKept('segments'), file)))).toEqual(bytes);
  });

  it('changed an event', async () => {
    const { fault } = await tampered((bodies) => bodies.with(index(at), forged(bodies[index(at)]!)));
    expect(fault).toMatchObject({ kind: 'changed', position: at, file });
  });

  it('removed an event, leaving nothing in its place or moving the later ones up', async () => {
    const gap = await tampered((bodies) => bodies.with(index(at), Buffer.alloc(0)));
    expect(gap.fault).toMatchObject({ kind: 'removed', position: at, file });
    const closed = await tampered((bodies) => [...bodies.toSpliced(index(at), 1), bodies[0]!]);
    expect(closed.fault).toMatchObject({ kind: 'removed', position: at, file });
  });

  it('inserted an event, and moved the later ones down', async () => {
    const { fault } = await tampered((bodies) => bodies.toSpliced(index(at), 0, forged(bodies[index(at)]!)));
    expect(fault).toMatchObject({ kind: 'inserted', position: at, file });
  });

  it('let two events change places', async () => {
    const [a, b] = [index(at), index(at + 70)];
    const { fault } = await tampered((bodies) => bodies.with(a, bodies[b]!).with(b, bodies[a]!));
    expect(fault).toMatchObject({ kind: 'reordered', position: at, file });
  });

  it('changed an event, its leaf and all tiles of the file: the checkpoint does not have their root', async () => {
    const { fault, verified } = await tampered((bodies) => bodies.with(index(at), forged(bodies[index(at)]!)), { leaves: true }); // prettier-ignore
    expect(verified).toBe(false);
    expect(fault!.kind).toBe('changed');
    expect(fault!.position).toBeLessThanOrEqual(at);
    expect(fault!.upTo ?? fault!.position).toBeGreaterThanOrEqual(at);
  });

  it('changed the directory of streams: the log has recorded the SHA-256 of archived files', async () => {
    await withFiles(
      () => true,
      async (folder) => {
        const bytes = await readFile(join(folder, file));
        bytes[bytes.length - 1]! ^= 1;
        await writeFile(join(folder, file), bytes);
        const answer = await verify(folder, '--key', key, '--tiles', inKept('tiles'));
        expect(answer).toMatchObject({ verified: false, fault: null, differing: [file] });
      },
    );
  });
});

describe('a folder of segments', () => {
  const damaged: [what: string, code: string, named: string, damage: (folder: string) => Promise<void>][] = [
    ['a file that is cut off', 'SEGMENT_ALTERED', nameAt(257), (folder) => truncate(join(folder, nameAt(257)), 5_000)],
    ['a file that is empty', 'SEGMENT_ALTERED', nameAt(257), (folder) => truncate(join(folder, nameAt(257)), 0)],
    ['a file of another format', 'SEGMENT_ALTERED', nameAt(257), (folder) => writeFile(join(folder, nameAt(257)), 'no segment')], // prettier-ignore
    ['a file whose bundles cannot be read', 'SEGMENT_ALTERED', nameAt(257), (folder) => overwrite(join(folder, nameAt(257)), 80, 0xff)], // prettier-ignore
    ['a file whose leaves are another tree’s', 'SEGMENT_ALTERED', nameAt(257), (folder) => overwriteNode(join(folder, nameAt(257)))], // prettier-ignore
    ['a second copy under another position', 'SEGMENT_FOREIGN', nameAt(513), (folder) => cp(join(folder, nameAt(257)), join(folder, nameAt(513)))], // prettier-ignore
    ['a second copy under another name', 'SEGMENT_FOREIGN', 'copy of 257.segment', (folder) => cp(join(folder, nameAt(257)), join(folder, 'copy of 257.segment'))], // prettier-ignore
    ['files that overlap', 'SEGMENTS_OVERLAP', nameAt(257), (folder) => joined(folder)],
  ];

  it.each(damaged)('with %s is refused, by %s and the file’s name', async (_, code, named, damage) => {
    await withFiles(
      () => true,
      async (folder) => {
        await damage(folder);
        const ran = await kerbtrail(['verify', '--segments', folder, '--checkpoint', inKept('within')]);
        expect(ran).toMatchObject({ exitCode: 1, stderr: expect.stringContaining(`✗ ${code}: `) });
        expect(ran.stderr).toContain(named);
      },
    );
  });

  it('that is not there, or empty, is no log', async () => {
    const nowhere = await kerbtrail(['verify', '--segments', inKept('nothing'), '--checkpoint', inKept('within')]);
    expect(nowhere).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('FOLDER_UNREADABLE') });
    await withFiles(
      () => false,
      async (folder) => {
        const empty = await kerbtrail(['verify', '--segments', folder, '--checkpoint', inKept('within')]);
        expect(empty).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('SEGMENTS_NONE') });
      },
    );
  });

  async function overwrite(path: string, at: number, value: number): Promise<void> {
    const bytes = await readFile(path);
    bytes[at] = value;
    await writeFile(path, bytes);
  }

  async function overwriteNode(path: string): Promise<void> {
    const bytes = await readFile(path);
    const nodesAt = bytes.readUInt32BE(28);
    await overwrite(path, nodesAt, bytes[nodesAt]! ^ 1);
  }

  /** The first two segments in one file, beside the second. */
  async function joined(folder: string): Promise<void> {
    const entries = [
      ...(await readEntries(join(folder, nameAt(1)))),
      ...(await readEntries(join(folder, nameAt(257)))),
    ];
    await writeFile(join(folder, nameAt(1)), encodeSegment(1, entries));
  }
});

describe('files that retention has taken bodies of', () => {
  it('are proven, when the log records it in files that are proven', async () => {
    const answer = await verify(inKept('retired-and-recorded'), '--key', key, '--tiles', inKept('later-tiles'));
    expect(answer).toMatchObject({ verified: true, unrecorded: [], fault: null });
    expect(answer.withheld).toBeGreaterThan(100);
  });

  it('do not pass when no record of it is here, and are named', async () => {
    const answer = await verify(inKept('retired'), '--key', key, '--checkpoint', inKept('within'));
    expect(answer).toMatchObject({ verified: false, fault: null, unrecorded: [nameAt(1, 2), nameAt(257, 2)] });
  });

  it('take the place of the files that they were made of', async () => {
    work = await mkdtemp(join(kept, 'work-'));
    await cp(inKept('retired-and-recorded'), work, { recursive: true });
    await cp(join(inKept('segments'), nameAt(1)), join(work, nameAt(1)));
    const { stdout, exitCode } = await kerbtrail(['verify', '--segments', work, '--tiles', inKept('later-tiles')]);
    expect(exitCode).toBe(0);
    expect(stdout).toContain(`${nameAt(1)}: a later generation is there`);
  });

  it('are not told from a removal by their name', async () => {
    work = await mkdtemp(join(kept, 'work-'));
    await cp(inKept('segments'), work, { recursive: true });
    const entries = await readEntries(join(work, nameAt(1)));
    await writeFile(join(work, nameAt(1)), encodeSegment(1, entries.with(99, { ...entries[99]!, body: Buffer.alloc(0) }))); // prettier-ignore
    await rename(join(work, nameAt(1)), join(work, nameAt(1, 2)));
    const answer = await verify(work, '--key', key, '--checkpoint', inKept('within'));
    expect(answer).toMatchObject({ verified: false, withheld: 1, unrecorded: [nameAt(1, 2)] });
  });
});

/** With copies of the files whose first position is wanted. */
async function withFiles(wanted: (first: number) => boolean, judge: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(kept, 'work-'));
  for (const name of await readdir(inKept('segments'))) {
    if (wanted(Number(name.slice(0, 15)))) await cp(join(inKept('segments'), name), join(folder, name));
  }
  await judge(folder);
  await rm(folder, { recursive: true });
}

/** The sample's log over and over, each copy two minutes later than the one before. */
async function importCopies(api: Api, from: number, to: number): Promise<void> {
  const sample = gunzipSync(await readFile('samples/lab-samba-ad/log.samba.gz')).toString();
  for (let copy = from; copy < to; copy++) {
    const at = (minute: number) => new Date(Date.UTC(2026, 10, 22, 10, minute + 2 * copy)).toISOString().slice(0, 16);
    const text = ['10:53', '10:52'].reduce((shifted, minute) => {
      const later = at(Number(minute.slice(3)));
      return shifted
        .replaceAll(`2026/11/22 ${minute}:`, `${later.replaceAll('-', '/').replace('T', ' ')}:`)
        .replaceAll(`2026-11-22T${minute}:`, `${later}:`);
    }, sample);
    const path = query('/v1/imports', { name: `log-${copy}.samba`, observedAt: '2026-11-22T10:53:20.804Z' });
    const raw = new Uint8Array(Buffer.from(text));
    const answer = await api.call('POST', path, { raw, headers: { 'content-type': 'application/octet-stream' } });
    if (answer.status !== 200) throw new Error(`not imported: ${answer.status} ${answer.text}`);
  }
}

/** Waits until so many partitions may be archived. */
async function archivable(api: Api, partitions: number): Promise<void> {
  for (const deadline = Date.now() + WAIT_MS; ; await delay(100)) {
    const { rows } = (await api.get<{ rows: { due: boolean }[] }>('/v1/archive')).body;
    if (rows.filter(({ due }) => due).length >= partitions) return;
    if (Date.now() > deadline) throw new Error(`only these may be archived: ${JSON.stringify(rows)}`);
  }
}

/** Waits until all events are signed and all full segments are files; gives the last position of these. */
async function sealed(api: Api, folder: string): Promise<number> {
  for (const deadline = Date.now() + WAIT_MS; ; await delay(100)) {
    const { body } = await api.get<{ size: number; head: number }>('/v1/evidence/status');
    const last = Math.floor(body.head / SEGMENT) * SEGMENT;
    const files = (await readdir(folder)).filter((name) => name.endsWith('.segment'));
    const newest = Math.max(...files.map((name) => Number(name.slice(0, 15))));
    if (body.size === body.head && newest + SEGMENT - 1 === last) return last;
    if (Date.now() > deadline) throw new Error(`sealed from ${newest} on, of ${body.size} of ${body.head} events`);
  }
}
