/**
 * The part of DER (ITU-T X.690) that our messages need: a cursor that reads and functions that write.
 * Strict: one-byte tags, definite lengths in their shortest form, shortest integers. Bounded: input size, nesting depth,
 * integers of 32 bits. Whatever is wrong is a DerError with the offset from the outermost byte.
 */
import { DerError } from './kerberos.error.js';

const INPUT_BYTES_MAX = 1_048_576;
const DEPTH_MAX = 16;
/** Four length octets reach past the input bound; more are refused before they are folded. */
const LENGTH_OCTETS_MAX = 4;
const INTEGER_OCTETS_MAX = 4;

const TAG = { integer: 0x02, octetString: 0x04, utf8String: 0x0c, generalizedTime: 0x18, sequence: 0x30 } as const;
const CONTEXT_CONSTRUCTED = 0xa0;

/** Reads values from left to right. Nested values are readers of their own that know their place in the whole. */
export class DerReader {
  private position = 0;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly base = 0,
    private readonly depth = 0,
  ) {
    if (bytes.length > INPUT_BYTES_MAX)
      throw new DerError('KRB_DER_TOO_LONG', base, `More than ${INPUT_BYTES_MAX} bytes of DER`);
    if (depth > DEPTH_MAX) throw new DerError('KRB_DER_TOO_DEEP', base, `DER nested more than ${DEPTH_MAX} deep`);
  }

  sequence(): DerReader {
    return this.nested(TAG.sequence);
  }

  /** The explicitly tagged field [number]. */
  field(number: number): DerReader {
    return this.nested(CONTEXT_CONSTRUCTED + number);
  }

  optionalField(number: number): DerReader | undefined {
    return this.bytes[this.position] === CONTEXT_CONSTRUCTED + number ? this.field(number) : undefined;
  }

  integer(): number {
    const { content, at } = this.value(TAG.integer);
    const [first = 0, second = 0] = content;
    const isPadded = content.length > 1 && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80));
    if (content.length === 0 || content.length > INTEGER_OCTETS_MAX || isPadded) {
      throw new DerError('KRB_DER_VALUE', at, 'An INTEGER that is not the shortest form of a 32-bit number');
    }
    return Buffer.from(content).readIntBE(0, content.length);
  }

  octetString(): Buffer {
    return Buffer.from(this.value(TAG.octetString).content);
  }

  utf8String(): string {
    const { content, at } = this.value(TAG.utf8String);
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
    } catch {
      throw new DerError('KRB_DER_VALUE', at, 'A UTF8String that is not UTF-8');
    }
  }

  /** The text of a GeneralizedTime, unread; its offset goes to whoever reads it. */
  generalizedTime(): { readonly text: string; readonly at: number } {
    const { content, at } = this.value(TAG.generalizedTime);
    return { text: Buffer.from(content).toString('latin1'), at };
  }

  /** Nothing may follow. */
  end(): void {
    if (this.position < this.bytes.length) {
      throw new DerError('KRB_DER_TRAILING', this.base + this.position, 'Bytes after the last expected value');
    }
  }

  private nested(tag: number): DerReader {
    const { content, at } = this.value(tag);
    return new DerReader(content, at, this.depth + 1);
  }

  private value(tag: number): { readonly content: Uint8Array; readonly at: number } {
    const found = this.octet();
    if (found !== tag) {
      throw new DerError(
        'KRB_DER_TAG',
        this.base + this.position - 1,
        `Tag 0x${hex(found)} where 0x${hex(tag)} belongs`,
      );
    }
    const length = this.length();
    const start = this.position;
    if (length > this.bytes.length - start) {
      throw new DerError(
        'KRB_DER_TRUNCATED',
        this.base + start,
        `A value of ${length} bytes of which ${this.bytes.length - start} are there`,
      );
    }
    this.position += length;
    return { content: this.bytes.subarray(start, this.position), at: this.base + start };
  }

  private length(): number {
    const at = this.base + this.position;
    const first = this.octet();
    if (first < 0x80) return first;
    const octets = first & 0x7f;
    if (octets === 0 || octets > LENGTH_OCTETS_MAX) {
      throw new DerError('KRB_DER_LENGTH', at, 'A length that is indefinite or over four octets');
    }
    let length = 0;
    for (let read = 0; read < octets; read += 1) length = length * 0x100 + this.octet();
    if (length < 0x80 || length < 0x100 ** (octets - 1)) {
      throw new DerError('KRB_DER_LENGTH', at, 'A length that is not in its shortest form');
    }
    return length;
  }

  private octet(): number {
    const octet = this.bytes[this.position];
    if (octet === undefined)
      throw new DerError('KRB_DER_TRUNCATED', this.base + this.position, 'The bytes end inside a value');
    this.position += 1;
    return octet;
  }
}

export const der = {
  sequence: (...values: readonly Uint8Array[]): Buffer => tagged(TAG.sequence, Buffer.concat(values)),
  field: (number: number, value: Uint8Array): Buffer => tagged(CONTEXT_CONSTRUCTED + number, value),
  octetString: (value: Uint8Array): Buffer => tagged(TAG.octetString, value),
  utf8String: (value: string): Buffer => tagged(TAG.utf8String, Buffer.from(value)),
  generalizedTime: (value: string): Buffer => tagged(TAG.generalizedTime, Buffer.from(value, 'latin1')),
  /** A signed 32-bit number. */
  integer: (value: number): Buffer => {
    const content = Buffer.alloc(INTEGER_OCTETS_MAX);
    content.writeInt32BE(value);
    let start = 0;
    while (start < INTEGER_OCTETS_MAX - 1 && content.readInt16BE(start) >= -0x80 && content.readInt16BE(start) < 0x80)
      start += 1;
    return tagged(TAG.integer, content.subarray(start));
  },
};

function tagged(tag: number, content: Uint8Array): Buffer {
  if (content.length < 0x80) return Buffer.concat([Buffer.from([tag, content.length]), content]);
  const length = Buffer.alloc(LENGTH_OCTETS_MAX);
  length.writeUInt32BE(content.length);
  const shortest = length.subarray(length.findIndex((octet) => octet !== 0));
  return Buffer.concat([Buffer.from([tag, 0x80 + shortest.length]), shortest, content]);
}

function hex(octet: number): string {
  return octet.toString(16).padStart(2, '0');
}
