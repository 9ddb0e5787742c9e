-- The evidence log (architecture §8, event-store design §5.4): an RFC 6962 tree over log.event_log.leaf in order of
-- position, kept as C2SP tlog-tiles, and the checkpoints signed over it. Owned by the migration role. kerbtrail_app adds
-- tiles and checkpoints and moves the one row of `tree`; whatever it, or anybody, wrote into them wrongly does not have
-- the root that the signed checkpoints and the witness outside this database have.
CREATE SCHEMA evidence;
GRANT USAGE ON SCHEMA evidence TO kerbtrail_app;

-- Full tiles only: 256 hashes of complete subtrees of 256^level entries.
CREATE TABLE evidence.tile (
  level smallint NOT NULL,
  index bigint NOT NULL,
  hashes bytea NOT NULL,
  CONSTRAINT tile_pkey PRIMARY KEY (level, index),
  CONSTRAINT tile_full CHECK (length(hashes) = 256 * 32)
);
-- Hashes do not compress: kept beside the row, not tried.
ALTER TABLE evidence.tile ALTER COLUMN hashes SET STORAGE EXTERNAL;

CREATE TABLE evidence.checkpoint (
  size bigint NOT NULL,
  root bytea NOT NULL,
  note text NOT NULL,
  signed_at timestamptz NOT NULL,
  CONSTRAINT checkpoint_pkey PRIMARY KEY (size)
);

-- The tree's right edge: the hashes of its tiles that are not full yet, level 0 first. As leaves are final, so is every
-- hash here; a page of leaves replaces the row.
CREATE TABLE evidence.tree (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  size bigint NOT NULL,
  partial bytea NOT NULL
) WITH (fillfactor = 10);
ALTER TABLE evidence.tree ALTER COLUMN partial SET STORAGE EXTERNAL;
INSERT INTO evidence.tree (size, partial) VALUES (0, '');

SELECT log.make_append_only('evidence.tile');
SELECT log.make_append_only('evidence.checkpoint');

GRANT SELECT, INSERT ON evidence.tile, evidence.checkpoint TO kerbtrail_app;
GRANT SELECT, UPDATE (size, partial) ON evidence.tree TO kerbtrail_app;
