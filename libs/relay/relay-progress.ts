/** How far the relays of a log have come, whichever process is the active one. */
import type { Pool } from 'pg';

export type RelayProgress = {
  /** Of the last event that is in the topic for certain. */
  readonly position: number;
  /** Events of the log that are not. */
  readonly lag: number;
  /** Since the first of them was recorded; absent when it is no longer in the table (docs/archive.md). */
  readonly lagSeconds?: number;
};

type Row = { readonly position: number; readonly lag: number; readonly seconds: number | null };

export async function relayProgress(pool: Pool): Promise<RelayProgress> {
  const { rows } = await pool.query<Row>({
    name: 'relay.progress',
    text: `SELECT at.position, head.size - at.position AS lag,
                  CASE WHEN head.size = at.position THEN 0
                       ELSE (SELECT extract(epoch FROM clock_timestamp() - waiting.recorded_at)::double precision
                               FROM log.event_log waiting WHERE waiting.position = at.position + 1) END AS seconds
             FROM log.log_head head,
                  (SELECT coalesce(max(position), 0) AS position FROM read.checkpoint WHERE projection = 'relay') at`,
  });
  const { position, lag, seconds } = rows[0]!;
  return { position, lag, ...(seconds !== null && { lagSeconds: seconds }) };
}

/** Position of the last event that was published to each partition. */
export async function publishedTails(pool: Pool): Promise<ReadonlyMap<number, number>> {
  const { rows } = await pool.query<{ partition: number; position: number }>({
    name: 'relay.published_tails',
    text: 'SELECT partition, position FROM relay.partition_tail WHERE epoch = (SELECT max(epoch) FROM relay.epoch)',
  });
  return new Map(rows.map(({ partition, position }) => [partition, position]));
}
