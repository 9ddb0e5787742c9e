-- Look-ups by key as functions, because their settings are the functions' own: planned on young tables without statistics
-- they would read whole ones, and a group of appends would cost the more the longer the log is.

CREATE FUNCTION log.stream_heads(streams text[]) RETURNS TABLE (stream text, version integer, leaf bytea)
LANGUAGE plpgsql STABLE SET search_path = log, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
AS $$
BEGIN
  RETURN QUERY SELECT h.stream, h.version, h.leaf FROM stream_head h WHERE h.stream = ANY (streams);
END
$$;

-- `position`: of the item's last event; of the log's head then, when it wrote none.
CREATE FUNCTION log.receipts(ids uuid[]) RETURNS TABLE (id uuid, digest bytea, "position" bigint, reply text)
LANGUAGE plpgsql STABLE SET search_path = log, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
AS $$
BEGIN
  RETURN QUERY SELECT r.id, r.digest, r.first_position + r.events - 1, r.reply FROM append_receipt r WHERE r.id = ANY (ids);
END
$$;

-- Events of streams, of each from a version on and at most so many, in order; `n` tells of which, from 1, `head` its last
-- version. A stream of which the table has nothing gives one row without an event. Each partition between a stream's first
-- and last event is asked by its own name: a query of the whole table would name and lock every partition there is. One
-- that is detached meanwhile is left out, and shows as a gap in the versions.
CREATE FUNCTION log.read_streams(streams text[], from_versions integer[], counts integer[])
RETURNS TABLE (n bigint, head integer, "position" bigint, body text, version integer, leaf text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = log, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
AS $$
#variable_conflict use_column
DECLARE
  asked record;
  part bigint;
  found_now integer;
  found_all integer;
BEGIN
  FOR asked IN
    SELECT a.n, a.from_version, a.count, h.stream, h.version, h.first_position, h.last_position
      FROM unnest(streams, from_versions, counts) WITH ORDINALITY AS a (stream, from_version, count, n)
      JOIN stream_head h ON h.stream = a.stream
  LOOP
    found_all := 0;
    FOR part IN
      SELECT p.first_position FROM event_partition p
       WHERE p.detached_at IS NULL AND p.first_position <= asked.last_position AND p.last_position >= asked.first_position
       ORDER BY p.first_position
    LOOP
      EXIT WHEN found_all >= asked.count;
      BEGIN
        RETURN QUERY EXECUTE format(
          'SELECT $1, $2, position, body, version, encode(leaf, ''hex'') FROM log.%I
            WHERE stream = $3 AND version >= $4 ORDER BY version LIMIT $5', 'event_log_' || part)
          USING asked.n, asked.version, asked.stream, asked.from_version, asked.count - found_all;
        GET DIAGNOSTICS found_now = ROW_COUNT;
        found_all := found_all + found_now;
      EXCEPTION WHEN undefined_table THEN
        NULL;
      END;
    END LOOP;
    IF found_all = 0 THEN
      RETURN QUERY SELECT asked.n, asked.version, NULL::bigint, NULL::text, NULL::integer, NULL::text;
    END IF;
  END LOOP;
END
$$;

REVOKE ALL ON FUNCTION log.stream_heads, log.receipts, log.read_streams FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.stream_heads, log.receipts, log.read_streams TO kerbtrail_app;
