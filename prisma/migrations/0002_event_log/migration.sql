-- The event log (architecture §7, event-store design §5.1 and §5.2). Everything here belongs to the migration role.
-- kerbtrail_app may read all of it and write none of it: its one way in is log.append_group, which runs with the rights
-- of the owner, so positions, versions, receipts and the head cannot be written except by these rules.

-- The head: how many events there are, and when the last one was recorded. Its row lock, held to commit, puts all
-- appends in one order: that is why positions are dense and become visible in order, and why readers need no rule.
-- Updated by every group, so most of the page is left free for the row's next version (a HOT update).
CREATE TABLE log.log_head (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  size bigint NOT NULL,
  recorded_at timestamptz NOT NULL
) WITH (fillfactor = 10);
INSERT INTO log.log_head (size, recorded_at) VALUES (0, 'epoch');

-- `body` is the event: the exact bytes that `leaf` = SHA-256(0x00 || body) was taken over (RFC 6962 §2.1). The other
-- columns repeat what is in the body, for look-ups. The position is not in the body: a Merkle tree's index commits to it.
CREATE TABLE log.event_log (
  position bigint NOT NULL,
  stream text COLLATE "C" NOT NULL,
  version integer NOT NULL,
  event_id uuid NOT NULL,
  type text COLLATE "C" NOT NULL,
  schema_version smallint NOT NULL,
  recorded_at timestamptz NOT NULL,
  body text NOT NULL,
  leaf bytea NOT NULL,
  PRIMARY KEY (position)
) PARTITION BY RANGE (position);

-- Last version and leaf of every stream: the authority for expected versions, guards and the previous-leaf link, also
-- when the partitions that hold the stream's events have been detached.
CREATE TABLE log.stream_head (
  stream text COLLATE "C" PRIMARY KEY,
  version integer NOT NULL,
  leaf bytea NOT NULL
) WITH (fillfactor = 70);

-- One row per append item, for ever: what a retry is answered from.
CREATE TABLE log.append_receipt (
  id uuid PRIMARY KEY,
  digest bytea NOT NULL,
  first_position bigint NOT NULL,
  events integer NOT NULL,
  reply text
);

CREATE TABLE log.event_partition (
  first_position bigint PRIMARY KEY,
  last_position bigint NOT NULL
);

-- Append-only: UPDATE, DELETE and TRUNCATE are refused to everybody, the owner and (ENABLE ALWAYS) replication included.
-- Statement triggers act on the table that a statement names, so every partition has its own.
CREATE FUNCTION log.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the event log is append-only: % on %.% is refused', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
    USING ERRCODE = 'restrict_violation', HINT = 'Events are corrected by later events.';
END
$$;

CREATE FUNCTION log.make_append_only(target regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %s EXECUTE FUNCTION log.refuse_change()', target);
  EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER append_only', target);
END
$$;

SELECT log.make_append_only('log.event_log');
SELECT log.make_append_only('log.append_receipt');

-- Events per partition: 16 segments of 65,536 (256 x 256 leaves). A function, so that a test can lower it.
CREATE FUNCTION log.partition_size() RETURNS bigint LANGUAGE sql IMMUTABLE RETURN 16 * 65536;

-- Makes partitions until there is room for a whole partition after the head; does nothing when there is. A partition is
-- built apart and attached ready, which stops neither appends nor readers.
CREATE FUNCTION log.make_partitions_ahead() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = log, pg_temp AS $$
DECLARE
  head bigint;
  first bigint;
  last bigint;
  name text;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('log.event_partition'));
  SELECT size INTO head FROM log_head;
  SELECT coalesce(max(last_position), 0) INTO last FROM event_partition;
  WHILE last - head < partition_size() LOOP
    first := last + 1;
    last := last + partition_size();
    name := format('event_log_%s', first);
    EXECUTE format('CREATE TABLE log.%I (LIKE log.event_log INCLUDING ALL)', name);
    EXECUTE format('ALTER TABLE log.%I ADD UNIQUE (stream, version)', name);
    PERFORM make_append_only(format('log.%I', name)::regclass);
    EXECUTE format('ALTER TABLE log.event_log ATTACH PARTITION log.%I FOR VALUES FROM (%s) TO (%s)', name, first, last + 1);
    INSERT INTO event_partition VALUES (first, last);
  END LOOP;
END
$$;

SELECT log.make_partitions_ahead();

-- Takes the head's lock for an appender that wants to encode under it, and tells the instant below which it may not record.
CREATE FUNCTION log.lock_head() RETURNS timestamptz
LANGUAGE sql SECURITY DEFINER SET search_path = log, pg_temp SET lock_timeout = '4s'
AS 'SELECT recorded_at FROM log_head FOR UPDATE';

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
CREATE FUNCTION log.append_group(
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
        versions[check_streams[c]] := versions[check_streams[c]] + check_events[c];
        size_after := size_after + check_events[c];
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
    INSERT INTO stream_head AS h (stream, version, leaf)
      SELECT streams[e.stream], e.version, e.leaf FROM event e WHERE e.version = versions[e.stream]
      ON CONFLICT ON CONSTRAINT stream_head_pkey DO UPDATE SET version = excluded.version, leaf = excluded.leaf;

    -- A hint for subscribers who sleep; the truth is the log.
    PERFORM pg_notify('kerbtrail_log', size_after::text);
  END IF;
  room := last_position - size_after;
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA log FROM PUBLIC;
GRANT SELECT ON log.log_head, log.event_log, log.stream_head, log.append_receipt, log.event_partition TO kerbtrail_app;
GRANT EXECUTE ON FUNCTION log.append_group, log.lock_head, log.make_partitions_ahead TO kerbtrail_app;
