/** Records of a Samba log: headers of its versions, JSON lines, time zones, and what is wrong with a line. */
import { describe, expect, it } from '@jest/globals';
import { LineSplitter } from '../lines.js';
import type { Reading, Unreadable } from '../fact.js';
import { SambaLog } from './samba-log.js';
import { firstOffset } from './samba-time.js';

const ticket = 'Kerberos: TGS-REQ SUCCESS ipv4:10.0.0.1:1 a@CORP.EXAMPLE HTTP/b@CORP.EXAMPLE etype=18/18';
const header = '[2026/11/22 10:53:18.000001,  3] ../../source4/kdc/kdc.c:90(kdc_log)';

function json(timestamp: string, value = 'a/x'): string {
  const attributes = { servicePrincipalName: { actions: [{ action: 'add', values: [{ value }] }] } };
  const body = {
    version: { major: 1, minor: 0 },
    statusCode: 0,
    status: 'Success',
    operation: 'Modify',
    dn: 'CN=x,DC=corp,DC=example',
    attributes,
  };
  return JSON.stringify({ timestamp, type: 'dsdbChange', dsdbChange: body }).replace('":"2026', '": "2026');
}

function read(lines: readonly (string | Buffer)[], log = new SambaLog()): { readings: Reading[]; log: SambaLog } {
  const content = Buffer.concat(lines.flatMap((line) => [Buffer.from(line), Buffer.from('\n')]));
  const readings = new LineSplitter(5_000).push(content).flatMap((line) => log.read(line));
  return { readings: [...readings, ...log.end()], log };
}

const instants = (lines: readonly string[], log?: SambaLog): string[] =>
  read(lines, log).readings.flatMap((reading) =>
    reading.kind === 'facts' ? reading.facts.map(({ occurredAt }) => occurredAt) : [],
  );
const unreadable = (lines: readonly (string | Buffer)[]): Unreadable[] =>
  read(lines).readings.filter((reading): reading is Unreadable => reading.kind === 'unreadable');

describe('a header', () => {
  it.each([
    header,
    '[2026/11/22 10:53:18.000001,  3, pid=1234] ../source4/kdc/kdc.c:90(kdc_log)',
    '[2026/11/22 10:53:18.000001,  3, pid=1234, effective(0, 0), real(0, 0), class=kerberos] ../../source4/kdc/kdc.c:90(kdc_log)',
    '[2026/11/22 10:53:18.000001,  3, effective(0, 0), real(0, 0), traceid=7] ../../source4/kdc/kdc.c:90(kdc_log)',
    '[2026/11/22 10:53:18.000001, 10] ../../source4/kdc/kdc.c:90(kdc_log)',
  ])('of any Samba version is one: %s', (line) => {
    expect(instants([line, `  ${ticket}`])).toEqual(['2026-11-22T10:53:18.000001Z']);
  });

  it('may have whole seconds, and its message on the same line', () => {
    expect(instants(['[2026/11/22 10:53:18,  3] ../../a.c:90(f)', `  ${ticket}`])).toEqual(['2026-11-22T10:53:18Z']);
    expect(instants([`[2026/11/22 10:53:18.000001,  3] ${ticket}`])).toEqual(['2026-11-22T10:53:18.000001Z']);
  });

  it('has the time zone that the JSON lines tell', () => {
    const zoned = json('2026-11-22T11:53:19.5+0100');
    expect(firstOffset(Buffer.from(`${header}\n  x\n  ${zoned}\n`))).toBe(60);
    expect(firstOffset(Buffer.from(header))).toBe(0);
    expect(firstOffset(Buffer.from(json('2026-11-22T11:53:19.5+9900')))).toBe(0);
    const local = ['[2026/11/22 11:53:18.000001,  3] a.c:1(f)', `  ${ticket}`];
    expect(instants([...local, `  ${zoned}`, ...local], new SambaLog(60))).toEqual([
      '2026-11-22T10:53:18.000001Z',
      '2026-11-22T10:53:19.500000Z',
      '2026-11-22T10:53:18.000001Z',
    ]);
    expect(instants([`  ${json('2026-11-22T06:23:18-0430')}`])).toEqual(['2026-11-22T10:53:18.000000Z']);
  });
});

describe('a record', () => {
  it('holds its message and any number of JSON lines; its facts are numbered through', () => {
    const { readings, log } = read([
      header,
      '  DSDB Change …',
      `  ${json('2026-11-22T10:53:18.1+0000')}`,
      `  ${json('2026-11-22T10:53:18.2+0000')}`,
    ]);
    expect(readings).toMatchObject([
      { kind: 'facts', record: 1, offset: 0, firstItem: 0, domain: 'corp.example' },
      { kind: 'facts', record: 1, offset: 0, firstItem: 1 },
    ]);
    expect(log).toMatchObject({ records: 1, unmapped: 0 });
  });

  it('is one for each JSON line that stands in a file of its own', () => {
    const { readings, log } = read([json('2026-11-22T10:53:18.1+0000'), json('2026-11-22T10:53:18.2+0000')]);
    expect(readings).toMatchObject([
      { record: 1, firstItem: 0 },
      { record: 2, firstItem: 0 },
    ]);
    expect(log.records).toBe(2);
  });

  it('has the same identity with and without indentation, line ends and further lines', () => {
    const identity = (lines: string[]): string[] =>
      read(lines).readings.map((reading) => (reading.kind === 'facts' ? reading.identity.toString() : ''));
    expect(identity([header, `  ${ticket}`, '  more', '  and more'])).toEqual(identity([header, `  ${ticket}`]));
    expect(identity([`${header}\r`, `  ${ticket}\r`])).toEqual(identity([header, `  ${ticket}`]));
    expect(identity([header, '  text', `  ${json('2026-11-22T10:53:18.1+0000')}`])).toEqual(
      identity([json('2026-11-22T10:53:18.1+0000')]),
    );
  });

  it('that says nothing of ours is counted', () => {
    expect(read([header, '  Kerberos: Probing for AS-REQ', header, '  x', '', header]).log).toMatchObject({
      records: 3,
      unmapped: 3,
    });
  });
});

describe('a line that cannot be read', () => {
  const good = [header, `  ${ticket}`];

  it.each<[string, string | Buffer, RegExp]>([
    ['is not UTF-8', Buffer.from([0x20, 0xff, 0xfe]), /not UTF-8/],
    ['holds NUL', '  a\0b', /NUL/],
    ['is too long', `  ${'x'.repeat(6_000)}`, /6002 bytes, more than a record may have/],
    ['is cut off', `  ${json('2026-11-22T10:53:18.1+0000').slice(0, 100)}`, /JSON but is not/],
    ['has no time', `  ${json('yesterday')}`, /"yesterday" is not a time/],
    ['has a time that is none', `  ${json('2026-13-22T10:53:18.1+0000')}`, /is not a time/],
    ['belongs nowhere', 'lost', /neither a header nor indented/],
    ['is half a header', '[2026/11/22 10:53:18.0', /neither a header nor indented/],
  ])('%s: it alone is quarantined', (_, line, reason) => {
    const { readings, log } = read([...good, line, ...good]);
    expect(readings.map(({ kind }) => kind)).toEqual(['facts', 'unreadable', 'facts']);
    expect(readings[1]).toMatchObject({
      line: 3,
      offset: Buffer.byteLength(`${good.join('\n')}\n`),
      reason: expect.stringMatching(reason),
    });
    expect(log.unmapped).toBe(0);
  });

  it('may be the message itself: then the record is quarantined once, and its JSON line still counts', () => {
    const { readings, log } = read([
      header,
      Buffer.from([0x20, 0xff]),
      `  ${json('2026-11-22T10:53:18.1+0000')}`,
      '  more',
    ]);
    expect(readings.map(({ kind }) => kind)).toEqual(['unreadable', 'facts']);
    expect(log).toMatchObject({ records: 1, unmapped: 0 });
  });

  it('may have been a header: the message below it is not given to the record above', () => {
    const lines = [...good, '[2026/11/22 10:5#:19', `  ${ticket}`, ...good];
    expect(unreadable(lines).map(({ line, reason }) => [line, reason])).toEqual([
      [3, expect.stringMatching(/neither a header/)],
      [4, expect.stringMatching(/without a header of its own/)],
    ]);
    expect(instants(lines)).toHaveLength(2);
  });

  it('may stand before the first header', () => {
    expect(unreadable([`  ${ticket}`, '  more', ...good]).map(({ line }) => line)).toEqual([1]);
  });

  it('may have an impossible date above it', () => {
    expect(unreadable(['[2026/02/30 10:53:18.000001,  3] a.c:1(f)', `  ${ticket}`])).toMatchObject([
      { line: 2, reason: expect.stringMatching(/is not a time/) },
    ]);
  });

  it('keeps its beginning, its length and the SHA-256 of all of it', () => {
    const [kept] = unreadable([...good, 'lost']);
    expect(kept).toMatchObject({ bytes: 4, head: Buffer.from('lost') });
    expect(kept?.sha256.toString('hex')).toBe('76f75e6129fe30135bd44d80ab7cc46fdba81907758dc808f3e2517beef2b1e9');
  });
});
