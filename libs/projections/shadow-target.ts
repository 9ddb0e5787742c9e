/**
 * Where a projection's `build` puts its rows: tables of schema `read_next`, filled by COPY while they have no index. Rows are
 * gathered to pieces of a bounded size; while PostgreSQL takes one in, the next is made.
 */
import { finished } from 'node:stream/promises';
import type { Pool, PoolClient, QueryResult, QueryResultRow } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import type { Row } from './bulk-rows.js';
import { columnList, copyColumns } from './copy-columns.js';
import { copyText, type CopyColumn } from './copy-text.js';
import type { BuildTarget } from './projection.js';
import { finishTable } from './shadow-tables.js';

const PIECE_BYTES = 512 * 1024;
const ROWS_PER_READ = 2_000;

type Piece = { readonly columns: readonly CopyColumn[]; bytes: number; chunks: Buffer[] };

export class ShadowTarget implements BuildTarget {
  readonly #pieces = new Map<string, Piece>();
  /** Emptied in the transaction that is open. */
  readonly #begun = new Set<string>();
  readonly #finished = new Set<string>();
  #copying: Promise<void> = Promise.resolve();

  /** `client` is this target's own until the rebuild ends. */
  constructor(
    private readonly client: PoolClient,
    private readonly pool: Pool,
    private readonly tables: readonly string[],
  ) {}

  async write(table: string, rows: readonly Row[]): Promise<void> {
    if (rows.length === 0) return;
    const piece = this.#pieces.get(table) ?? (await this.#newPiece(table));
    this.#pieces.set(table, piece);
    const chunk = Buffer.from(copyText(piece.columns, rows));
    piece.bytes += chunk.length;
    piece.chunks.push(chunk);
    if (piece.bytes >= PIECE_BYTES) await this.#send(table, piece);
  }

  async finish(...tables: readonly string[]): Promise<void> {
    for (const [table, piece] of this.#pieces) await this.#send(table, piece);
    await this.#copying;
    if (this.#begun.size > 0) await this.client.query('COMMIT');
    this.#begun.clear();
    for (const table of tables) {
      await finishTable(this.pool, table);
      this.#finished.add(table);
    }
  }

  /** Every table that `build` has not finished itself. */
  async finishAll(): Promise<void> {
    await this.finish(...this.tables.filter((table) => !this.#finished.has(table)));
  }

  async *read<R extends QueryResultRow>(select: string, values: readonly unknown[] = []): AsyncGenerator<R[]> {
    const client = await this.pool.connect();
    try {
      await client.query(`BEGIN; SET LOCAL search_path TO read_next; SET LOCAL statement_timeout = 0;
        SET LOCAL work_mem = '128MB'; SET LOCAL cursor_tuple_fraction = 1`);
      await client.query(`DECLARE rows NO SCROLL CURSOR FOR ${select}`, [...values]);
      const fetch = (): Promise<QueryResult<R>> => client.query<R>(`FETCH ${ROWS_PER_READ} FROM rows`);
      for (let next = fetch(); ;) {
        const { rows } = await next;
        if (rows.length === 0) return;
        next = fetch();
        next.catch(() => undefined); // whoever awaits it next is told
        yield rows;
      }
    } finally {
      client.release(true);
    }
  }

  async #newPiece(table: string): Promise<Piece> {
    await this.#copying;
    return { columns: await copyColumns(this.client, `read_next.${table}`), bytes: 0, chunks: [] };
  }

  /** Frozen rows are never visited again to be marked as committed: they come in before anybody can see the table. */
  async #send(table: string, piece: Piece): Promise<void> {
    await this.#copying;
    const { chunks } = piece;
    if (chunks.length === 0) return;
    [piece.bytes, piece.chunks] = [0, []];
    if (this.#begun.size === 0) await this.client.query('BEGIN');
    if (!this.#begun.has(table)) await this.client.query(`TRUNCATE read_next.${table}`);
    this.#begun.add(table);
    const copy = this.client.query(
      copyFrom(`COPY read_next.${table} (${columnList(piece.columns)}) FROM STDIN (FREEZE)`),
    );
    for (const chunk of chunks) copy.write(chunk);
    copy.end();
    this.#copying = finished(copy);
    this.#copying.catch(() => undefined); // whoever awaits it next is told
  }
}
