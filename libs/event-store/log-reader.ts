/**
 * The log as records, wherever they are: in the table (prisma/migrations/0002_event_log) or, of partitions that were detached, in
 * sealed segments (segment/). Positions and versions are dense, so what the table no longer has shows as a gap before what
 * it gives: the ordinary read asks nothing about segments.
 */
import type { Pool, QueryResultRow } from 'pg';
import { Batch } from './batch.js';
import type { LogRecord } from './event-decoder.js';
import { LogUnavailable } from './event-store.error.js';
import type { LeafRecord, LogRange } from './event-store.js';
import { readTable } from './replay.js';
import { SegmentMissing } from './segment/segment.error.js';
import { Segments, type StreamRecord } from './segment/segments.js';

const POSITIONS_MAX = 10_000;
const STREAMS_PER_QUERY = 100;

type StreamQuestion = { readonly stream: string; readonly fromVersion: number; readonly limit: number };
type StreamRow = { readonly n: number; readonly head: number } & {
  [Field in keyof StreamRecord]: StreamRecord[Field] | null;
};

export class LogReader {
  readonly #segments: Segments;
  readonly #streams = new Batch((asked: readonly StreamQuestion[]) => this.#readStreams(asked), STREAMS_PER_QUERY);

  constructor(
    private readonly pool: Pool,
    segmentsFolder: string | undefined,
  ) {
    this.#segments = new Segments(pool, segmentsFolder);
  }

  async head(): Promise<number> {
    const [row] = await this.#read<{ size: number }>('head', 'SELECT size FROM log.log_head', []);
    return row!.size;
  }

  /** In order, without a gap but what retention gave up: sealed segments, then the table, as often as it takes. */
  async *records({ after, upTo = Number.MAX_SAFE_INTEGER }: LogRange): AsyncGenerator<readonly LogRecord[]> {
    const end = Math.min(upTo, await this.head());
    for (let through = after; through < end;) {
      const from = through;
      for await (const page of this.#segments.pages({ after: through, upTo: end })) {
        through = page.through;
        if (page.records.length > 0) yield page.records;
      }
      if (through >= end) return;
      for await (const page of readTable(this.pool, { after: through, upTo: end })) {
        through = page.at(-1)!.position;
        yield page;
      }
      if (through === from) throw new SegmentMissing(`the event at position ${through + 1}`, null);
    }
  }

  /** At most `limit` with `after` < position <= `upTo`. What somebody put behind the head is no event of the log. */
  async page({ after, limit, upTo }: { after: number; limit: number; upTo: number }): Promise<LogRecord[]> {
    const rows = await this.#read<LogRecord>(
      'all',
      `SELECT position, body FROM log.event_log
        WHERE position > $1 AND position <= least($2, (SELECT size FROM log.log_head)) ORDER BY position LIMIT $3`,
      [after, upTo, limit],
    );
    if (rows[0]?.position === after + 1) return rows;
    const detachedTo = await this.#segments.detachedTo();
    if (after >= detachedTo) return rows;
    const records: LogRecord[] = [];
    for await (const sealed of this.#segments.pages({ after, upTo: Math.min(upTo, detachedTo) })) {
      records.push(...sealed.records.slice(0, limit - records.length));
      if (records.length === limit) return records;
    }
    return [...records, ...(await this.page({ after: detachedTo, limit: limit - records.length, upTo }))];
  }

  /** Ascending, each once. Throws RangeError for more than 10,000. */
  async at(positions: readonly number[]): Promise<LeafRecord[]> {
    if (positions.length > POSITIONS_MAX)
      throw new RangeError(`${positions.length} positions, at most ${POSITIONS_MAX}`);
    const rows = await this.#read<LeafRecord>(
      'at',
      `SELECT position, body, leaf
         FROM (SELECT DISTINCT unnest($1::bigint[]) AS asked) AS at,
              LATERAL (SELECT position, body, encode(leaf, 'hex') AS leaf FROM log.event_log e
                        WHERE e.position = at.asked LIMIT 1) AS event
        ORDER BY position`,
      [positions],
    );
    const found = new Set(rows.map(({ position }) => position));
    const others = [...new Set(positions)].filter((position) => position > 0 && !found.has(position));
    if (others.length === 0) return rows;
    const detachedTo = await this.#segments.detachedTo();
    const archived = others.filter((position) => position <= detachedTo).toSorted((a, b) => a - b);
    return [...(await this.#segments.at(archived)), ...rows];
  }

  /**
   * Events of one stream from a version on, in order; one more than `limit` where there are more. Throws what `Segments.ofStream`
   * throws.
   */
  async stream(question: StreamQuestion): Promise<StreamRecord[]> {
    const { stream, fromVersion, limit } = question;
    const { head, rows } = await this.#streams.ask(question);
    const before = rows[0]?.version ?? head + 1;
    if (before <= fromVersion || fromVersion > head) return rows;
    const archived = await this.#segments.ofStream(stream, fromVersion, before, limit + 1);
    if (archived.length < Math.min(before - fromVersion, limit + 1)) {
      throw new SegmentMissing(`version ${fromVersion + archived.length} of ${stream}`, null);
    }
    return [...archived, ...rows].slice(0, limit + 1);
  }

  /** Where the events of a stream are, in order, at most `limit`; also those that retention gave up. */
  async positions(stream: string, limit: number): Promise<number[]> {
    const { head, rows } = await this.#streams.ask({ stream, fromVersion: 1, limit });
    const before = rows[0]?.version ?? head + 1;
    const archived = before > 1 ? await this.#segments.positionsOf(stream, before, limit) : [];
    if (archived.length < Math.min(before - 1, limit)) {
      throw new SegmentMissing(`version ${archived.length + 1} of ${stream}`, null);
    }
    return [...archived, ...rows.map(({ position }) => position)].slice(0, limit);
  }

  async #readStreams(asked: readonly StreamQuestion[]): Promise<{ head: number; rows: StreamRecord[] }[]> {
    const rows = await this.#read<StreamRow>('streams', 'SELECT * FROM log.read_streams($1, $2, $3)', [
      asked.map(({ stream }) => stream),
      asked.map(({ fromVersion }) => fromVersion),
      asked.map(({ limit }) => limit + 1),
    ]);
    const streams = asked.map(() => ({ head: 0, rows: [] as StreamRecord[] }));
    for (const { n, head, position, body, version, leaf } of rows) {
      const stream = streams[n - 1]!;
      stream.head = head;
      if (position !== null) stream.rows.push({ position, body: body!, version: version!, leaf: leaf! });
    }
    for (const stream of streams) stream.rows.sort((a, b) => a.version - b.version);
    return streams;
  }

  async #read<Row extends QueryResultRow>(name: string, text: string, values: unknown[]): Promise<Row[]> {
    try {
      return (await this.pool.query<Row>({ name: `log.${name}`, text, values })).rows;
    } catch (cause) {
      throw new LogUnavailable('read', cause);
    }
  }
}
