-- Sealed segments and detached partitions (event-store design §5.1, §5.3; docs/archive.md). A segment is a file of events
-- that are final; a partition whose segments are all sealed and covered by a signed checkpoint can be taken out of the
-- database. Versions and receipts (stream_head, append_receipt) stay here for ever.

-- Events per segment: 65,536 = 256 x 256 leaves. A power of two, at least 256, that divides the partition's size. A function, so
-- that a test can lower it.
CREATE FUNCTION log.segment_size() RETURNS integer LANGUAGE sql IMMUTABLE RETURN 65536;

-- What a segment's file must be. `digest` = SHA-256 of the file, `root` = the RFC 6962 hash over its leaves. Retention writes
-- a file without some bodies: the next generation, with the same root. The highest generation is the one to read.
CREATE TABLE log.segment (
  first_position bigint NOT NULL,
  generation smallint NOT NULL DEFAULT 1,
  events integer NOT NULL,
  bytes bigint NOT NULL,
  digest bytea NOT NULL CHECK (length(digest) = 32),
  root bytea NOT NULL CHECK (length(root) = 32),
  recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (first_position, generation)
);

-- Which segments of detached partitions hold events of a stream, and which of its versions.
CREATE TABLE log.archived_stream (
  stream text COLLATE "C" NOT NULL,
  segment bigint NOT NULL,
  first_version integer NOT NULL,
  last_version integer NOT NULL,
  PRIMARY KEY (stream, segment)
);

SELECT log.make_append_only('log.segment');
SELECT log.make_append_only('log.archived_stream');

-- Null while the partition is in the database. Partitions are detached from the oldest on.
ALTER TABLE log.event_partition ADD detached_at timestamptz;

-- Called by the program for each segment that it has sealed. The same file again changes nothing.
CREATE FUNCTION log.record_segment(first bigint, file_bytes bigint, file_digest bytea, segment_root bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = log, pg_temp AS $$
DECLARE
  size constant integer := segment_size();
BEGIN
  IF (first - 1) % size <> 0 OR first + size - 1 > (SELECT h.size FROM log_head h) THEN
    RAISE EXCEPTION 'no whole segment of the log begins at position %', first USING ERRCODE = 'check_violation';
  END IF;
  INSERT INTO segment (first_position, events, bytes, digest, root)
    VALUES (first, size, file_bytes, file_digest, segment_root) ON CONFLICT DO NOTHING;
  IF NOT EXISTS (SELECT FROM segment s WHERE s.first_position = first AND s.generation = 1 AND s.digest = file_digest) THEN
    RAISE EXCEPTION 'segment % was sealed with other content', first USING ERRCODE = 'check_violation';
  END IF;
END
$$;

-- Takes the oldest partition of the log out of the database, once it is sealed whole and covered by a signed checkpoint. Only
-- for the migration role. Waits for readers no longer than two seconds at a time: appends queue behind it.
CREATE FUNCTION log.detach_partition(first bigint) RETURNS void
LANGUAGE plpgsql SET search_path = log, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
  part event_partition;
  name constant text := format('event_log_%s', first);
BEGIN
  SELECT * INTO part FROM event_partition WHERE first_position = first FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no partition begins at position %', first USING ERRCODE = 'no_data_found';
  ELSIF part.detached_at IS NOT NULL THEN
    RETURN;
  ELSIF EXISTS (SELECT FROM event_partition p WHERE p.detached_at IS NULL AND p.first_position < first) THEN
    RAISE EXCEPTION 'an older partition than the one from % is still attached', first USING ERRCODE = 'object_not_in_prerequisite_state';
  ELSIF (SELECT coalesce(sum(s.events), 0) FROM segment s
          WHERE s.generation = 1 AND s.first_position BETWEEN first AND part.last_position) <> part.last_position - first + 1 THEN
    RAISE EXCEPTION 'the partition from % is not sealed whole', first USING ERRCODE = 'object_not_in_prerequisite_state';
  ELSIF NOT EXISTS (SELECT FROM evidence.checkpoint c WHERE c.size > part.last_position) THEN
    RAISE EXCEPTION 'no signed checkpoint goes beyond the partition from %', first USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  EXECUTE format(
    'INSERT INTO archived_stream (stream, segment, first_version, last_version)
       SELECT stream, (position - 1) / $1 * $1 + 1, min(version), max(version) FROM %I GROUP BY 1, 2', name)
    USING segment_size()::bigint;
  UPDATE event_partition SET detached_at = clock_timestamp() WHERE first_position = first;
  EXECUTE format('ALTER TABLE event_log DETACH PARTITION %I', name);
  EXECUTE format('DROP TABLE %I', name);
END
$$;

-- Retention: the next generation of a detached segment, with the same leaves. Only for the migration role.
CREATE FUNCTION log.replace_segment(first bigint, next_generation smallint, file_bytes bigint, file_digest bytea) RETURNS void
LANGUAGE plpgsql SET search_path = log, pg_temp AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM event_partition p WHERE first BETWEEN p.first_position AND p.last_position AND p.detached_at IS NOT NULL) THEN
    RAISE EXCEPTION 'segment % is in no detached partition', first USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  INSERT INTO segment (first_position, generation, events, bytes, digest, root)
    SELECT s.first_position, next_generation, s.events, file_bytes, file_digest, s.root FROM segment s
     WHERE s.first_position = first AND s.generation = next_generation - 1
    ON CONFLICT DO NOTHING;
  IF NOT EXISTS (SELECT FROM segment s WHERE s.first_position = first AND s.generation = next_generation AND s.digest = file_digest) THEN
    RAISE EXCEPTION 'segment % has another generation %', first, next_generation USING ERRCODE = 'check_violation';
  END IF;
END
$$;

REVOKE ALL ON FUNCTION log.segment_size, log.record_segment, log.detach_partition, log.replace_segment FROM PUBLIC;
GRANT SELECT ON log.segment, log.archived_stream TO kerbtrail_app;
GRANT EXECUTE ON FUNCTION log.segment_size, log.record_segment TO kerbtrail_app;
