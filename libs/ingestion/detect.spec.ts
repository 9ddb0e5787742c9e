/** What a file is, by its first bytes. */
import { describe, expect, it } from '@jest/globals';
import { detect } from './detect.js';

const kind = (text: string): string => detect(Buffer.from(text)).kind;

describe('a file', () => {
  it.each([
    '[2026/11/22 10:52:49.497360,  0] ../../source4/samba/server.c:621(binary_smbd_main)\n',
    '\n\n[2026/11/22 10:52:49,  3, pid=7, effective(0, 0), real(0, 0)] a.c:1(f)\n',
    '{"timestamp": "2026-11-22T10:52:50.539093+0000", "type": "dsdbChange", "dsdbChange": {}}\n',
    '\ufeff[2026/11/22 10:52:49.497360,  0] a.c:1(f)\n',
    'garbage\n[2026/11/22 10:52:49.497360,  0] a.c:1(f)\n',
  ])('is a Samba log: %j', (text) => {
    expect(kind(text)).toBe('samba');
  });

  it.each([
    'dn: CN=x,DC=y\n',
    '# record 1\n  of many\ndn:: Q049eA==\n',
    'version: 1\n\ndn: CN=x\n',
    '\r\ndn: CN=x\r\n',
    '\ufeffDN: CN=x\n',
    'dn: CN=x\ndescription: [2026/11/22 10:52:49.497360,  0] a.c:1(f)\n',
  ])('is a directory dump: %j', (text) => {
    expect(kind(text)).toBe('ldif');
  });

  it.each<[string, string | Buffer]>([
    ['an empty file', ''],
    ['a packet capture (pcap)', Buffer.from('d4c3b2a1020004', 'hex')],
    ['a packet capture (pcapng)', Buffer.from('0a0d0d0a1c00', 'hex')],
    ['a Windows event log (EVTX)', 'ElfFile\0'],
    ['gzip within gzip', Buffer.from('1f8b08', 'hex')],
    ['a zip archive', 'PK\x03\x04'],
    ['UTF-16 text', Buffer.from('\ufeffdn: CN=x', 'utf16le')],
    ['a log of an MIT KDC', 'Nov 22 10:00:00 kdc krb5kdc[7](info): AS_REQ (1 etypes)'],
    ['JSON lines that are not Samba', '{"a": 1}\n{"a": 2}\n'],
    ['a JSON document', '{\n  "a": 1\n}'],
    ['XML', '<?xml version="1.0"?>'],
    ['text of a kind not known', 'hello\n'],
    ['binary data of a kind not known', Buffer.from([1, 2, 3])],
  ])('is left out, and named: %s', (looksLike, content) => {
    const reason = `it looks like ${looksLike}`;
    expect(detect(Buffer.from(content))).toMatchObject({ kind: 'leftOut', reason: expect.stringContaining(reason) });
    expect(detect(Buffer.from(content))).toMatchObject({
      reason: expect.stringMatching(/what can be read: .*Samba AD .* LDIF/),
    });
  });
});
