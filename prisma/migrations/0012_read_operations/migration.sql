-- Read model of what operators did (libs/projections/operations): tokens without their digests, and imports.
SET LOCAL ROLE kerbtrail_app;

CREATE TABLE read.token (
  token text COLLATE "C" NOT NULL,
  actor text NOT NULL,
  roles text[] NOT NULL,
  scope jsonb NOT NULL,
  note text,
  expires_at text,
  created_at text NOT NULL,
  created_by text,
  revoked_at text,
  revoked_by text,
  CONSTRAINT token_pkey PRIMARY KEY (token)
);

CREATE TABLE read.import (
  import text COLLATE "C" NOT NULL,
  name text NOT NULL,
  kind text NOT NULL,
  forest text,
  observed_at text,
  started_at text NOT NULL,
  started_by text,
  finished_at text,
  bytes bigint,
  records bigint,
  appended bigint,
  duplicates bigint,
  unmapped bigint,
  quarantined bigint,
  sha256 text,
  CONSTRAINT import_pkey PRIMARY KEY (import)
);
CREATE INDEX import_started_at_idx ON read.import (started_at, import);

RESET ROLE;
