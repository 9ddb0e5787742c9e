/**
 * What a file is, by its content alone: names and endings mean nothing. What cannot be read yet gets a name, so that it can
 * be said what was left out.
 */
export type Detected =
  | { readonly kind: 'samba' | 'windows' | 'ldif' }
  | { readonly kind: 'leftOut'; readonly looksLike: string; readonly reason: string };

export const HEAD_BYTES = 65_536;

const READABLE =
  'what can be read: logs of a Samba AD domain controller (text or JSON lines), Windows events (XML or JSON of winlogbeat, ' +
  'one a line) and LDIF dumps, plain or gzipped';
const MAGIC: readonly (readonly [hex: string, looksLike: string])[] = [
  ['d4c3b2a1', 'a packet capture (pcap)'],
  ['a1b2c3d4', 'a packet capture (pcap)'],
  ['4d3cb2a1', 'a packet capture (pcap)'],
  ['a1b23c4d', 'a packet capture (pcap)'],
  ['0a0d0d0a', 'a packet capture (pcapng)'],
  ['456c6646696c6500', 'a Windows event log (EVTX)'],
  ['1f8b', 'gzip within gzip'],
  ['504b0304', 'a zip archive'],
  ['fd377a585a00', 'an xz archive'],
  ['28b52ffd', 'a zstd archive'],
  ['425a68', 'a bzip2 archive'],
  ['53514c69746520666f726d6174203300', 'an SQLite database'],
  ['0502', 'a key table (keytab)'],
  ['fffe', 'UTF-16 text: write it as UTF-8'],
  ['feff', 'UTF-16 text: write it as UTF-8'],
];
const SAMBA_HEADER = /^\[\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d(?:\.\d{1,9})?, +\d+(?:, [^\]\n]*)?\]/gm;
const SAMBA_JSON = /^[ \t]*\{"timestamp": ?"[^"\n]*", ?"type": ?"/gm;
/** A line that is one event, whole or as far as the beginning of the file goes. */
const WINDOWS_LINE = /^\s*(?:<Event[\s>].*<\/Event>\s*$|\{.*"winlog": ?\{)/;
const DN = /^dn::? /gim;
const KDC_LOG = /krb5kdc\[\d+\]\(\w+\): /;
const LDIF_BEGIN = /^(?:version: *1|dn::? ?.*|ref: .*)$/i;

/** `head`: the first bytes of the unpacked content, up to HEAD_BYTES. */
export function detect(head: Buffer): Detected {
  if (head.length === 0) return leftOut('an empty file');
  const text = head.toString('latin1').replace(/^\xef\xbb\xbf/, '');
  const sambaLines = count(text, SAMBA_HEADER) + count(text, SAMBA_JSON);
  // A damaged line at the beginning does not make a log of records a dump.
  if (LDIF_BEGIN.test(firstLdifLine(text)) && count(text, DN) >= sambaLines) return { kind: 'ldif' };
  if (sambaLines > 0) return { kind: 'samba' };
  if (WINDOWS_LINE.test(text.trimStart().split('\n', 1)[0] ?? '')) return { kind: 'windows' };
  const magic = MAGIC.find(([hex]) => head.subarray(0, hex.length / 2).toString('hex') === hex);
  return leftOut(magic?.[1] ?? looks(text));
}

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}

function leftOut(looksLike: string): Detected {
  return { kind: 'leftOut', looksLike, reason: `it looks like ${looksLike}; ${READABLE}` };
}

/** The first line that is neither empty nor a comment (nor the rest of a folded comment). */
function firstLdifLine(text: string): string {
  let isComment = false;
  for (const line of text.split(/\r?\n/, 1_000)) {
    isComment = line.startsWith('#') || (isComment && line.startsWith(' '));
    if (!isComment && line !== '') return line;
  }
  return '';
}

function looks(text: string): string {
  if (KDC_LOG.test(text)) return 'a log of an MIT KDC (krb5kdc.log)';
  const [line = ''] = text.trimStart().split('\n', 1);
  if (/^\{.*\}\s*$/.test(line)) return 'JSON lines that are not Samba audit lines';
  if (/^[[{]/.test(line)) return 'a JSON document';
  if (/^<\?xml|^<Events?\b/.test(line)) return 'XML';
  return /[^\P{Cc}\s]/u.test(text) ? 'binary data of a kind not known' : 'text of a kind not known';
}
