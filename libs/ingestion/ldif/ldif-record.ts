/**
 * One record of an LDIF file of content (RFC 2849): its lines unfolded and its values decoded.
 *
 *   dn: <name>            dn:: <base64>
 *   <attribute>[;<option>]…: <text>     …:: <base64>     …:< <URL>
 *
 * Lines that begin with one space go on with the line before them. Text is taken as UTF-8, which the RFC asks to be base64 when it is not ASCII and many tools write as it is.
 */
import { isUtf8 } from 'node:buffer';
import { UnreadableRecord } from '../ingestion.error.js';

export type LdifRecord = {
  /** Undefined for a block without `dn:`, such as a search's `ref:`. */
  readonly dn?: string;
  /** Number, in the file, of the line with the `dn:`. */
  readonly dnLine: number;
  /** By lower-case name without options. */
  readonly attributes: ReadonlyMap<string, readonly LdifValue[]>;
};

export type LdifValue = { readonly bytes: Buffer; readonly options: readonly string[] };

const ATTRIBUTE = /^([A-Za-z0-9.-]+)((?:;[A-Za-z0-9=*-]+)*):([:<]?) *(.*)$/s;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

export type NumberedLine = { readonly number: number; readonly bytes: Buffer };

/** `lines`: of one block, without comments, line ends and the blank line. Throws UnreadableRecord. */
export function readLdifRecord(lines: readonly NumberedLine[]): LdifRecord {
  const attributes = new Map<string, LdifValue[]>();
  let dn: string | undefined;
  let dnLine = lines[0]?.number ?? 0;
  for (const { text, number } of unfold(lines)) {
    const [, name = '', options = '', form = '', value = ''] = ATTRIBUTE.exec(text) ?? [];
    if (name === '') throw new UnreadableRecord(`line ${number} is not "attribute: value"`);
    if (name.toLowerCase() === 'version' && attributes.size === 0 && dn === undefined) continue;
    const bytes = decode(value, form, name);
    if (name.toLowerCase() === 'dn' && dn === undefined) {
      dn = textOf({ bytes, options: [] });
      dnLine = number;
      continue;
    }
    if (name.toLowerCase() === 'changetype')
      throw new UnreadableRecord('it is a change, not an object: only dumps are read');
    const values = attributes.get(name.toLowerCase()) ?? [];
    values.push({ bytes, options: options.split(';').slice(1) });
    attributes.set(name.toLowerCase(), values);
  }
  return { ...(dn !== undefined && { dn }), dnLine, attributes };
}

/** Throws UnreadableRecord when the value is not text. */
export function textOf({ bytes }: LdifValue): string {
  if (!isUtf8(bytes)) throw new UnreadableRecord('a value that should be text is not UTF-8');
  return bytes.toString('utf8');
}

function unfold(lines: readonly NumberedLine[]): { text: string; number: number }[] {
  const logical: { parts: string[]; number: number }[] = [];
  for (const { number, bytes } of lines) {
    if (!isUtf8(bytes)) throw new UnreadableRecord(`line ${number} is not UTF-8 text`);
    const text = bytes.toString('utf8');
    const last = logical.at(-1);
    if (!text.startsWith(' ')) logical.push({ parts: [text], number });
    else if (last) last.parts.push(text.slice(1));
    else throw new UnreadableRecord('it begins with a continuation line');
  }
  return logical.map(({ parts, number }) => ({ text: parts.join(''), number }));
}

function decode(value: string, form: string, name: string): Buffer {
  if (form === '<') throw new UnreadableRecord(`${name}: its value stands at a URL, which is not fetched`);
  if (form === '') return Buffer.from(value, 'utf8');
  const text = value.trimEnd();
  if (!BASE64.test(text) || text.length % 4 !== 0) throw new UnreadableRecord(`${name}: its value is not base64`);
  return Buffer.from(text, 'base64');
}
