-- Roles and schemas (event-store design §5.1). The migration role, which runs this file, owns the log; the program runs
-- as kerbtrail_app, which owns only what can be folded again from the log.
--   log     append-only event log; what kerbtrail_app may do there is granted table by table
--   read    read models, owned by kerbtrail_app: projections make shadow tables and swap them
--   secret  wrapped keys: written once, read, deleted; never updated
-- Roles belong to the whole server, so another database, or another process at this very moment, may have made this one.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'kerbtrail_app') THEN
    CREATE ROLE kerbtrail_app NOLOGIN;
  END IF;
EXCEPTION
  WHEN duplicate_object OR unique_violation THEN NULL;
END
$$;

DO $$
BEGIN
  IF NOT pg_has_role(current_user, 'kerbtrail_app', 'SET') THEN
    EXECUTE format('GRANT kerbtrail_app TO %I', current_user);
  END IF;
EXCEPTION
  WHEN unique_violation THEN NULL;
END
$$;

CREATE SCHEMA log;
GRANT USAGE ON SCHEMA log TO kerbtrail_app;

CREATE SCHEMA secret;
GRANT USAGE ON SCHEMA secret TO kerbtrail_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA secret GRANT SELECT, INSERT, DELETE ON TABLES TO kerbtrail_app;

CREATE SCHEMA read AUTHORIZATION kerbtrail_app;

-- A migration that makes read models does so as their owner.
SET LOCAL ROLE kerbtrail_app;

-- One row per projection and version; written in the transaction that writes the projection's rows, and only while
-- `epoch` is the writer's own: whoever takes a projection over counts it up.
CREATE TABLE read.checkpoint (
  projection text NOT NULL,
  version integer NOT NULL,
  position bigint NOT NULL,
  epoch bigint NOT NULL,
  updated_at timestamptz(6) NOT NULL,
  CONSTRAINT checkpoint_pkey PRIMARY KEY (projection, version)
);

RESET ROLE;
