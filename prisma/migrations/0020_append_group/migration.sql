-- Where a stream lies in the log: the positions of its first and its last event. With them a stream is loaded from the
-- partitions that it can be in and from no other, however many there are.
ALTER TABLE log.stream_head ADD first_position bigint, ADD last_position bigint;
UPDATE log.stream_head h SET first_position = e.first, last_position = e.last
  FROM (SELECT stream, min(position) AS first, max(position) AS last FROM log.event_log GROUP BY stream) e
 WHERE e.stream = h.stream;
ALTER TABLE log.stream_head ALTER first_position SET NOT NULL, ALTER last_position SET NOT NULL;

-- The group is now appended whole or not at all, by statements over all of it; items are judged one by one only when that
-- fails, by the program, while it holds the head's lock (log.lock_head).
DROP FUNCTION log.append_group;

-- Appends one group of items, if all of it is as the writer believed: no receipt of its items exists, every guarded stream
-- is at its version, every written one at the version and leaf that its events follow.
--   item_*   per item: receipt id, digest of the request, reply, index of its first event in the group (from 1; also for an
--            item without events: the index that it would have), number of events
--   guard_*  per stream that an item relies on before the group writes it: the version it must be at (0: it does not exist)
--   head_*   per written stream: leaf it must be at (null: it does not exist), indices of the group's first and last event
--            in it; the version it must be at is the one before that first event's
--   event_*  per event
-- `after` is the head's position before the group. It is null when the group was not appended: something was not as
-- believed, or it was recorded before `last_recorded_at`, the head's last event before it. `room`: events left in the
-- partitions that exist.
--
-- Look-ups must be index probes: planned on young tables without statistics, they would read whole ones. Set-returning
-- functions in the select list run in step and, other than in FROM, are not written to temporary storage first.
CREATE FUNCTION log.append_group(
  recorded_at timestamptz,
  item_ids uuid[], item_digests bytea[], item_replies text[], item_firsts integer[], item_events integer[],
  guard_streams text[], guard_versions integer[],
  head_leaves bytea[], head_firsts integer[], head_lasts integer[],
  event_streams text[], event_versions integer[], event_ids uuid[], event_types text[],
  event_schema_versions integer[], event_bodies text[], event_leaves bytea[],
  OUT after bigint, OUT last_recorded_at timestamptz, OUT room bigint
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = log, pg_temp
SET lock_timeout = '4s' SET transaction_timeout = '8s'
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
AS $$
#variable_conflict use_variable
DECLARE
  events constant integer := cardinality(event_ids);
  size_before bigint;
  receipts integer;
  begun integer := 0;
  continued integer;
BEGIN
  -- Durable on return, whatever the server's or the role's default is.
  IF current_setting('synchronous_commit') = 'off' THEN
    PERFORM set_config('synchronous_commit', 'on', true);
  END IF;

  -- Only a later statement sees what was committed while this one waited for the lock.
  SELECT h.size, h.recorded_at INTO size_before, last_recorded_at FROM log_head h FOR UPDATE;
  IF recorded_at < last_recorded_at THEN
    RETURN;
  END IF;
  SELECT p.last_position - size_before INTO room FROM event_partition p ORDER BY p.first_position DESC LIMIT 1;

  BEGIN
    INSERT INTO append_receipt (id, digest, first_position, events, reply)
      SELECT unnest(item_ids), unnest(item_digests), size_before + unnest(item_firsts), unnest(item_events), unnest(item_replies)
      ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS receipts = ROW_COUNT;
    IF receipts < cardinality(item_ids) THEN
      RAISE SQLSTATE 'KT001';
    END IF;

    IF cardinality(guard_streams) > 0 THEN
      PERFORM FROM (SELECT unnest(guard_streams) AS stream, unnest(guard_versions) AS version) g
               LEFT JOIN stream_head s ON s.stream = g.stream WHERE coalesce(s.version, 0) <> g.version;
      IF FOUND THEN
        RAISE SQLSTATE 'KT001';
      END IF;
    END IF;

    IF array_position(event_versions, 1) IS NOT NULL THEN
      INSERT INTO stream_head (stream, version, leaf, first_position, last_position)
        SELECT event_streams[h.last], event_versions[h.last], event_leaves[h.last], size_before + h.first, size_before + h.last
          FROM (SELECT unnest(head_firsts) AS first, unnest(head_lasts) AS last) h
         WHERE event_versions[h.first] = 1
        ON CONFLICT DO NOTHING;
      GET DIAGNOSTICS begun = ROW_COUNT;
    END IF;
    IF begun < cardinality(head_lasts) THEN
      UPDATE stream_head s
         SET version = event_versions[h.last], leaf = event_leaves[h.last], last_position = size_before + h.last
        FROM (SELECT unnest(head_leaves) AS leaf, unnest(head_firsts) AS first, unnest(head_lasts) AS last) h
       WHERE s.stream = event_streams[h.last] AND s.version = event_versions[h.first] - 1 AND s.leaf = h.leaf;
      GET DIAGNOSTICS continued = ROW_COUNT;
      IF begun + continued < cardinality(head_lasts) THEN
        RAISE SQLSTATE 'KT001';
      END IF;
    END IF;

    IF events > 0 THEN
      UPDATE log_head SET size = size_before + events, recorded_at = append_group.recorded_at;
      IF events > room THEN
        PERFORM make_partitions_ahead();
      END IF;
      INSERT INTO event_log ("position", stream, version, event_id, type, schema_version, recorded_at, body, leaf)
        SELECT size_before + generate_series(1, events), unnest(event_streams), unnest(event_versions), unnest(event_ids),
               unnest(event_types), unnest(event_schema_versions), append_group.recorded_at, unnest(event_bodies),
               unnest(event_leaves);
      -- A hint for subscribers who sleep; the truth is the log.
      PERFORM pg_notify('kerbtrail_log', (size_before + events)::text);
    END IF;
  EXCEPTION WHEN SQLSTATE 'KT001' THEN
    RETURN;
  END;
  after := size_before;
  room := room - events;
END
$$;

REVOKE ALL ON FUNCTION log.append_group FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.append_group TO kerbtrail_app;
