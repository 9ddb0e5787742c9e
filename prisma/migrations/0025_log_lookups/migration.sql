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

-- Events of streams, of each from a version on and at most so many, in any order; `n` tells of which, from 1, `head` its last
-- version, also told in one row without an event. Each partition between the streams' first
-- and last events is asked by its own name: a query of the whole table would name and lock every partition there is. One
-- that is detached meanwhile is left out, and shows as a gap in the versions.
CREATE FUNCTION log.read_streams(streams text[], from_versions integer[], counts integer[])
RETURNS TABLE (n bigint, head integer, "position" bigint, body text, version integer, leaf text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = log, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
AS $$
#variable_conflict use_column
DECLARE
  part bigint;
BEGIN
  FOR part IN
    SELECT DISTINCT p.first_position
      FROM unnest(streams) AS a (stream) JOIN stream_head h ON h.stream = a.stream
      JOIN event_partition p ON p.detached_at IS NULL AND p.first_position <= h.last_position AND p.last_position >= h.first_position
  LOOP
    BEGIN
      RETURN QUERY EXECUTE format(
        'SELECT a.n, h.version, e.position, e.body, e.version, encode(e.leaf, ''hex'')
           FROM unnest($1, $2, $3) WITH ORDINALITY AS a (stream, from_version, count, n)
           JOIN log.stream_head h ON h.stream = a.stream
           JOIN log.%I e ON e.stream = a.stream AND e.version BETWEEN a.from_version AND a.from_version::bigint + a.count - 1',
        'event_log_' || part)
        USING streams, from_versions, counts;
    EXCEPTION WHEN undefined_table THEN
      NULL;
    END;
  END LOOP;
  RETURN QUERY
    SELECT a.n, h.version, NULL::bigint, NULL::text, NULL::integer, NULL::text
      FROM unnest(streams) WITH ORDINALITY AS a (stream, n) JOIN stream_head h ON h.stream = a.stream;
END
$$;

REVOKE ALL ON FUNCTION log.stream_heads, log.receipts, log.read_streams FROM PUBLIC;
GRANT EXECUTE ON FUNCTION log.stream_heads, log.receipts, log.read_streams TO kerbtrail_app;
