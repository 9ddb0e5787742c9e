/**
 * Rows (position, body) as PostgreSQL's COPY … TO STDOUT (FORMAT binary) sends them, read in pages. Binary, because the body
 * then travels as it is: in the text format the server looks at every byte for what to escape, which costs it as much as
 * all the rest (docs/decisions/0007). Each row comes in a CopyData message of its own:
 *
 *   first message: 11 bytes signature, int32 flags, int32 length of extension (0)       19 bytes before its row
 *   row:           int16 fields (2), int32 8, int64 position, int32 length, body in UTF-8
 *   last message:  int16 -1
 */
import type { Connection, Submittable } from 'pg';
import type { LogRecord } from './event-decoder.js';

const HEADER_BYTES = 19;
const FIELDS_END = -1;
const POSITION_AT = 6;
const BODY_AT = 18;
const TWO_TO_32 = 2 ** 32;

/** Read ahead of the consumer by at most this much; then the socket is left alone until it has taken some. */
const AHEAD_BYTES_MAX = 4 * 1024 * 1024;

/** Give it to `client.query`, then read `pages()` once. The statement's rows must be (bigint, text), none of them null. */
export class CopyRecords implements Submittable {
  #connection: Connection | undefined;
  #page: LogRecord[] = [];
  #pageBytes = 0;
  readonly #full: { readonly records: LogRecord[]; readonly bytes: number }[] = [];
  #bytesAhead = 0;
  #begun = false;
  #ended = false;
  #failure: unknown;
  #wakeUp: () => void = () => {};

  constructor(
    private readonly statement: string,
    private readonly pageSize: number,
  ) {}

  /** Pages of at most `pageSize` records. Throws what the server or the connection answered. */
  async *pages(): AsyncGenerator<readonly LogRecord[]> {
    for (;;) {
      const page = this.#full.shift();
      if (page) {
        this.#bytesAhead -= page.bytes;
        if (this.#bytesAhead < AHEAD_BYTES_MAX) this.#connection?.stream.resume();
        yield page.records;
      } else if (this.#failure !== undefined) {
        throw this.#failure;
      } else if (this.#ended) {
        return;
      } else {
        await new Promise<void>((resolve) => (this.#wakeUp = resolve));
      }
    }
  }

  submit(connection: Connection): void {
    this.#connection = connection;
    connection.query(this.statement);
  }

  handleCopyData({ chunk }: { readonly chunk: Buffer }): void {
    const at = this.#begun ? 0 : HEADER_BYTES;
    this.#begun = true;
    if (chunk.readInt16BE(at) === FIELDS_END) return;
    const position = chunk.readUInt32BE(at + POSITION_AT) * TWO_TO_32 + chunk.readUInt32BE(at + POSITION_AT + 4);
    this.#page.push({ position, body: chunk.toString('utf8', at + BODY_AT) });
    this.#pageBytes += chunk.length;
    this.#bytesAhead += chunk.length;
    if (this.#page.length === this.pageSize) this.#finishPage();
    if (this.#bytesAhead >= AHEAD_BYTES_MAX) this.#hold();
  }

  handleCommandComplete(): void {}

  handleReadyForQuery(): void {
    if (this.#page.length > 0) this.#finishPage();
    this.#ended = true;
    this.#wakeUp();
  }

  handleError(error: unknown): void {
    this.#failure = error;
    this.#connection?.stream.resume();
    this.#wakeUp();
  }

  /** Large bodies fill the allowance before they fill a page. */
  #hold(): void {
    if (this.#full.length === 0) this.#finishPage();
    this.#connection?.stream.pause();
  }

  #finishPage(): void {
    this.#full.push({ records: this.#page, bytes: this.#pageBytes });
    this.#page = [];
    this.#pageBytes = 0;
    this.#wakeUp();
  }
}
