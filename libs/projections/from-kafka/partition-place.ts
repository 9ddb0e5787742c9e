/** Rows of read.partition_checkpoint (migration 0031): how far a projection has come in each partition of the topic. */
import type { CheckpointKey } from '#event-store';
import type { Pool, PoolClient } from 'pg';

export type PartitionPlace = { readonly partition: number; readonly position: number };

/** `offset`: of the record at that position, if it came from Kafka. */
type Moved = PartitionPlace & { readonly offset?: bigint | undefined };

/** Offset to read on from in Kafka; null: from the first message. Makes the partition's row, and the projection's, if need be. */
export async function findOffset(
  pool: Pool | PoolClient,
  { name, version }: CheckpointKey,
  partition: number,
): Promise<bigint | null> {
  await pool.query(
    `INSERT INTO read.checkpoint (projection, version, position, epoch, updated_at) VALUES ($1, $2, 0, 0, now())
     ON CONFLICT DO NOTHING`,
    [name, version],
  );
  await pool.query(
    'INSERT INTO read.partition_checkpoint (projection, version, partition) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
    [name, version, partition],
  );
  const { rows } = await pool.query<{ offset: string | null }>(
    `SELECT next_offset::text AS "offset" FROM read.partition_checkpoint
      WHERE projection = $1 AND version = $2 AND partition = $3`,
    [name, version, partition],
  );
  const offset = rows[0]!.offset;
  return offset === null ? null : BigInt(offset);
}

export type HeldPlace = { readonly position: number; readonly epoch: number };

/** Places in these partitions, held against every other member until the transaction ends, and the projection's epoch. */
export async function holdPlaces(
  tx: PoolClient,
  { name, version }: CheckpointKey,
  partitions: readonly number[],
): Promise<ReadonlyMap<number, HeldPlace>> {
  const { rows } = await tx.query<HeldPlace & { readonly partition: number }>({
    name: 'read.hold_places',
    text: `SELECT p.partition, greatest(p.position, c.position) AS position, e.epoch
             FROM read.partition_checkpoint p
             JOIN read.checkpoint c USING (projection, version)
             JOIN read.partition_epoch e USING (projection, version)
            WHERE projection = $1 AND version = $2 AND partition = ANY ($3) ORDER BY p.partition FOR UPDATE OF p`,
    values: [name, version, partitions],
  });
  return new Map(rows.map(({ partition, ...place }) => [partition, place]));
}

/** Never back in position. Where one did not come from Kafka, Kafka is read on where it was. */
export async function movePlaces(
  tx: PoolClient,
  { name, version }: CheckpointKey,
  places: readonly Moved[],
): Promise<void> {
  await tx.query({
    name: 'read.move_places',
    text: `UPDATE read.partition_checkpoint p
              SET position = greatest(p.position, moved.position), next_offset = coalesce(moved.next, p.next_offset), updated_at = now()
             FROM unnest($3::integer[], $4::bigint[], $5::bigint[]) AS moved (partition, position, next)
            WHERE projection = $1 AND version = $2 AND p.partition = moved.partition`,
    values: [
      name,
      version,
      places.map(({ partition }) => partition),
      places.map(({ position }) => position),
      places.map(({ offset }) => (offset === undefined ? null : (offset + 1n).toString())),
    ],
  });
}

/** Of partitions that were read once, in their order. */
export async function readPlaces(pool: Pool | PoolClient, { name, version }: CheckpointKey): Promise<PartitionPlace[]> {
  const { rows } = await pool.query<PartitionPlace>({
    name: 'read.places',
    text: `SELECT partition, greatest(p.position, c.position) AS position
             FROM read.partition_checkpoint p JOIN read.checkpoint c USING (projection, version)
            WHERE projection = $1 AND version = $2 ORDER BY partition`,
    values: [name, version],
  });
  return rows;
}

/** The position that every partition has reached (SQL function of migration 0031), however the projection is fed. */
export async function readPosition(pool: Pool | PoolClient, { name, version }: CheckpointKey): Promise<number> {
  const { rows } = await pool.query<{ position: number }>({
    name: 'read.projection_position',
    text: 'SELECT read.projection_position($1, $2) AS position',
    values: [name, version],
  });
  return rows[0]!.position;
}

/** From here on every event up to the position counts as applied, in all partitions. */
export async function raiseBase(tx: PoolClient, { name, version }: CheckpointKey, position: number): Promise<void> {
  await tx.query(
    'UPDATE read.checkpoint SET position = $3, updated_at = now() WHERE projection = $1 AND version = $2 AND position < $3',
    [name, version, position],
  );
}

/** The relay's epoch that the places are of; null: they are of none yet. */
export async function readEpoch(
  connection: Pool | PoolClient,
  { name, version }: CheckpointKey,
): Promise<number | null> {
  const { rows } = await connection.query<{ epoch: number }>({
    name: 'read.epoch',
    text: 'SELECT epoch FROM read.partition_epoch WHERE projection = $1 AND version = $2',
    values: [name, version],
  });
  return rows[0]?.epoch ?? null;
}

/** Never back. */
export async function moveEpoch(
  connection: PoolClient,
  { name, version }: CheckpointKey,
  epoch: number,
): Promise<void> {
  await connection.query(
    `INSERT INTO read.partition_epoch AS e (projection, version, epoch) VALUES ($1, $2, $3)
     ON CONFLICT (projection, version) DO UPDATE SET epoch = greatest(e.epoch, excluded.epoch)`,
    [name, version, epoch],
  );
}
