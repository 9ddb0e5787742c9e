-- How far a projection that is fed from Kafka has come in each partition. Moves in the transaction that holds the projection's
-- rows. Events up to read.checkpoint.position are applied whatever stands here: the place is the larger of the two.
SET LOCAL ROLE kerbtrail_app;

CREATE TABLE read.partition_checkpoint (
  projection text NOT NULL,
  version integer NOT NULL,
  partition integer NOT NULL CHECK (partition >= 0),
  -- Every event of this partition (of the relay's epoch at that time) up to here is applied.
  position bigint NOT NULL DEFAULT 0,
  -- Where to read on in Kafka; null: from the first message that is there.
  next_offset bigint,
  updated_at timestamptz(6) NOT NULL DEFAULT now(),
  CONSTRAINT partition_checkpoint_pkey PRIMARY KEY (projection, version, partition)
);

-- The relay's epoch that the places of a projection are of: streams lie in partitions as that epoch has spread them.
CREATE TABLE read.partition_epoch (
  projection text NOT NULL,
  version integer NOT NULL,
  epoch integer NOT NULL,
  CONSTRAINT partition_epoch_pkey PRIMARY KEY (projection, version)
);

-- The position that a projection has reached, however it is fed: every event up to there is applied. A partition that has
-- all that the relay published to it is as far as the relay, or as the end of the relay's epoch.
CREATE FUNCTION read.projection_position(of_projection text, of_version integer) RETURNS bigint
LANGUAGE sql STABLE
AS $$
  WITH base AS (
    SELECT coalesce(max(position), 0) AS position FROM read.checkpoint
     WHERE projection = of_projection AND version = of_version
  ), epoch AS (
    SELECT e.epoch, e.partitions,
           (SELECT min(later.after_position) FROM relay.epoch later WHERE later.epoch > e.epoch) AS ended_at
      FROM relay.epoch e, base
     WHERE e.epoch = (SELECT p.epoch FROM read.partition_epoch p
                       WHERE p.projection = of_projection AND p.version = of_version)
        OR (e.after_position <= base.position
            AND NOT EXISTS (SELECT FROM read.partition_epoch p
                             WHERE p.projection = of_projection AND p.version = of_version))
     ORDER BY e.epoch DESC LIMIT 1
  ), reached AS (
    SELECT CASE
             WHEN greatest(coalesce(c.position, 0), base.position) >= coalesce(t.position, 0)
             THEN coalesce(epoch.ended_at, relayed.position, 0)
             ELSE greatest(coalesce(c.position, 0), base.position)
           END AS position
      FROM base, epoch
     CROSS JOIN LATERAL generate_series(0, epoch.partitions - 1) AS p (partition)
      LEFT JOIN relay.partition_tail t ON t.epoch = epoch.epoch AND t.partition = p.partition
      LEFT JOIN read.partition_checkpoint c
        ON c.projection = of_projection AND c.version = of_version AND c.partition = p.partition
      LEFT JOIN read.checkpoint relayed ON relayed.projection = 'relay'
  )
  SELECT greatest((SELECT position FROM base), (SELECT min(position) FROM reached))
$$;

RESET ROLE;
