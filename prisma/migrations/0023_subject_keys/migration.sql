-- The keys under which personal data is sealed in the log (libs/directory/secret/subject-keys.ts), wrapped under the
-- key-encryption key. A row is made before the first event that needs it and deleted to erase the person: never updated
-- (default privileges of schema `secret`). `lookup` = HMAC(name key, forest and folded name), so no name stands here, and
-- once the row is gone nothing leads from the name to the events. Not in the log's backups (docs/backup.md).
CREATE TABLE secret.subject_key (
  lookup bytea NOT NULL,
  id text COLLATE "C" NOT NULL,
  wrapped bytea NOT NULL,
  CONSTRAINT subject_key_pkey PRIMARY KEY (lookup),
  CONSTRAINT subject_key_id_key UNIQUE (id)
);
