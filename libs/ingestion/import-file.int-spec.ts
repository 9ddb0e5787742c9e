/** Imports into the real log: what is there afterwards, and what is not there twice. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { exchangeEvents } from '#authentication';
import { createNameKey, directoryEvents, readKeyEncryptionKey, type LogPorts } from '#directory';
import {
  createEventStore,
  createSystemClock,
  LogBusy,
  systemRandom,
  type EventStore,
  type RecordedEvent,
} from '#event-store';
import { operationEvents, recordSourceBinding } from '#operations';
import { randomBytes } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { importFile, type ImportOptions, type ImportReport, type QuarantinedRecord } from './import-file.js';
import { inChunks, tally } from './mapped.spec-support.js';

const folder = 'samples/lab-samba-ad';
const observedAt = JSON.parse(readFileSync(`${folder}/observed-at.json`, 'utf8')) as Record<string, string>;
/** 77 + 8 tickets and refusals, 12 + 16 + 26 of logons with 28 twins, 23 of SPNs, 3 collisions, 50 of accounts, 4 of acceptors. */
const EVENTS = 247;
const log = gunzipSync(readFileSync(`${folder}/log.samba.gz`));

type Site = { readonly database: TestDatabase; readonly ports: LogPorts };
let site: Site;

async function open(): Promise<Site> {
  const database = await createTestDatabase();
  const { pool } = database;
  const store = createEventStore({ pool, catalogues: [directoryEvents, exchangeEvents, operationEvents] });
  const kek = readKeyEncryptionKey(randomBytes(32).toString('base64'), 'test');
  return {
    database,
    ports: { store, clock: createSystemClock(), nameKey: await createNameKey(pool, kek, systemRandom) },
  };
}

beforeEach(async () => {
  site = await open();
});
afterEach(() => site.database.drop());

const named = (name: string, options: Partial<ImportOptions> = {}): ImportOptions => {
  const at = observedAt[name];
  return { name, ports: site.ports, actor: 'tester', ...(at && { observedAt: at }), ...options };
};
const importSample = (name: string, options: Partial<ImportOptions> = {}): Promise<ImportReport> =>
  importFile(named(name, options), createReadStream(`${folder}/${name}`));
const importBytes = (content: Buffer, options: Partial<ImportOptions> = {}): Promise<ImportReport> =>
  importFile(named('log', options), inChunks(content));

function recorded(store: EventStore = site.ports.store): Promise<RecordedEvent[]> {
  return store.readAll({ after: 0, limit: 100_000 });
}

/** What is known of the observed world, without our own numbering. */
async function observations(store: EventStore): Promise<unknown[]> {
  const events = (await recorded(store)).filter(({ metadata }) => metadata.origin === 'observed');
  return events
    .map(({ id, stream, type, occurredAt, data, metadata }) => ({ id, stream, type, occurredAt, data, metadata }))
    .toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

describe('an import', () => {
  it('puts every event of the file into the stream of its source, between its start and its end', async () => {
    const progress: number[] = [];
    const report = await importSample('log.samba.gz', { onProgress: ({ bytes }) => progress.push(bytes) });
    expect(report).toMatchObject({
      kind: 'samba',
      source: 'samba/corp.example',
      forest: 'observed:corp.example',
      bytes: 43_632,
      lines: 5_819,
      records: 2_839,
      unmapped: 2_593,
      appended: EVENTS,
      duplicates: 0,
      quarantined: 0,
      leftOut: null,
      unfinished: null,
    });
    expect(progress.at(-1)).toBe(43_632);
    const events = await recorded();
    expect(tally(events.map(({ stream }) => stream.replace(report.import ?? '', 'ID')))).toEqual({
      'operation-source/samba/corp.example': 1,
      'source-samba/corp.example': EVENTS,
      'operation-import/ID': 2,
    });
    expect(report.position).toBe(events.at(-1)?.position);
    expect(events.at(-1)).toMatchObject({
      type: 'ImportFinished',
      data: { import: report.import, records: 2_839, appended: EVENTS, duplicates: 0, sha256: report.sha256 },
      metadata: { origin: 'decided', actor: 'tester' },
    });
  });

  it('adds nothing when it is run again: no event at all', async () => {
    const first = await importSample('log.samba.gz');
    const head = await site.ports.store.head();
    const again = await importSample('log.samba.gz');
    const position = first.position - 2; // there was no end to be written, nor a start
    expect(again).toEqual({ ...first, import: null, appended: 0, duplicates: EVENTS, position });
    const unpacked = await importBytes(log, { name: 'renamed' });
    expect(unpacked).toMatchObject({ import: null, appended: 0, duplicates: EVENTS });
    expect(await site.ports.store.head()).toBe(head);
  });

  it('of a file that has grown adds what is new', async () => {
    const half = log.indexOf('Kerberos: TGS-REQ SUCCESS', 300_000) + 60;
    const first = await importBytes(log.subarray(0, half));
    expect(first.unfinished?.bytes).toBeGreaterThan(0);
    const second = await importBytes(log);
    expect(second).toMatchObject({ duplicates: first.appended, appended: EVENTS - first.appended, unfinished: null });
    expect(first.appended).toBeGreaterThan(0);
    expect(second.import).not.toBeNull();
  });

  it('leaves the same observations in whatever order the files come', async () => {
    const files = ['log.samba.gz', ...Object.keys(observedAt)];
    for (const file of files) await importSample(file);
    const inOrder = await observations(site.ports.store);
    const other = await open();
    try {
      for (const file of files.toReversed()) await importSample(file, { ports: other.ports });
      expect(await observations(other.ports.store)).toEqual(inOrder);
    } finally {
      await other.database.drop();
    }
    expect(inOrder).toHaveLength(EVENTS + 4 * 23);
  });

  it('run twice at once adds everything once', async () => {
    const reports = await Promise.all([importSample('log.samba.gz'), importSample('log.samba.gz')]);
    expect(reports.reduce((sum, { appended }) => sum + appended, 0)).toBe(EVENTS);
    expect(reports.reduce((sum, { duplicates }) => sum + duplicates, 0)).toBe(EVENTS);
    expect((await recorded()).filter(({ metadata }) => metadata.origin === 'observed')).toHaveLength(EVENTS);
  });

  it('that breaks off keeps what it read, and run again adds the rest', async () => {
    const breaking = async function* (): AsyncGenerator<Buffer> {
      yield log.subarray(0, 300_000);
      throw new Error('the connection was closed');
    };
    await expect(importFile(named('log'), breaking())).rejects.toThrow('the connection was closed');
    const types = tally((await recorded()).map(({ type }) => type));
    expect(types).toMatchObject({ ImportStarted: 1, ServiceTicketIssued: expect.any(Number) });
    expect(types).not.toHaveProperty('ImportFinished');
    const report = await importBytes(log);
    expect(report.appended + report.duplicates).toBe(EVENTS);
    expect(report.duplicates).toBeGreaterThan(50);
  });

  it('of a file that cannot be read yet says so and leaves no event', async () => {
    for (const name of ['capture.pcap.gz', 'truth.jsonl', 'observed-at.json']) {
      const report = await importSample(name);
      expect(report).toMatchObject({
        import: null,
        kind: null,
        appended: 0,
        leftOut: { reason: expect.stringMatching(/it looks like/) },
      });
    }
    const dump = await importFile(
      { name: 'dump.ldif', ports: site.ports, actor: 'tester' },
      createReadStream(`${folder}/directory-t0.ldif`),
    );
    expect(dump.leftOut?.reason).toMatch(/--observed-at/);
    expect(await site.ports.store.head()).toBe(0);
  });
});

describe('a record that cannot be read', () => {
  const damaged = Buffer.concat([
    log,
    Buffer.from(
      '[2026/11/22 10:53:40.000001,  3] a.c:1(f)\n  {"timestamp": "2026-11-22T10:53:40.0+0000", "type": "dsdbChange", "dsd\n',
    ),
    Buffer.from('\0\0\0\n'),
    Buffer.from(`[2026/11/22 10:53:41.000001,  3] a.c:1(f)\n  ${'x'.repeat(1024 * 1024 + 1)}\n`),
    Buffer.from(
      '[2026/11/22 10:53:42.000001,  3] a.c:1(f)\n  Kerberos: TGS-REQ ERR_POLICY ipv4:10.0.0.1:1 a@CORP.EXAMPLE b/c@CORP.EXAMPLE\n',
    ),
  ]);

  it('is quarantined with line, offset and reason, and the rest goes on', async () => {
    const seen: QuarantinedRecord[] = [];
    const report = await importBytes(damaged, { onQuarantine: (record) => seen.push(record) });
    expect(report).toMatchObject({ appended: EVENTS + 1, quarantined: 3 });
    expect(seen.map(({ line, offset, bytes, reason }) => ({ line, offset, bytes, reason }))).toEqual([
      {
        line: 5_821,
        offset: damaged.indexOf('  {"timestamp": "2026-11-22T10:53:40'),
        bytes: 72,
        reason: 'it begins like JSON but is not: cut off or damaged',
      },
      { line: 5_822, offset: damaged.indexOf('\0\0'), bytes: 3, reason: 'the line holds a NUL byte' },
      {
        line: 5_824,
        offset: damaged.indexOf('  xxx'),
        bytes: 1_048_579,
        reason: expect.stringMatching(/more than a record may have/),
      },
    ]);
    const events = (await recorded()).filter(({ type }) => type === 'RecordQuarantined');
    expect(events.map(({ stream, data }) => [stream, data['line'], data['raw']])).toEqual(
      seen.map(({ line, raw }) => [`operation-import/${report.import}/quarantine`, line, raw]),
    );
    expect(events[1]?.data).toMatchObject({ raw: '\\x00\\x00\\x00', import: report.import, name: 'log' });
    expect(String(events[2]?.data['raw'])).toHaveLength(4_096);
  });

  it('is not quarantined twice', async () => {
    await importBytes(damaged);
    const head = await site.ports.store.head();
    expect(await importBytes(damaged)).toMatchObject({
      import: null,
      appended: 0,
      duplicates: EVENTS + 1,
      quarantined: 3,
    });
    expect(await site.ports.store.head()).toBe(head);
  });
});

describe('a source', () => {
  it('speaks about one forest for ever', async () => {
    const binding = { source: 'samba/corp.example', kind: 'samba', forest: 'observed:elsewhere.example' };
    await recordSourceBinding(site.ports, 'tester', binding);
    await expect(importSample('log.samba.gz')).rejects.toMatchObject({ code: 'OPS_SOURCE_BOUND' });
    expect((await recorded()).filter(({ metadata }) => metadata.origin === 'observed')).toEqual([]);
  });

  it('does not give its records to a second forest', async () => {
    await importSample('log.samba.gz');
    await expect(importSample('log.samba.gz', { forest: 'other.example' })).rejects.toMatchObject({
      code: 'ING_IMPORTED_ELSEWHERE',
      message: expect.stringMatching(/line 48 .* observed:other\.example/),
    });
    expect((await recorded()).some(({ stream }) => stream === 'source-samba/other.example')).toBe(false);
  });
});

describe('the log', () => {
  /** The real store, with another way to it. */
  function around(append: EventStore['append']): ImportOptions['ports'] {
    const through = new Proxy(site.ports.store, {
      get: (store, name: keyof EventStore) => {
        const member = store[name];
        if (name === 'append') return append;
        return typeof member === 'function' ? member.bind(store) : member;
      },
    });
    return { ...site.ports, store: through };
  }

  it('is never asked for more than two batches at once, however fast the file comes', async () => {
    let [onTheWay, most] = [0, 0];
    const sizes: number[] = [];
    const ports = around((items) => {
      sizes.push(items.length);
      most = Math.max(most, ++onTheWay);
      return site.ports.store.append(items).finally(() => onTheWay--);
    });
    const years = ['2021', '2022', '2023', '2024', '2025', '2026'];
    const text = log.toString();
    const years6 = years.map((year) =>
      text.replaceAll('2026/11/22', `${year}/11/22`).replaceAll('2026-11-22T', `${year}-11-22T`),
    );
    const report = await importBytes(Buffer.from(years6.join('')), { ports });
    expect(report.appended).toBe(EVENTS * 6);
    expect(most).toBe(2);
    expect(Math.max(...sizes)).toBe(500);
  });

  it('that is busy is waited for', async () => {
    let refusals = 2;
    const ports = around(async (items) => {
      if (items.length > 1 && refusals-- > 0) throw new LogBusy(1);
      return site.ports.store.append(items);
    });
    expect(await importBytes(log, { ports })).toMatchObject({ appended: EVENTS });
    expect(refusals).toBeLessThan(0);
  });
});
