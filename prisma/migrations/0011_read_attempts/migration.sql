-- Read models of attempts and of the event timeline (libs/projections: attempts, events). Instants are nanoseconds since
-- 1970. Tables are equal however the sources were imported, `position` and `recorded_at` aside.
SET LOCAL ROLE kerbtrail_app;

-- One row per event that shows a step of an authentication. `join_key`: what can belong to one attempt stands under one.
CREATE TABLE read.attempt_evidence (
  event_id uuid NOT NULL,
  type text COLLATE "C" NOT NULL,
  forest text COLLATE "C" NOT NULL,
  occurred_at bigint NOT NULL,
  source text COLLATE "C" NOT NULL,
  record bigint NOT NULL,
  item integer NOT NULL,
  join_key text COLLATE "C",
  request text COLLATE "C",
  logon text COLLATE "C",
  client_key text COLLATE "C",
  spn_key text COLLATE "C",
  ticket_kind text COLLATE "C",
  data jsonb NOT NULL,
  position bigint NOT NULL,
  recorded_at bigint NOT NULL,
  CONSTRAINT attempt_evidence_pkey PRIMARY KEY (event_id)
);
CREATE INDEX attempt_evidence_join_key_occurred_at_idx ON read.attempt_evidence (join_key, occurred_at);
CREATE INDEX attempt_evidence_request_idx ON read.attempt_evidence (request);
CREATE INDEX attempt_evidence_logon_idx ON read.attempt_evidence (logon);
CREATE INDEX attempt_evidence_client_idx ON read.attempt_evidence (forest, client_key, type, occurred_at);
CREATE INDEX attempt_evidence_spn_idx ON read.attempt_evidence (forest, spn_key, type, occurred_at);
CREATE INDEX attempt_evidence_occurred_at_idx ON read.attempt_evidence (occurred_at);

-- Derived: a function of the evidence around it. `names`: keys of every account and principal in it.
CREATE TABLE read.attempt (
  id text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL,
  forest text COLLATE "C" NOT NULL,
  attempted_at bigint NOT NULL,
  failed_at bigint,
  outcome text COLLATE "C" NOT NULL,
  failed_step text COLLATE "C",
  code text COLLATE "C",
  reason text,
  client text,
  client_name text,
  client_key text COLLATE "C",
  spn text,
  spn_key text COLLATE "C",
  account text,
  service text,
  address text,
  ticket text,
  logon text,
  request text,
  presentation text,
  etype integer,
  kvno integer,
  service_etype integer,
  service_kvno integer,
  asks integer NOT NULL,
  rules text[] NOT NULL,
  confidence text COLLATE "C" NOT NULL,
  steps jsonb NOT NULL,
  names text[] NOT NULL,
  evidence uuid[] NOT NULL,
  CONSTRAINT attempt_pkey PRIMARY KEY (id)
);
CREATE INDEX attempt_attempted_at_id_idx ON read.attempt (attempted_at, id);
CREATE INDEX attempt_kind_outcome_idx ON read.attempt (kind, outcome, attempted_at, id);
CREATE INDEX attempt_spn_key_idx ON read.attempt (spn_key, attempted_at, id);
CREATE INDEX attempt_names_idx ON read.attempt USING gin (names);
CREATE INDEX attempt_evidence_idx ON read.attempt USING gin (evidence);

-- What an event can be found by; the event itself stays in the log.
CREATE TABLE read.event_index (
  event_id uuid NOT NULL,
  position bigint NOT NULL,
  stream text COLLATE "C" NOT NULL,
  type text COLLATE "C" NOT NULL,
  occurred_at bigint NOT NULL,
  origin text COLLATE "C" NOT NULL,
  forest text COLLATE "C",
  actor text COLLATE "C",
  code text COLLATE "C",
  names text[] NOT NULL,
  spn_keys text[] NOT NULL,
  CONSTRAINT event_index_pkey PRIMARY KEY (event_id)
);
CREATE UNIQUE INDEX event_index_position_key ON read.event_index (position);
CREATE INDEX event_index_occurred_at_idx ON read.event_index (occurred_at, position);
CREATE INDEX event_index_type_idx ON read.event_index (type, occurred_at, position);
CREATE INDEX event_index_stream_idx ON read.event_index (stream, occurred_at, position);
CREATE INDEX event_index_actor_idx ON read.event_index (actor, occurred_at, position);
CREATE INDEX event_index_code_idx ON read.event_index (code, occurred_at, position);
CREATE INDEX event_index_names_idx ON read.event_index USING gin (names);
CREATE INDEX event_index_spn_keys_idx ON read.event_index USING gin (spn_keys);

RESET ROLE;
