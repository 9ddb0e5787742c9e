-- Dead letters (libs/operations/dead-letter): an event that a projection cannot take, a raw record that no parser takes. A
-- letter says where it lies and why, never what is in it. What operators decide about one is an event of the log; this
-- table tells the processes that wait for the decision.
CREATE SCHEMA delivery;
GRANT USAGE ON SCHEMA delivery TO kerbtrail_app;

CREATE TABLE delivery.dead_letter (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  kind text NOT NULL CHECK (kind IN ('event', 'raw')),
  -- Of an event: it lies in the log.
  projection text COLLATE "C",
  projection_version integer,
  position bigint,
  -- Of a raw record: it lies in Kafka.
  topic text COLLATE "C",
  partition integer,
  "offset" bigint,
  code text NOT NULL CHECK (char_length(code) BETWEEN 1 AND 64),
  reason text NOT NULL CHECK (char_length(reason) <= 2000),
  opened_at timestamptz(6) NOT NULL DEFAULT clock_timestamp(),
  tries integer NOT NULL DEFAULT 1,
  status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'retry', 'skipped', 'done')),
  CONSTRAINT dead_letter_pkey PRIMARY KEY (id),
  CONSTRAINT dead_letter_place CHECK (CASE kind
    WHEN 'event' THEN num_nonnulls(projection, projection_version, position) = 3 AND num_nonnulls(topic, partition, "offset") = 0
    ELSE num_nonnulls(topic, partition, "offset") = 3 AND num_nonnulls(projection, projection_version, position) = 0
  END),
  CONSTRAINT dead_letter_raw_stays CHECK (kind = 'event' OR status <> 'skipped')
);

-- One letter of a place, until it is done: a place that was skipped stays skipped.
CREATE UNIQUE INDEX dead_letter_place_key
  ON delivery.dead_letter (projection, projection_version, position, topic, partition, "offset")
  NULLS NOT DISTINCT WHERE status <> 'done';
CREATE INDEX dead_letter_opened_at_idx ON delivery.dead_letter (opened_at, id);
CREATE INDEX dead_letter_retry_idx ON delivery.dead_letter (topic, opened_at) WHERE status = 'retry';

GRANT SELECT, INSERT, UPDATE ON delivery.dead_letter TO kerbtrail_app;
