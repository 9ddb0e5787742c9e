/** The recorded Samba log as collectors would write it to the raw topic. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { IncomingMessage } from '#kafka';

export const sambaLog = gunzipSync(readFileSync('samples/lab-samba-ad/log.samba.gz'));

const HEADER = /^\[\d{4}\//;

/** The log's lines, each with its byte offset. */
export function linesOf(log: Buffer = sambaLog): { readonly text: string; readonly offset: number }[] {
  let offset = 0;
  return log
    .toString('utf8')
    .split('\n')
    .slice(0, -1)
    .map((text) => {
      const line = { text, offset };
      offset += Buffer.byteLength(text) + 1;
      return line;
    });
}

/** The same, every record with all its lines in one piece, as a collector joins them. */
export function recordsOf(log: Buffer = sambaLog): { readonly text: string; readonly offset: number }[] {
  const records: { text: string; offset: number }[] = [];
  for (const line of linesOf(log)) {
    const last = records.at(-1);
    if (HEADER.test(line.text) || !last) records.push({ ...line });
    else last.text += `\n${line.text}`;
  }
  return records;
}

export type Wrap = (piece: { readonly text: string; readonly offset: number }) => string;

export const vectorLine: Wrap = ({ text, offset }) =>
  JSON.stringify({ message: text, file: '/var/log/samba/log.samba', host: 'dc1', offset, source_type: 'file' });
export const filebeatLine: Wrap = ({ text, offset }) =>
  JSON.stringify({
    '@timestamp': '2026-11-22T11:00:00.000Z',
    message: text,
    host: { name: 'dc1' },
    log: { offset, file: { path: '/var/log/samba/log.samba' } },
  });
export const fluentBitLine: Wrap = ({ text, offset }) =>
  JSON.stringify({ '@timestamp': 1795345969.5, log: text, path: '/var/log/samba/log.samba', hostname: 'dc1', offset });
export const bare: Wrap = ({ text }) => text;

/** As a partition gives them. */
export function messages(
  values: readonly (string | Buffer | null)[],
  over: Partial<IncomingMessage> = {},
): IncomingMessage[] {
  return values.map((value, index) => ({
    partition: 0,
    offset: BigInt(index),
    key: 'dc1',
    value: typeof value === 'string' ? Buffer.from(value) : value,
    headers: {},
    ...over,
  }));
}
