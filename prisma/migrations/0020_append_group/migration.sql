-- Where a stream lies in the log: the positions of its first and its last event. With them a stream is loaded from the
-- partitions that it can be in and from no other, however many there are.
ALTER TABLE log.stream_head ADD first_position bigint, ADD last_position bigint;
UPDATE log.stream_head h SET first_position = e.first, last_position = e.last
  FROM (SELECT stream, min(position) AS first, max(position) AS last FROM log.event_log GROUP BY stream) e
 WHERE e.stream = h.stream;
ALTER TABLE log.stream_head ALTER first_position SET NOT NULL, ALTER last_position SET NOT NULL;

-- Appends one group of items: each is judged on its own, in order, against the log and the items before it.
--   item_*   per item: receipt id, digest of the request, reply
--   streams  every stream that an item writes or guards, once; check_streams and event_streams are indices into it
--   check_*  per write and guard, in the order of items: expected version (null: any), the version that the encoded
--            events follow (guards: as expected; -1: the writer could not encode them), number of events (guards: 0)
--   event_*  per event, in the order of items
-- The answer has one entry per item:
--   outcomes   committed | duplicate | id_reuse | conflict | moved (not judged: its events follow another version than the
--              stream's last, or an item before it on that stream was moved; to be encoded again, in the same order)
--   positions  the item's last event, the head when it has none
--   replies    of duplicates: the first answer
--   conflict_checks, conflict_versions  of conflicts: index of the check that failed, the version that its stream has
-- and for the group: `last_recorded_at` of the head before it, and `room`, events left in the partitions that exist.
-- A group recorded before the head's last event is not judged: `outcomes` is null, and it is to be encoded again.
--
-- Look-ups must be index probes: planned on young tables without statistics, they would read whole ones.
CREATE OR REPLACE FUNCTION log.append_group(
  recorded_at timestamptz,
  item_ids uuid[], item_digests bytea[], item_replies text[],
  streams text[],
  check_items integer[], check_streams integer[], check_expected integer[], check_bases integer[], check_events integer[],
  event_items integer[], event_streams integer[], event_versions integer[], event_ids uuid[], event_types text[],
  event_schema_versions integer[], event_bodies text[], event_leaves bytea[],
  OUT outcomes text[], OUT positions bigint[], OUT replies text[],
  OUT conflict_checks integer[], OUT conflict_versions integer[],
  OUT last_recorded_at timestamptz, OUT room bigint
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = log, pg_temp
SET lock_timeout = '4s' SET transaction_timeout = '8s'
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
AS $$
#variable_conflict use_variable
DECLARE
  items constant integer := cardinality(item_ids);
  size_before bigint;
  size_after bigint;
  last_position bigint;
  versions integer[]; -- per stream, as of the item being judged
  firsts bigint[]; -- per stream that this group begins: position of its first event
  lasts bigint[]; -- per stream that this group writes: position of its last event
  unsettled boolean[]; -- per stream: an item before this one was moved
  first_positions bigint[] := array_fill(NULL::bigint, ARRAY[items]);
  shifts integer[] := array_fill(NULL::integer, ARRAY[items]); -- per committed item: events left out before it; else null
  left_out integer := 0;
  receipt record;
  first_check integer;
  next_check integer := 1;
  stream integer;
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
  size_after := size_before;

  outcomes := array_fill(NULL::text, ARRAY[items]);
  positions := array_fill(NULL::bigint, ARRAY[items]);
  replies := array_fill(NULL::text, ARRAY[items]);
  conflict_checks := array_fill(NULL::integer, ARRAY[items]);
  conflict_versions := array_fill(NULL::integer, ARRAY[items]);

  FOR receipt IN
    SELECT i.item, r.digest, r.first_position + r.events - 1 AS "position", r.reply
      FROM unnest(item_ids) WITH ORDINALITY AS i (id, item) JOIN append_receipt r ON r.id = i.id
  LOOP
    outcomes[receipt.item] := CASE WHEN receipt.digest = item_digests[receipt.item] THEN 'duplicate' ELSE 'id_reuse' END;
    positions[receipt.item] := receipt.position;
    replies[receipt.item] := receipt.reply;
  END LOOP;

  SELECT array_agg(coalesce(h.version, 0) ORDER BY s.n) INTO versions
    FROM unnest(streams) WITH ORDINALITY AS s (stream, n) LEFT JOIN stream_head h ON h.stream = s.stream;

  FOR item IN 1 .. items LOOP
    first_check := next_check;
    WHILE check_items[next_check] = item LOOP
      stream := check_streams[next_check];
      IF outcomes[item] IS NOT NULL AND outcomes[item] <> 'moved' THEN
        NULL; -- a receipt or a conflict has decided
      ELSIF unsettled[stream] THEN
        outcomes[item] := 'moved';
      ELSIF check_expected[next_check] <> versions[stream] THEN
        outcomes[item] := 'conflict';
        conflict_checks[item] := next_check;
        conflict_versions[item] := versions[stream];
      ELSIF check_bases[next_check] <> versions[stream] THEN
        outcomes[item] := 'moved';
      END IF;
      next_check := next_check + 1;
    END LOOP;

    IF outcomes[item] IS NULL THEN
      outcomes[item] := 'committed';
      shifts[item] := left_out;
      first_positions[item] := size_after + 1;
      FOR c IN first_check .. next_check - 1 LOOP
        CONTINUE WHEN check_events[c] = 0;
        IF versions[check_streams[c]] = 0 THEN
          firsts[check_streams[c]] := size_after + 1;
        END IF;
        versions[check_streams[c]] := versions[check_streams[c]] + check_events[c];
        size_after := size_after + check_events[c];
        lasts[check_streams[c]] := size_after;
      END LOOP;
      positions[item] := size_after;
    ELSE
      FOR c IN first_check .. next_check - 1 LOOP
        left_out := left_out + check_events[c];
        IF outcomes[item] = 'moved' THEN
          unsettled[check_streams[c]] := true;
        END IF;
      END LOOP;
    END IF;
  END LOOP;

  INSERT INTO append_receipt (id, digest, first_position, events, reply)
    SELECT i.id, i.digest, first_positions[i.item], positions[i.item] - first_positions[i.item] + 1, i.reply
      FROM unnest(item_ids, item_digests, item_replies) WITH ORDINALITY AS i (id, digest, reply, item)
     WHERE shifts[i.item] IS NOT NULL;

  SELECT p.last_position INTO last_position FROM event_partition p ORDER BY p.first_position DESC LIMIT 1;
  IF size_after > size_before THEN
    UPDATE log_head SET size = size_after, recorded_at = append_group.recorded_at;
    IF size_after > last_position THEN
      PERFORM make_partitions_ahead();
    END IF;

    WITH event AS (
      SELECT e.* FROM unnest(event_items, event_streams, event_versions, event_ids, event_types, event_schema_versions,
                             event_bodies, event_leaves)
                      WITH ORDINALITY AS e (item, stream, version, id, type, schema_version, body, leaf, n)
       WHERE shifts[e.item] IS NOT NULL
    ), inserted AS (
      INSERT INTO event_log ("position", stream, version, event_id, type, schema_version, recorded_at, body, leaf)
        SELECT size_before + e.n - shifts[e.item], streams[e.stream], e.version, e.id, e.type, e.schema_version,
               append_group.recorded_at, e.body, e.leaf
          FROM event e
    )
    INSERT INTO stream_head AS h (stream, version, leaf, first_position, last_position)
      SELECT streams[e.stream], e.version, e.leaf, coalesce(firsts[e.stream], 0), lasts[e.stream]
        FROM event e WHERE e.version = versions[e.stream]
      ON CONFLICT ON CONSTRAINT stream_head_pkey DO UPDATE
        SET version = excluded.version, leaf = excluded.leaf, last_position = excluded.last_position;

    -- A hint for subscribers who sleep; the truth is the log.
    PERFORM pg_notify('kerbtrail_log', size_after::text);
  END IF;
  room := last_position - size_after;
END
$$;
