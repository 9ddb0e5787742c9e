-- Read model of the directory (libs/projections: spn-directory, duplicates, findings, accounts, forests). Instants are
-- nanoseconds since 1970. Tables are equal however the sources were imported, `position` and `recorded_at` aside.
SET LOCAL ROLE kerbtrail_app;

-- One row per event that says something of an account. Read whole, by account: order and meaning are derived.
CREATE TABLE read.account_evidence (
  forest text COLLATE "C" NOT NULL,
  account text COLLATE "C" NOT NULL,
  event_id uuid NOT NULL,
  occurred_at bigint NOT NULL,
  source text COLLATE "C" NOT NULL,
  record bigint NOT NULL,
  item integer NOT NULL,
  type text COLLATE "C" NOT NULL,
  spns text[] NOT NULL,
  data jsonb NOT NULL,
  position bigint NOT NULL,
  recorded_at bigint NOT NULL,
  CONSTRAINT account_evidence_pkey PRIMARY KEY (forest, account, event_id)
);

-- Derived: one row per time that an account held a value. began_after = began_by: exact; NULL began_after: not known before.
CREATE TABLE read.spn_holding (
  forest text COLLATE "C" NOT NULL,
  account text COLLATE "C" NOT NULL,
  write_key text COLLATE "C" NOT NULL,
  episode integer NOT NULL,
  lookup_key text COLLATE "C" NOT NULL,
  service_class text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  spellings jsonb NOT NULL,
  began_after bigint,
  began_by bigint NOT NULL,
  ended_after bigint,
  ended_by bigint,
  provenance text COLLATE "C" NOT NULL,
  last_seen bigint NOT NULL,
  CONSTRAINT spn_holding_pkey PRIMARY KEY (forest, account, write_key, episode)
);
CREATE INDEX spn_holding_lookup_key_idx ON read.spn_holding (lookup_key, forest, account);
CREATE INDEX spn_holding_standing_idx ON read.spn_holding (forest, account, ended_by);
CREATE INDEX spn_holding_name_idx ON read.spn_holding (name, forest, account);

-- Derived: one row per time that an SPN was held more than once. Possible: where the answer is not "no"; certain: where it
-- is "yes". From inclusive (NULL possible_from: since ever; NULL certain_from: nowhere), to exclusive (NULL: until now).
CREATE TABLE read.spn_duplicate (
  forest text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  episode integer NOT NULL,
  name text COLLATE "C" NOT NULL,
  lookup_keys text[] NOT NULL,
  possible_from bigint,
  possible_to bigint,
  certain_from bigint,
  certain_to bigint,
  CONSTRAINT spn_duplicate_pkey PRIMARY KEY (forest, kind, key, episode)
);
CREATE INDEX spn_duplicate_name_idx ON read.spn_duplicate (name, forest);
CREATE INDEX spn_duplicate_possible_idx ON read.spn_duplicate USING gist (int8range(possible_from, possible_to));

-- Derived: what of an account's SPNs deserves a look. Columns began_… and ended_… as in spn_holding.
CREATE TABLE read.finding (
  forest text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL,
  account text COLLATE "C" NOT NULL,
  write_key text COLLATE "C" NOT NULL,
  episode integer NOT NULL,
  spn text NOT NULL,
  began_after bigint,
  began_by bigint NOT NULL,
  ended_after bigint,
  ended_by bigint,
  detail jsonb NOT NULL,
  CONSTRAINT finding_pkey PRIMARY KEY (forest, kind, account, write_key, episode)
);
CREATE INDEX finding_holding_idx ON read.finding (forest, account, write_key, episode);

-- Derived: the account as its last evidence has it, and where that stands in the order of evidence, so that later evidence
-- can be folded on. `listed_at`: its last full list. `names`: everything that it is called, folded (name-key.ts).
CREATE TABLE read.account (
  forest text COLLATE "C" NOT NULL,
  account text COLLATE "C" NOT NULL,
  domain text COLLATE "C",
  kind text COLLATE "C",
  sam_account_name text,
  user_principal_name text,
  dns_host_name text,
  sid text,
  guid text,
  enabled boolean,
  kvno integer,
  password_changed_at bigint,
  created_at bigint,
  deleted_at bigint,
  first_seen bigint NOT NULL,
  last_seen bigint NOT NULL,
  last_source text COLLATE "C" NOT NULL,
  last_record bigint NOT NULL,
  last_item integer NOT NULL,
  listed_at bigint,
  names text[] NOT NULL,
  CONSTRAINT account_pkey PRIMARY KEY (forest, account)
);
CREATE INDEX account_names_idx ON read.account USING gin (names);

-- Own forests, and those that a source speaks about. Audited: the first and last instant of which an audit log tells.
CREATE TABLE read.forest (
  forest text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  origin text COLLATE "C" NOT NULL,
  audited_from bigint,
  audited_to bigint,
  CONSTRAINT forest_pkey PRIMARY KEY (forest)
);

CREATE TABLE read.domain (
  forest text COLLATE "C" NOT NULL,
  domain text COLLATE "C" NOT NULL,
  netbios_name text,
  CONSTRAINT domain_pkey PRIMARY KEY (forest, domain)
);

-- The policies of an own forest, each from its instant on. No row: the alias map is the assumed default.
CREATE TABLE read.forest_policy (
  forest text COLLATE "C" NOT NULL,
  version integer NOT NULL,
  since bigint NOT NULL,
  policy jsonb NOT NULL,
  position bigint NOT NULL,
  recorded_at bigint NOT NULL,
  CONSTRAINT forest_policy_pkey PRIMARY KEY (forest, version)
);

RESET ROLE;

-- Where a read model is built anew beside the one in use (libs/projections/rebuild.ts).
CREATE SCHEMA read_next AUTHORIZATION kerbtrail_app;
