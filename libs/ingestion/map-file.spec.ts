/** What holds for every file: however it comes, whatever is wrong with it. */
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import { mapFile, type MappedItem } from './map-file.js';
import { collect, eventsOf, inChunks, itemsOf } from './mapped.spec-support.js';
import type { Naming } from './place.js';

const whole = gunzipSync(readFileSync('samples/lab-samba-ad/log.samba.gz'));
const dump = readFileSync('samples/lab-samba-ad/directory-t1-duplicates.ldif');
const dumped = { name: 'dump', observedAt: '2026-11-22T10:53:33.568Z' };

/** A stretch of the log with registrations, refusals, tickets and JSON lines; small enough to be read a hundred times. */
const excerpt = stretch('2026/11/22 10:53:17', '2026/11/22 10:53:20');
const ids = (items: readonly MappedItem[]): string[] => eventsOf(items).map(({ id }) => id ?? '');
const read = (content: Buffer, naming: Naming = { name: 'log' }, cuts: readonly number[] = []): Promise<MappedItem[]> =>
  collect(inChunks(content, cuts), naming);
const said = (items: readonly MappedItem[]): MappedItem[] =>
  items.filter(({ kind }) => kind !== 'progress' && kind !== 'finished');

function stretch(from: string, to: string): Buffer {
  return whole.subarray(whole.indexOf(`[${from}`), whole.indexOf(`[${to}`));
}

/** Offsets at which a record begins. */
function recordStarts(content: Buffer): number[] {
  return [...content.toString('latin1').matchAll(/^\[2026/gm)].map(({ index }) => index);
}

describe('however a file comes', () => {
  it('its chunks make no difference', async () => {
    const [log, ldif] = [said(await read(excerpt)), said(await read(dump, dumped))];
    expect(ids(log).length).toBeGreaterThan(10);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(excerpt.length), { maxLength: 40 }),
        fc.array(fc.nat(dump.length), { maxLength: 40 }),
        async (some, others) => {
          expect(said(await read(excerpt, { name: 'log' }, some))).toEqual(log);
          expect(said(await read(dump, dumped, others))).toEqual(ldif);
        },
      ),
      { numRuns: 30 },
    );
    expect(
      said(
        await read(
          excerpt.subarray(0, 4_000),
          { name: 'log', forest: 'corp.example' },
          Array.from({ length: 3_999 }, (_, at) => at + 1),
        ),
      ),
    ).toEqual(said(await read(excerpt.subarray(0, 4_000), { name: 'log', forest: 'corp.example' })));
  });

  it('packed, packed in pieces, with other line ends, with a byte order mark or another name: its events are the same', async () => {
    const plain = ids(await read(whole));
    const half = recordStarts(whole)[1_400] ?? 0;
    const members = Buffer.concat([gzipSync(whole.subarray(0, half)), gzipSync(whole.subarray(half))]);
    const crlf = Buffer.from(whole.toString().replaceAll('\n', '\r\n'));
    const marked = Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), whole]);
    for (const other of [gzipSync(whole), members, crlf, marked])
      expect(ids(await read(other, { name: 'other' }))).toEqual(plain);
  });

  it('rotated anywhere between two records, its parts have the events of the whole, in either order', async () => {
    const plain = ids(await read(excerpt));
    const naming = { name: 'log', forest: 'corp.example' };
    for (const start of recordStarts(excerpt)) {
      const [first, second] = [
        ids(await read(excerpt.subarray(0, start), naming)),
        ids(await read(excerpt.subarray(start), naming)),
      ];
      expect([...first, ...second]).toEqual(plain);
    }
  });

  it('cut off anywhere, as while it is being written, it has the first events of the whole and the rest waits', async () => {
    const plain = ids(await read(excerpt));
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 60, max: excerpt.length }), async (end) => {
        const items = await read(excerpt.subarray(0, end), { name: 'log', forest: 'corp.example' });
        const some = ids(items);
        expect(some).toEqual(plain.slice(0, some.length));
        expect(itemsOf(items, 'quarantined')).toEqual([]);
        const rest = end - (excerpt.lastIndexOf('\n', end - 1) + 1);
        expect(itemsOf(items, 'finished')[0]?.unfinished?.bytes ?? 0).toBe(rest);
      }),
    );
  });

  it('an LDIF file cut off anywhere makes no claim about the whole directory', async () => {
    const plain = ids(await read(dump, dumped));
    const blocks = [...dump.toString('latin1').matchAll(/^(?:dn|ref): [^]*?\n\n/gm)].map(
      ({ index, 0: { length } }) => [index, index + length] as const,
    );
    expect(blocks).toHaveLength(25);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: dump.length - 60 }), async (end) => {
        const items = await read(dump.subarray(0, end), dumped);
        const isBetween = dump[end - 1] === 0x0a && !blocks.some(([from, to]) => from < end && end < to);
        const claims = eventsOf(items).filter(({ type }) => type === 'DirectoryDumped');
        const accounts = eventsOf(items).filter(({ type }) => type === 'AccountListed');
        expect(claims).toHaveLength(isBetween ? Math.min(1, accounts.length) : 0);
        expect(plain).toEqual(expect.arrayContaining(accounts.map(({ id }) => id)));
      }),
    );
  });

  it('one record twice is two occurrences, the same two each time', async () => {
    const naming = { name: 'log', forest: 'corp.example' };
    const [start = 0, end] = recordStarts(excerpt).filter((at) =>
      excerpt.subarray(at, at + 300).includes('TGS-REQ SUCCESS'),
    );
    const record = excerpt.subarray(start, excerpt.indexOf('\n[', start) + 1);
    expect(end).toBeDefined();
    const [once, twice, again] = await Promise.all(
      [record, ...[1, 2].map(() => Buffer.concat([record, record]))].map(async (content) =>
        ids(await read(content, naming)),
      ),
    );
    expect(once).toHaveLength(1);
    expect(new Set(twice).size).toBe(2);
    expect(twice?.[0]).toBe(once?.[0]);
    expect(again).toEqual(twice);
  });

  it('a dump taken at another instant is another dump', async () => {
    const later = ids(await read(dump, { name: 'dump', observedAt: '2026-11-22T10:53:33.569Z' }));
    const same = ids(await read(dump, { name: 'dump', observedAt: '2026-11-22T10:53:33.568000Z' }));
    const plain = ids(await read(dump, dumped));
    expect(same).toEqual(plain);
    expect(later.filter((id) => plain.includes(id))).toEqual([]);
  });
});

const shred = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  fc.string({ maxLength: 80 }).map((text) => Buffer.from(text)),
  fc
    .constantFrom(
      '[2026/11/22 10:53:1',
      '[2026/13/45 10:53:19.000000,  3] a.c:1(f)',
      '[2026/11/22 10:53:19.000000,  3] a.c:1(f)',
      '  Kerberos: TGS-REQ SUCCESS ipv4:10.0.0.1:1 x@CORP.EXAMPLE',
      '  Kerberos: TGS-REQ SUCCESS ipv4:10.0.0.1:1 x@CORP.EXAMPLE HTTP/y@CORP.EXAMPLE',
      '  {"timestamp": "2026-11-22T10:53:19.0+0000", "type": "dsdbChange", "dsdbChange": {',
      '  {"timestamp": "soon", "type": "dsdbChange"}',
      "  check_spn_alias_collision: trying to add SPN ' on ' on ' when ' is on '",
      '\0\0\0\0',
      'dn: CN=x',
      'dn:: !!!',
      ' folded',
      'servicePrincipalName:< file:///etc/passwd',
      'changetype: modify',
      '',
    )
    .map((text) => Buffer.from(text)),
);
const garbage = fc
  .array(shred, { minLength: 1, maxLength: 8 })
  .map((shreds) => Buffer.concat(shreds.flatMap((one) => [one, Buffer.from('\n')])));

describe('whatever is wrong with it', () => {
  it('garbage between two records loses neither of them', async () => {
    const plain = ids(await read(excerpt));
    const starts = recordStarts(excerpt);
    await fc.assert(
      fc.asyncProperty(garbage, fc.nat(starts.length - 1), async (bytes, index) => {
        const at = starts[index] ?? 0;
        const damaged = Buffer.concat([excerpt.subarray(0, at), bytes, excerpt.subarray(at)]);
        expect(ids(await read(damaged, { name: 'log', forest: 'corp.example' }))).toEqual(
          expect.arrayContaining(plain),
        );
      }),
      { numRuns: 100 },
    );
  });

  it('damage within one record costs that record alone', async () => {
    const starts = [...recordStarts(excerpt), excerpt.length];
    const plain = await read(excerpt);
    await fc.assert(
      fc.asyncProperty(
        fc.nat(starts.length - 2),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 10 }),
        async (index, changes) => {
          const [start = 0, end = 0] = starts.slice(index, index + 2);
          const damaged = Buffer.from(excerpt);
          for (const [at, byte] of changes) damaged[start + (at % (end - start - 1))] = byte; // its last line end stays
          const others = eventsOf(plain).filter(({ metadata }) => metadata.source?.offset !== start);
          const kept = ids(await read(damaged, { name: 'log', forest: 'corp.example' }));
          expect(kept).toEqual(expect.arrayContaining(others.map(({ id }) => id)));
        },
      ),
      { numRuns: 100 },
    );
  });

  it('garbage between two objects of a dump loses neither of them', async () => {
    const plain = eventsOf(await read(dump, dumped)).filter(({ type }) => type === 'AccountListed');
    const gaps = [...dump.toString('latin1').matchAll(/^# record/gm)].map(({ index }) => index);
    await fc.assert(
      fc.asyncProperty(garbage, fc.integer({ min: 1, max: gaps.length - 1 }), async (bytes, index) => {
        const at = gaps[index] ?? 0;
        const damaged = Buffer.concat([dump.subarray(0, at), bytes, Buffer.from('\n'), dump.subarray(at)]);
        expect(ids(await read(damaged, { ...dumped, forest: 'corp.example' }))).toEqual(
          expect.arrayContaining(plain.map(({ id }) => id)),
        );
      }),
      { numRuns: 50 },
    );
  });

  it('nothing that is not ours is thrown, whatever the bytes', async () => {
    const beginnings = [
      '',
      '[2026/11/22 10:53:19.000000,  3] a.c:1(f)\n',
      'dn: CN=x,DC=corp,DC=example\n',
      'version: 1\n',
    ].map((text) => Buffer.from(text));
    const beginning = fc.constantFrom(
      ...beginnings,
      Buffer.from([0x1f, 0x8b]),
      Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]),
    );
    await fc.assert(
      fc.asyncProperty(beginning, garbage, fc.boolean(), async (begin, bytes, packed) => {
        const content = Buffer.concat([begin, bytes]);
        const items = await read(packed ? gzipSync(content) : content, dumped).catch((error: unknown) => error);
        const outcome = Array.isArray(items) ? items.at(-1)?.kind : (items as { code?: string }).code;
        expect(outcome).toMatch(/^(finished|ING_[A-Z_]+)$/);
      }),
      { numRuns: 200 },
    );
  });

  it('a packed file that breaks off gives what it holds, and then says so', async () => {
    const packed = readFileSync('samples/lab-samba-ad/log.samba.gz');
    const seen: MappedItem[] = [];
    const reading = (async () => {
      for await (const item of mapFile(inChunks(packed.subarray(0, 30_000), [10_000, 20_000]), { name: 'log' }))
        seen.push(item);
    })();
    await expect(reading).rejects.toMatchObject({
      code: 'ING_SOURCE_DAMAGED',
      message: expect.stringMatching(/import the whole file again/),
    });
    const plain = ids(await read(whole));
    expect(ids(seen).length).toBeGreaterThan(0);
    expect(ids(seen)).toEqual(plain.slice(0, ids(seen).length));
  });

  it('a compressed bomb is stopped', async () => {
    const bomb = gzipSync(Buffer.alloc(80 * 1024 * 1024));
    await expect(read(bomb)).rejects.toMatchObject({ code: 'ING_UNPACK_LIMIT' });
  });
});

describe('the forest', () => {
  it('is named by the content, or by who imports it, as a DNS name or as the id', async () => {
    for (const forest of ['other.example', 'OTHER.example', 'observed:other.example']) {
      const items = await read(excerpt, { name: 'log', forest, source: 'dc1' });
      expect(itemsOf(items, 'source')).toEqual([
        { kind: 'source', source: 'samba/other.example/dc1', sourceKind: 'samba', forest: 'observed:other.example' },
      ]);
    }
  });

  it('may be named further down than the first fact: that fact waits', async () => {
    const refused =
      '[2026/11/22 10:00:00.000001,  3] a.c:1(f)\n  Kerberos: AS-REQ ERR_C_PRINCIPAL_UNKNOWN ipv4:10.0.0.1:1 x@ELSEWHERE krbtgt/ELSEWHERE@ELSEWHERE\n';
    const items = await read(Buffer.concat([Buffer.from(refused), excerpt]));
    expect(itemsOf(items, 'source')[0]?.forest).toBe('observed:corp.example');
    expect(eventsOf(items)[0]).toMatchObject({
      type: 'TgtRefused',
      data: { forest: 'observed:corp.example', clientName: 'x@ELSEWHERE' },
    });
    await expect(read(Buffer.from(refused))).rejects.toMatchObject({
      code: 'ING_FOREST_UNKNOWN',
      message: expect.stringMatching(/--forest/),
    });
  });

  it.each([
    [{ name: 'log', forest: 'not a name' }, 'ING_INVALID_IMPORT'],
    [{ name: 'log', source: '../x' }, 'ING_INVALID_IMPORT'],
  ])('must be a name: %j', async (naming, code) => {
    await expect(read(excerpt, naming)).rejects.toMatchObject({ code });
  });

  it('must have an instant when it is a dump', async () => {
    await expect(read(dump, { name: 'dump', observedAt: 'yesterday' })).rejects.toMatchObject({
      code: 'ES_INVALID_INSTANT',
    });
  });
});
