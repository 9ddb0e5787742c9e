/**
 * What a directory dump says about one object: attributes of Active Directory (MS-ADA1–3) in their text and in their
 * binary forms (MS-DTYP §2.4.2 SID, §2.3.4 GUID).
 */
import { instantToNanos, isIndexable, nanosToInstant } from '#event-store';
import { accountKindOf, isEnabled } from '../account-class.js';
import { dnsDomainOf } from '../distinguished-name.js';
import type { Fact } from '../fact.js';
import { UnreadableRecord } from '../ingestion.error.js';
import { textOf, type LdifRecord, type LdifValue } from './ldif-record.js';

type AccountListed = Extract<Fact, { type: 'AccountListed' }>;

const SPN_CHARACTERS_MAX = 24_000; // of one event: longer lists are told in parts
const FILETIME_EPOCH = instantToNanos('1601-01-01T00:00:00Z');
const FILETIME_NEVER = '9223372036854775807';

/** One fact for each part of the account's list; undefined if the object is no account. Throws UnreadableRecord. */
export function readDirectoryObject(record: LdifRecord, occurredAt: string): AccountListed[] | undefined {
  const { dn: account = '' } = record;
  const spns = all(record, 'servicePrincipalName');
  const kind = accountKindOf(all(record, 'objectClass'));
  const userAccountControl = one(record, 'userAccountControl');
  // A dump of chosen attributes may lack the class; only accounts have one of these two.
  const isAccount = kind ?? (!has(record, 'objectClass') && (spns.length > 0 || userAccountControl !== undefined));
  if (!isAccount) return undefined;
  const domain = dnsDomainOf(account);
  if (!domain) throw new UnreadableRecord(`"${account.slice(0, 200)}" names no domain (DC=…)`);
  const data = {
    account,
    domain,
    kind,
    samAccountName: one(record, 'sAMAccountName'),
    userPrincipalName: one(record, 'userPrincipalName'),
    dnsHostName: one(record, 'dNSHostName'),
    sid: binary(record, 'objectSid', sidText),
    guid: binary(record, 'objectGUID', guidText),
    enabled: isEnabled(userAccountControl ?? ''),
    passwordChangedAt: fileTime(one(record, 'pwdLastSet')),
    changedAt: generalizedTime(one(record, 'whenChanged')),
    updateSequence: one(record, 'uSNChanged'),
  };
  const parts = inParts(spns);
  return parts.map((part, index) => ({
    type: 'AccountListed',
    occurredAt,
    data: { ...data, spns: part, part: index + 1, parts: parts.length },
  }));
}

function inParts(spns: readonly string[]): string[][] {
  const parts: string[][] = [[]];
  let characters = 0;
  for (const spn of spns) {
    characters += spn.length;
    if (characters > SPN_CHARACTERS_MAX && parts.at(-1)?.length !== 0) {
      parts.push([]);
      characters = spn.length;
    }
    parts.at(-1)?.push(spn);
  }
  return parts;
}

function has(record: LdifRecord, attribute: string): boolean {
  return record.attributes.has(attribute.toLowerCase());
}

/** Throws UnreadableRecord for a list that the server gave in ranges (MS-ADTS §3.1.1.3.1.3.3) and did not give whole. */
function all(record: LdifRecord, attribute: string): string[] {
  const values = record.attributes.get(attribute.toLowerCase()) ?? [];
  const range = values.flatMap(({ options }) => options).find((option) => /^range=/i.test(option));
  if (range && !/^range=0-\*$/i.test(range)) {
    throw new UnreadableRecord(
      `${attribute} is only the part "${range}" of its list: dump the object with the whole list`,
    );
  }
  return values.map(textOf);
}

function one(record: LdifRecord, attribute: string): string | undefined {
  const value = record.attributes.get(attribute.toLowerCase())?.[0];
  return value && textOf(value);
}

function binary(
  record: LdifRecord,
  attribute: string,
  print: (bytes: Buffer) => string | undefined,
): string | undefined {
  const value = record.attributes.get(attribute.toLowerCase())?.[0];
  return value && (print(value.bytes) ?? printable(value));
}

function printable(value: LdifValue): string | undefined {
  const text = value.bytes.toString('latin1');
  return /^[\w{}-]{1,200}$/.test(text) ? text : undefined;
}

// revision (1) · count of subauthorities · authority, 6 bytes big-endian · subauthorities, 4 bytes little-endian each
function sidText(bytes: Buffer): string | undefined {
  const count = bytes[1] ?? 0;
  if (bytes[0] !== 1 || count > 15 || bytes.length !== 8 + 4 * count) return undefined;
  const subauthorities = Array.from({ length: count }, (_, index) => bytes.readUInt32LE(8 + 4 * index));
  return ['S-1', bytes.readUIntBE(2, 6), ...subauthorities].join('-');
}

// 4, 2 and 2 bytes little-endian, then 8 bytes in order
function guidText(bytes: Buffer): string | undefined {
  if (bytes.length !== 16) return undefined;
  const [first, second, third] = [bytes.readUInt32LE(0), bytes.readUInt16LE(4), bytes.readUInt16LE(6)];
  const hex = [
    first.toString(16).padStart(8, '0'),
    ...[second, third].map((part) => part.toString(16).padStart(4, '0')),
  ];
  return [...hex, bytes.toString('hex', 8, 10), bytes.toString('hex', 10)].join('-');
}

/** 100 ns since 1601; 0 and the largest number mean never, and what no read model can keep means nothing. */
function fileTime(text: string | undefined): string | undefined {
  if (!text || !/^\d{1,19}$/.test(text) || text === '0' || text === FILETIME_NEVER) return undefined;
  const nanos = FILETIME_EPOCH + BigInt(text) * 100n;
  return isIndexable(nanos) ? nanosToInstant(nanos, 7) : undefined;
}

/** `20261122105301.0Z` (RFC 4517 §3.3.13), which Active Directory keeps in whole seconds. */
function generalizedTime(text: string | undefined): string | undefined {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.0+)?Z$/.exec(text ?? '') ?? [];
  return year && `${year}-${month}-${day}T${hour}:${minute}:${second}Z`;
}
