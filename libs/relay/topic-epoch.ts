/** The chains of positions that the relay has published (migration 0030_relay). */
import type { Pool, PoolClient } from 'pg';

export type TopicEpoch = { readonly epoch: number; readonly topic: string; readonly partitions: number };

/** Its events come after a position, in so many partitions. */
export type RelayEpoch = { readonly epoch: number; readonly partitions: number; readonly after: number };

/** All of them, in order: as many as the topic had other numbers of partitions. */
export async function readEpochs(connection: Pool | PoolClient): Promise<RelayEpoch[]> {
  const { rows } = await connection.query<RelayEpoch>({
    name: 'relay.epochs',
    text: 'SELECT epoch, partitions, after_position AS after FROM relay.epoch ORDER BY epoch',
  });
  return rows;
}

/**
 * The newest epoch, when it is of this topic with this many partitions; else a new one, from `after` on. The chains of a topic's
 * partitions go on in it: a topic that was deleted, and made again with more partitions or fewer, so tells what it lacks.
 */
export async function currentEpoch(
  tx: PoolClient,
  topic: string,
  partitions: number,
  after: number,
): Promise<TopicEpoch> {
  const { rows } = await tx.query<TopicEpoch>(
    'SELECT epoch, topic, partitions FROM relay.epoch ORDER BY epoch DESC LIMIT 1',
  );
  const newest = rows[0];
  if (newest?.topic === topic && newest.partitions === partitions) return newest;
  const epoch = (newest?.epoch ?? 0) + 1;
  await tx.query('INSERT INTO relay.epoch (epoch, topic, partitions, after_position) VALUES ($1, $2, $3, $4)', [
    epoch,
    topic,
    partitions,
    after,
  ]);
  if (newest?.topic === topic) {
    await tx.query(
      `INSERT INTO relay.partition_tail (epoch, partition, position)
       SELECT $1, partition, position FROM relay.partition_tail WHERE epoch = $2 AND partition < $3`,
      [epoch, newest.epoch, partitions],
    );
  }
  return { epoch, topic, partitions };
}

/** Position of the last event published in each partition. */
export async function readTails(tx: Pool | PoolClient, epoch: number): Promise<Map<number, number>> {
  const { rows } = await tx.query<{ partition: number; position: number }>({
    name: 'relay.tails',
    text: 'SELECT partition, position FROM relay.partition_tail WHERE epoch = $1',
    values: [epoch],
  });
  return new Map(rows.map(({ partition, position }) => [partition, position]));
}

export async function writeTails(tx: PoolClient, epoch: number, tails: ReadonlyMap<number, number>): Promise<void> {
  await tx.query({
    name: 'relay.write_tails',
    text: `INSERT INTO relay.partition_tail AS t (epoch, partition, position)
           SELECT $1, * FROM unnest($2::integer[], $3::bigint[])
           ON CONFLICT (epoch, partition) DO UPDATE SET position = excluded.position`,
    values: [epoch, [...tails.keys()], [...tails.values()]],
  });
}
