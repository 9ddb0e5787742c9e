/** Messages of collectors, read into the same records as the file they collected. */
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from '#kafka';
import { collect, inChunks, itemsOf } from '../mapped.spec-support.js';
import type { PlacedRecord } from '../place.js';
import {
  bare,
  fluentBitLine,
  filebeatLine,
  linesOf,
  messages,
  recordsOf,
  sambaLog,
  vectorLine,
  type Wrap,
} from './collected.spec-support.js';
import { anEvent, jsonOf, xmlOf } from '../windows/windows-event.spec-support.js';
import { RAW_TOPIC } from './raw-ingestion.js';
import { RawReader, type ReadMessage } from './raw-reader.js';

const read = (given: readonly IncomingMessage[]): ReadMessage[] => new RawReader().read(given);
const codes = (outcomes: readonly ReadMessage[]): (string | undefined)[] =>
  outcomes.map(({ refusal }) => refusal?.code);

/** Without where in the file or the topic it stood. */
function told(records: readonly PlacedRecord[]): unknown[] {
  return records.map(({ id, digest, stream, events }) => ({
    id,
    digest: digest.toString('hex'),
    stream,
    events: events.map(({ metadata, ...event }) => {
      const { source, ...rest } = metadata;
      return { ...event, metadata: rest, source: source?.id, item: source?.item };
    }),
  }));
}

const fromFile = async (log: Buffer = sambaLog): Promise<unknown[]> =>
  told(itemsOf(await collect(inChunks(log), { name: 'log' }), 'record'));

describe('the recorded log', () => {
  const ways: [string, Wrap, typeof linesOf][] = [
    ['by vector, line for line', vectorLine, linesOf],
    ['by filebeat, line for line', filebeatLine, linesOf],
    ['by fluent-bit, line for line', fluentBitLine, linesOf],
    ['by vector, records joined', vectorLine, recordsOf],
    ['bare, records joined, the key telling the host', bare, recordsOf],
  ];
  it.each(ways)('collected %s gives the records that its file gives', async (_, wrap, pieces) => {
    const outcomes = read(messages(pieces().map(wrap)));
    expect(codes(outcomes).filter(Boolean)).toEqual([]);
    expect(told(outcomes.flatMap(({ records }) => records))).toEqual(await fromFile());
  });

  it('gives the same records when its messages come in batches of any size, after the first domain was named', () => {
    const given = messages(linesOf().map(vectorLine));
    const whole = told(read(given).flatMap(({ records }) => records));
    const reader = new RawReader();
    const cut = [given.slice(0, 400), ...Array.from({ length: 60 }, (_, n) => given.slice(400 + n * 97, 497 + n * 97))];
    expect(told(cut.flatMap((batch) => reader.read(batch)).flatMap(({ records }) => records))).toEqual(whole);
  });

  it('gives its records ids that do not change when a collector sends it twice', () => {
    const given = messages([...linesOf(), ...linesOf()].map(vectorLine));
    const ids = read(given).flatMap(({ records }) => records.map(({ id }) => id));
    expect(new Set(ids).size).toBe(
      new Set(read(messages(linesOf().map(vectorLine))).flatMap(({ records }) => records.map(({ id }) => id))).size,
    );
  });
});

const change = anEvent(5136, {
  ObjectDN: 'CN=svc-web,DC=corp,DC=example',
  AttributeLDAPDisplayName: 'servicePrincipalName',
  AttributeValue: 'HTTP/web1.corp.example',
  OperationType: '%%14674',
});

describe('a Windows event', () => {
  it('is the same record in every collector’s wrapping, and as a file', async () => {
    const file = itemsOf(await collect(inChunks(Buffer.from(`${xmlOf(change)}\n`)), { name: 'x' }), 'record');
    const outcomes = read(
      messages([
        xmlOf(change),
        `\ufeff${xmlOf(change).replace('<Data', '\r\n<Data')}`,
        jsonOf(change),
        JSON.stringify({ ...JSON.parse(jsonOf(change)), event: { original: xmlOf(change) } }),
        JSON.stringify({ System: xmlOf(change), Message: 'rendered' }),
        JSON.stringify({ xml: xmlOf(change), hostname: 'dc1' }),
      ]),
    );
    expect(codes(outcomes)).toEqual(outcomes.map(() => undefined));
    expect(outcomes.map(({ records }) => records.map(({ id }) => id))).toEqual(outcomes.map(() => [file[0]!.id]));
    expect(told(outcomes[0]!.records)).toEqual(told(file));
  });
});

describe('what a collector says of its records', () => {
  const logon = recordsOf().find(({ text }) => text.includes('"Authentication"') && !text.includes('-REQ'))!;
  const forestOf = (outcome: ReadMessage | undefined): string | undefined => outcome?.places[0]?.forest;

  it.each<[string, string, Partial<IncomingMessage>]>([
    ['headers', bare(logon), { headers: { 'kerbtrail-forest': 'other.example', 'kerbtrail-source': 'dc7' } }],
    ['fields', JSON.stringify({ log: logon.text, kerbtrail: { forest: 'other.example', source: 'dc7' } }), {}],
    [
      'dotted fields',
      JSON.stringify({ log: logon.text, 'kerbtrail.forest': 'other.example', 'kerbtrail.source': 'dc7' }),
      {},
    ],
    [
      'fields of beats',
      JSON.stringify({ message: logon.text, fields: { kerbtrail: { forest: 'other.example', source: 'dc7' } } }),
      {},
    ],
  ])('stands in %s', (_, value, over) => {
    const [outcome] = read(messages([value], over));
    expect(outcome).toMatchObject({
      refusal: undefined,
      places: [{ forest: 'observed:other.example', source: 'samba/other.example/dc7' }],
    });
  });

  it('may be needed: a record that names no domain is refused until its host has named one', () => {
    const reader = new RawReader();
    const [first] = reader.read(messages([bare(logon)]));
    expect(codes([first!])).toEqual(['RAW_FOREST_UNKNOWN']);
    reader.read(messages(recordsOf().map(bare)));
    expect(forestOf(reader.read(messages([bare(logon)]))[0])).toBe('observed:corp.example');
    expect(codes(reader.read(messages([bare(logon)], { key: 'dc2' })))).toEqual(['RAW_FOREST_UNKNOWN']);
    expect(codes(reader.read(messages([bare(logon)], { key: null })))).toEqual(['RAW_FOREST_UNKNOWN']);
  });

  it('is refused when it names nothing that we know', () => {
    const header = (name: string, value: string) =>
      messages([bare(logon)], { headers: { [`kerbtrail-${name}`]: value } });
    expect(codes(read(header('kind', 'evtx')))).toEqual(['RAW_KIND_UNKNOWN']);
    expect(codes(read(header('forest', 'not a name')))).toEqual(['RAW_NAME_INVALID']);
  });
});

describe('a message that no parser takes', () => {
  it.each<[string | Buffer, string, RegExp]>([
    ['hello', 'RAW_FORMAT_UNKNOWN', /text of a kind not known/],
    ['{"message": "hello", "host": "a", "file": "/b"}', 'RAW_FORMAT_UNKNOWN', /text of a kind not known/],
    ['{"a": 1}', 'RAW_FORMAT_UNKNOWN', /JSON lines that are not Samba/],
    ['Nov 22 10:00:00 kdc krb5kdc[7](info): AS_REQ (1 etypes)', 'RAW_FORMAT_UNKNOWN', /krb5kdc\.log/],
    ['dn: CN=x,DC=y\n', 'RAW_FORMAT_UNKNOWN', /LDIF\): import it as a file/],
    [Buffer.from('hello', 'utf16le').fill(0xd8, 1, 2), 'RAW_ENCODING', /UTF-8/],
    [Buffer.alloc(1024 * 1024 + 1, 'x'), 'RAW_TOO_LARGE', /1048577 bytes/],
    ['[2026/11/22 10:52:49.497360,  0] a.c:1(f)', 'RAW_LINES_SPLIT', /let the collector join them/],
    ['  Kerberos: AS-REQ a@B from ipv4:1.2.3.4:5 for c@D', 'RAW_LINES_SPLIT', /let the collector join them/],
    ['{"timestamp": "2026-11-22T10:53:40.0+0000", "type": "dsdbChange", "dsd', 'ING_UNREADABLE_RECORD', /cut off/],
    ['<Event><System></System>', 'ING_UNREADABLE_RECORD', /breaks off/],
  ])('is refused with the reason: %.40s', (value, code, reason) => {
    const [outcome] = read(messages([value]));
    expect(outcome).toMatchObject({ records: [], refusal: { code, reason: expect.stringMatching(reason) } });
  });

  it.each([[null], [''], ['  \n'], ['{"message": " "}'], ['{"message": "", "host": "dc1"}']])(
    'is no message at all when nothing is in it: %j',
    (value) => {
      const [outcome] = read(messages([value]));
      expect(outcome).toMatchObject({ records: [], refusal: undefined });
    },
  );

  it('does not keep the rest of it out: what can be read of a message is read', () => {
    const [whole] = recordsOf().filter(({ text }) => text.includes('TGS-REQ SUCCESS'));
    const [outcome] = read(
      messages([`${whole!.text}\n  {"timestamp": "secret name", "type": "dsdbChange", "dsdbChange": {}}`]),
    );
    expect(outcome!.records).toHaveLength(1);
    expect(outcome!.refusal).toEqual({ code: 'ING_UNREADABLE_RECORD', reason: expect.not.stringContaining('secret') });
  });
});

describe('any message', () => {
  const line = fc.constantFrom(
    ...linesOf()
      .slice(0, 400)
      .map(({ text }) => text),
  );
  const text = fc.oneof(line, fc.string(), fc.string({ unit: 'binary' }), fc.json(), fc.constant(xmlOf(change)));
  const damaged = fc
    .tuple(text, fc.nat(300), fc.string())
    .map(([is, at, by]) => is.slice(0, at) + by + is.slice(at + 3));
  const wrapped = fc
    .record(
      {
        message: fc.oneof(text, fc.jsonValue()),
        log: fc.oneof(text, fc.jsonValue()),
        host: fc.oneof(fc.string(), fc.jsonValue()),
        file: fc.oneof(fc.string(), fc.jsonValue()),
        offset: fc.jsonValue(),
        winlog: fc.jsonValue(),
        kerbtrail: fc.jsonValue(),
        __proto__: fc.jsonValue(),
      },
      { requiredKeys: [] },
    )
    .map((json) => JSON.stringify(json));
  const value = fc.oneof(
    fc.oneof(text, damaged, wrapped).map((is) => Buffer.from(is)),
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    fc.constant(null),
  );
  const headers = fc.dictionary(
    fc.constantFrom('kerbtrail-forest', 'kerbtrail-kind', 'kerbtrail-source', '__proto__'),
    fc.string(),
  );

  it('is read, said to be nothing, or refused with a code: nothing is thrown', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(value, headers), { maxLength: 8 }), (given) => {
        const batch = given.map(([bytes, said], n) => ({ ...messages([bytes])[0]!, offset: BigInt(n), headers: said }));
        const outcomes = read(batch);
        expect(outcomes.map(({ message }) => message)).toEqual(batch);
        expect(codes(outcomes).filter((code) => code !== undefined && !/^(?:RAW|ING)_[A-Z_]+$/.test(code))).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });
});

describe('the example configurations', () => {
  it.each(['winlogbeat.yml', 'vector.yaml', 'fluent-bit.conf'])(
    '%s writes to our topic, keyed by host, in gzip',
    (name) => {
      const text = readFileSync(`docs/examples/${name}`, 'utf8');
      expect(text).toMatch(new RegExp(`^\\s*topics?:? +${RAW_TOPIC}$`, 'm'));
      expect(text).toMatch(
        /^\s*(?:key|key_field|message_key_field):? +'?(?:%\{\[winlog\.computer_name\]\}|host|hostname)'?$/m,
      );
      expect(text).toMatch(/compression(?:\.codec)?:? +gzip/);
    },
  );
});
