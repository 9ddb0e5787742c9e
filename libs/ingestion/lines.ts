/**
 * Cuts a stream of chunks into lines at LF, CRLF counting as one end. Where the chunks begin and end makes no difference.
 * Memory is bounded: of a line longer than the limit only its beginning, its length and its SHA-256 are kept.
 */
import { createHash, type Hash } from 'node:crypto';
import { RAW_HEAD_BYTES, type Line } from './fact.js';

const LF = 0x0a;
const CR = 0x0d;
const UTF8_BOM = Buffer.from([0xef, 0xbb, 0xbf]);

export class LineSplitter {
  #number = 1;
  #offset = 0;
  #pieces: Buffer[] = [];
  #bytes = 0;
  #overlong: Hash | undefined;

  /** `lineBytesMax`: at least RAW_HEAD_BYTES. */
  constructor(private readonly lineBytesMax: number) {}

  /** The lines that end in this chunk. */
  push(chunk: Buffer): Line[] {
    const lines: Line[] = [];
    let start = 0;
    for (let end = chunk.indexOf(LF); end >= 0; end = chunk.indexOf(LF, start)) {
      this.#keep(chunk.subarray(start, end));
      lines.push(this.#take());
      start = end + 1;
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start));
    return lines;
  }

  /** The last line, if no line end follows it: nothing tells whether it is whole. */
  rest(): { readonly line: number; readonly offset: number; readonly bytes: number } | undefined {
    return this.#bytes === 0 ? undefined : { line: this.#number, offset: this.#offset, bytes: this.#bytes };
  }

  /** How many lines ended so far. */
  get count(): number {
    return this.#number - 1;
  }

  #keep(piece: Buffer): void {
    this.#bytes += piece.length;
    if (this.#overlong) {
      this.#overlong.update(piece);
      return;
    }
    this.#pieces.push(piece);
    if (this.#bytes <= this.lineBytesMax) return;
    const begun = Buffer.concat(this.#pieces);
    this.#overlong = createHash('sha256').update(begun);
    this.#pieces = [Buffer.from(begun.subarray(0, RAW_HEAD_BYTES))];
  }

  #take(): Line {
    const [first] = this.#pieces;
    let bytes = this.#pieces.length === 1 && first ? first : Buffer.concat(this.#pieces);
    if (!this.#overlong && bytes[bytes.length - 1] === CR) bytes = bytes.subarray(0, -1);
    if (this.#number === 1 && bytes.subarray(0, 3).equals(UTF8_BOM)) bytes = bytes.subarray(3);
    const overlong = this.#overlong && { bytes: this.#bytes, sha256: this.#overlong.digest() };
    const line = { number: this.#number, offset: this.#offset, bytes, ...(overlong && { overlong }) };
    this.#number++;
    this.#offset += this.#bytes + 1;
    this.#pieces = [];
    this.#bytes = 0;
    this.#overlong = undefined;
    return line;
  }
}
