/** Why the embedded PostgreSQL is not there. Both name the folder. */

export class EmbeddedPostgresFailed extends Error {
  readonly code = 'PG_EMBEDDED_FAILED';
  constructor(folder: string, reason: string, cause?: unknown) {
    super(`embedded PostgreSQL in ${folder}: ${reason}`, { cause });
  }
}

/** Another living process started the server of this folder and still uses it. */
export class EmbeddedPostgresInUse extends Error {
  readonly code = 'PG_EMBEDDED_IN_USE';
  constructor(folder: string) {
    super(
      `embedded PostgreSQL in ${folder} is in use by another Kerbtrail process: stop that one, or give this one its own folder`,
    );
  }
}
