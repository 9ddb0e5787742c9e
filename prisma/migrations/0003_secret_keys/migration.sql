-- Keys, wrapped under the key-encryption key of the configuration (libs/directory/secret). Rows are inserted, read and
-- deleted by the program, never updated (default privileges of schema `secret`).

-- All keys of one version of one account's password; `wrapped[i]` belongs to `etypes[i]`.
CREATE TABLE secret.account_key (
  account text COLLATE "C" NOT NULL,
  kvno integer NOT NULL CHECK (kvno > 0),
  etypes smallint[] NOT NULL,
  wrapped bytea[] NOT NULL,
  created_at timestamptz(6) NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT account_key_pkey PRIMARY KEY (account, kvno),
  CONSTRAINT account_key_complete CHECK (cardinality(etypes) = cardinality(wrapped) AND cardinality(etypes) > 0)
);

-- Versions of which it is not known yet whether an event names them (sweep-keys.ts).
CREATE TABLE secret.unsettled_key (
  account text COLLATE "C" NOT NULL,
  kvno integer NOT NULL,
  created_at timestamptz(6) NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT unsettled_key_pkey PRIMARY KEY (account, kvno),
  CONSTRAINT unsettled_key_of FOREIGN KEY (account, kvno) REFERENCES secret.account_key ON DELETE CASCADE
);
CREATE INDEX unsettled_key_age ON secret.unsettled_key (created_at);

-- The log's own keys, made once and never changed or deleted.
CREATE TABLE secret.log_key (
  name text COLLATE "C" NOT NULL,
  wrapped bytea NOT NULL,
  created_at timestamptz(6) NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT log_key_pkey PRIMARY KEY (name)
);
REVOKE DELETE ON secret.log_key FROM kerbtrail_app;
