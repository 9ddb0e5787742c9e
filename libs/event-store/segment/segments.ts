/**
 * The sealed part of the log: which segments there are (log.segment, log.archived_stream) and what is in their files. Of a
 * segment whose partition is attached a missing file is no loss, its events are in the table; of a detached one it is.
 */
import type { Pool, QueryResultRow } from 'pg';
import type { LogRecord } from '../event-decoder.js';
import { LogUnavailable } from '../event-store.error.js';
import type { LeafRecord } from '../event-store.js';
import { EventsWithheld, SegmentMissing } from './segment.error.js';
import { SegmentFile, type SegmentRow, type StreamPlace, segmentPath } from './segment-file.js';

/** `through`: everything up to there has been given, or was given up by retention. */
export type SealedPage = { readonly records: readonly LogRecord[]; readonly through: number };
export type StreamRecord = LeafRecord & { readonly version: number };

type KnownSegment = SegmentRow & { readonly detached: boolean };

const SEGMENTS_PER_QUERY = 64;
/** Records of a page of a replay: two bundles (replay.ts says why no more). */
const PAGE_SIZE = 512;

export class Segments {
  constructor(
    private readonly pool: Pool,
    /** Absent: this process has no files. */
    private readonly folder: string | undefined,
  ) {}

  /** In order, from after `after` on without a gap, as far as there are files. Throws SegmentMissing, SegmentAltered. */
  async *pages({ after, upTo }: { after: number; upTo: number }): AsyncGenerator<SealedPage> {
    for (let through = after; through < upTo;) {
      const known = await this.#known('last_position > $1 AND first_position <= $2', [through, upTo]);
      if (known.length === 0) return;
      for (const segment of known) {
        if (segment.firstPosition > through + 1 || (!segment.detached && this.folder === undefined)) return;
        const file = await this.#open(segment);
        if (!file) return;
        try {
          for await (const page of pagesOf(file, through + 1, upTo)) {
            through = page.through;
            yield page;
          }
        } finally {
          await file.close();
        }
      }
    }
  }

  /** Up to which position partitions have been detached; 0 when none has. */
  async detachedTo(): Promise<number> {
    const [row] = await this.#query<{ position: number }>(
      'detached',
      'SELECT coalesce(max(last_position), 0) AS position FROM log.event_partition WHERE detached_at IS NOT NULL',
      [],
    );
    return row!.position;
  }

  /** Of ascending positions; those given up by retention are left out. */
  async at(positions: readonly number[]): Promise<LeafRecord[]> {
    const found: LeafRecord[] = [];
    for (let n = 0; n < positions.length;) {
      const position = positions[n]!;
      const segment = await this.#segmentAt(position);
      const last = segment.firstPosition + segment.events - 1;
      const here = positions.slice(n).filter((other) => other <= last);
      const records = await this.#with(segment, (file) => file.at(here));
      for (const { body, ...record } of records) if (body !== null) found.push({ ...record, body });
      n += here.length;
    }
    return found;
  }

  /**
   * Events `from` <= version < `before` of one stream that are in detached partitions, at most `limit`. Throws EventsWithheld when
   * one of them was given up, SegmentMissing, SegmentAltered.
   */
  ofStream(stream: string, from: number, before: number, limit: number): Promise<StreamRecord[]> {
    return this.#ofStream(stream, { from, before, limit }, (file, places) => streamRecords(file, stream, places));
  }

  /** Where these events are, also those that were given up. Throws SegmentMissing, SegmentAltered. */
  positionsOf(stream: string, before: number, limit: number): Promise<number[]> {
    return this.#ofStream(stream, { from: 1, before, limit }, async (_, places) =>
      places.map(({ position }) => position),
    );
  }

  async #ofStream<T>(
    stream: string,
    { from, before, limit }: { from: number; before: number; limit: number },
    read: (file: SegmentFile, places: readonly StreamPlace[]) => Promise<T[]>,
  ): Promise<T[]> {
    const parts = await this.#query<{ segment: number }>(
      'archived_stream',
      `SELECT segment FROM log.archived_stream WHERE stream = $1 AND last_version >= $2 AND first_version < $3 ORDER BY segment`,
      [stream, from, before],
    );
    const found: T[] = [];
    for (const { segment } of parts) {
      if (found.length >= limit) break;
      const known = await this.#segmentAt(segment);
      const here = await this.#with(known, async (file) => {
        const places = await file.placesOf(stream);
        const wanted = places.filter(({ version }) => version >= from && version < before);
        return read(file, wanted.slice(0, limit - found.length));
      });
      found.push(...here);
    }
    return found;
  }

  async #segmentAt(position: number): Promise<KnownSegment> {
    const [segment] = await this.#known('$1 BETWEEN first_position AND last_position', [position]);
    if (!segment) throw new SegmentMissing(`the event at position ${position}`, null);
    return segment;
  }

  async #with<T>(segment: KnownSegment, read: (file: SegmentFile) => Promise<T>): Promise<T> {
    const file = await this.#open(segment);
    if (!file) throw new SegmentMissing(`the event at position ${segment.firstPosition}`, this.#path(segment));
    return read(file).finally(() => file.close());
  }

  /** Null: not here, and not needed. Retention may replace a file between the look-up and the opening. */
  async #open(segment: KnownSegment): Promise<SegmentFile | null> {
    try {
      return await SegmentFile.open(this.#path(segment), segment);
    } catch (error) {
      if (!(error instanceof SegmentMissing)) throw error;
      const now = await this.#segmentAt(segment.firstPosition);
      if (now.generation !== segment.generation) return SegmentFile.open(this.#path(now), now);
      if (now.detached) throw error;
      return null;
    }
  }

  #path({ firstPosition, generation }: KnownSegment): string {
    if (this.folder === undefined)
      throw new SegmentMissing(`the event at position ${firstPosition}`, segmentPath('', firstPosition, 1));
    return segmentPath(this.folder, firstPosition, generation);
  }

  #known(condition: string, values: unknown[]): Promise<KnownSegment[]> {
    return this.#query<KnownSegment>(
      `segments ${condition}`,
      `SELECT first_position AS "firstPosition", generation, events, bytes, digest, root, detached
         FROM (SELECT DISTINCT ON (s.first_position) s.*, s.first_position + s.events - 1 AS last_position,
                      p.detached_at IS NOT NULL AS detached
                 FROM log.segment s JOIN log.event_partition p ON s.first_position BETWEEN p.first_position AND p.last_position
                ORDER BY s.first_position, s.generation DESC) AS newest
        WHERE ${condition} ORDER BY first_position LIMIT ${SEGMENTS_PER_QUERY}`,
      values,
    );
  }

  async #query<Row extends QueryResultRow>(name: string, text: string, values: unknown[]): Promise<Row[]> {
    try {
      return (await this.pool.query<Row>({ name: `log.${name}`, text, values })).rows;
    } catch (cause) {
      throw new LogUnavailable('read', cause);
    }
  }
}

async function* pagesOf(file: SegmentFile, from: number, upTo: number): AsyncGenerator<SealedPage> {
  let records: LogRecord[] = [];
  let through = from - 1;
  for await (const bundle of file.records(from)) {
    for (const { position, body } of bundle) {
      if (position > upTo) break;
      if (body !== null) records.push({ position, body });
      through = position;
    }
    if (through >= upTo) break;
    if (records.length < PAGE_SIZE) continue;
    yield { records, through };
    records = [];
  }
  yield { records, through };
}

async function streamRecords(
  file: SegmentFile,
  stream: string,
  places: readonly StreamPlace[],
): Promise<StreamRecord[]> {
  const withheld = places.find(({ length }) => length === 0);
  if (withheld) throw new EventsWithheld(stream, withheld.version, withheld.position);
  const records: StreamRecord[] = [];
  for (const place of places) records.push({ ...(await file.bodyAt(place)), version: place.version });
  return records;
}
