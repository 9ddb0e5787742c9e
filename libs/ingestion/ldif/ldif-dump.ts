/**
 * Reads a directory dump block by block. The file does not know when it was taken, so that instant comes with it. Its
 * identity is the block's lines and the instant; line ends are not part of it.
 *
 * At the end it says what the dump was: how many accounts and SPNs of each domain. It says nothing when the file breaks off
 * or a record could not be read: an account missing there is no evidence of anything. A last record is whole only when an
 * empty line follows it, as every directory tool writes one: cut off, it would seem to hold fewer SPNs.
 */
import { createHash, hash, type Hash } from 'node:crypto';
import { RAW_HEAD_BYTES, type Fact, type Line, type Reader, type Reading, type Unreadable } from '../fact.js';
import { UnreadableRecord } from '../ingestion.error.js';
import { readDirectoryObject } from './directory-object.js';
import { readLdifRecord, type NumberedLine } from './ldif-record.js';

const COMMENT = 0x23;
const SPACE = 0x20;
const DOMAINS_MAX = 1_000;
const CUT_OFF = 'no empty line follows it, so it may be cut off: end the file with one if it is whole';

type Block = {
  readonly line: number;
  readonly offset: number;
  readonly lines: NumberedLine[];
  bytes: number;
  /** Set when the block is too large to keep: hashes what comes. */
  overlong?: Hash;
};

export class LdifDump implements Reader {
  records = 0;
  unmapped = 0;
  #block: Block | undefined;
  #isComment = false;
  #isWhole = true;
  #last = { number: 0, offset: 0 };
  readonly #counts = new Map<string, { accounts: number; spns: number }>();
  readonly #identity = createHash('sha256');

  constructor(
    private readonly observedAt: string,
    private readonly recordBytesMax: number,
  ) {}

  read(line: Line): Reading[] {
    this.#last = line;
    const { bytes, overlong } = line;
    if (bytes.length === 0) return this.#finish();
    // Comments are no part of a record; they may be folded too.
    this.#isComment = bytes[0] === COMMENT || (this.#isComment && bytes[0] === SPACE);
    if (this.#isComment) return [];
    const block = (this.#block ??= { line: line.number, offset: line.offset, lines: [], bytes: 0 });
    block.bytes += (overlong?.bytes ?? bytes.length) + 1;
    if (block.overlong) block.overlong.update(overlong?.sha256 ?? bytes);
    else if (overlong || block.bytes > this.recordBytesMax) this.#drop(block, overlong?.sha256 ?? bytes);
    else block.lines.push(line);
    return [];
  }

  end(whole: boolean): Reading[] {
    const readings = this.#block ? [this.#reject(this.#block, CUT_OFF)] : [];
    if (!whole || !this.#isWhole || this.#counts.size === 0) return readings;
    const dumped = [...this.#counts].map(([domain, counts]): Fact => ({
      type: 'DirectoryDumped',
      occurredAt: this.observedAt,
      data: { domain, ...counts },
    }));
    const { number, offset } = this.#last;
    const identity = Buffer.concat([Buffer.from('dump '), this.#identity.digest()]);
    return [
      ...readings,
      { kind: 'facts', record: number + 1, offset, firstItem: 0, identity, stamp: this.observedAt, facts: dumped },
    ];
  }

  #finish(): Reading[] {
    const block = this.#block;
    this.#block = undefined;
    this.#isComment = false;
    if (!block) return [];
    try {
      if (block.overlong)
        throw new UnreadableRecord(`the record has ${block.bytes} bytes, more than ${this.recordBytesMax}`);
      return this.#object(block);
    } catch (error) {
      if (!(error instanceof UnreadableRecord)) throw error;
      return [this.#reject(block, error.message)];
    }
  }

  #reject(block: Block, reason: string): Unreadable {
    this.records++;
    this.#isWhole = false;
    return unreadable(block, reason);
  }

  #object(block: Block): Reading[] {
    const record = readLdifRecord(block.lines);
    if (record.dn === undefined && record.attributes.size === 0) return []; // only "version: 1"
    if (record.dn === undefined && !record.attributes.has('ref')) throw new UnreadableRecord('it has no "dn:" line');
    const facts = record.dn === undefined ? undefined : readDirectoryObject(record, this.observedAt);
    this.records++;
    if (!facts) {
      this.unmapped++;
      return [];
    }
    this.#count(facts);
    const identity = joined(block);
    this.#identity.update(hash('sha256', identity, 'buffer'));
    const [first] = facts;
    const place = { record: record.dnLine, offset: block.offset, firstItem: 0 };
    return [
      { kind: 'facts', ...place, identity, stamp: this.observedAt, facts, ...(first && { domain: first.data.domain }) },
    ];
  }

  #count(facts: readonly { data: { domain: string; spns: readonly string[] } }[]): void {
    const domain = facts[0]?.data.domain ?? '';
    const counts = this.#counts.get(domain) ?? { accounts: 0, spns: 0 };
    if (!this.#counts.has(domain) && this.#counts.size === DOMAINS_MAX) {
      throw new UnreadableRecord(`the dump holds accounts of more than ${DOMAINS_MAX} domains`);
    }
    counts.accounts++;
    counts.spns += facts.reduce((sum, { data }) => sum + data.spns.length, 0);
    this.#counts.set(domain, counts);
  }

  #drop(block: Block, bytes: Buffer): void {
    block.overlong = createHash('sha256').update(joined(block)).update(bytes);
    const head = Buffer.from(joined(block).subarray(0, RAW_HEAD_BYTES));
    block.lines.splice(0, block.lines.length, { number: block.line, bytes: head });
  }
}

function joined(block: Block): Buffer {
  return Buffer.concat(block.lines.flatMap(({ bytes }, index) => (index === 0 ? [bytes] : [Buffer.from('\n'), bytes])));
}

function unreadable(block: Block, reason: string): Unreadable {
  const raw = joined(block);
  const { line, offset, bytes, overlong } = block;
  const whole = overlong
    ? { bytes, sha256: overlong.digest() }
    : { bytes: raw.length, sha256: hash('sha256', raw, 'buffer') };
  return { kind: 'unreadable', line, offset, reason, head: Buffer.from(raw.subarray(0, RAW_HEAD_BYTES)), ...whole };
}
