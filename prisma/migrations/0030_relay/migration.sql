-- How far the relay has published, per partition of the topic: what the `previous` header of the next message there says.
-- Another number of partitions spreads streams anew, so it begins an epoch with whose chains go on where a partition was there before.
CREATE SCHEMA relay;
GRANT USAGE ON SCHEMA relay TO kerbtrail_app;

CREATE TABLE relay.epoch (
  epoch integer PRIMARY KEY,
  topic text NOT NULL,
  partitions integer NOT NULL CHECK (partitions > 0),
  -- Events after this position were published in this epoch, until the next one began.
  after_position bigint NOT NULL,
  began_at timestamptz(6) NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE relay.partition_tail (
  epoch integer NOT NULL REFERENCES relay.epoch,
  partition integer NOT NULL,
  position bigint NOT NULL,
  CONSTRAINT partition_tail_pkey PRIMARY KEY (epoch, partition)
);

GRANT SELECT, INSERT ON relay.epoch TO kerbtrail_app;
GRANT SELECT, INSERT, UPDATE ON relay.partition_tail TO kerbtrail_app;
