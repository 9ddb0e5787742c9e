/** Why a database cannot be used as it is. Each says what to do next; none is repaired silently. */

/** The server did not answer, or refused the login. `cause` is the driver's error. */
export class DatabaseUnavailable extends Error {
  readonly code = 'PG_UNAVAILABLE';
  constructor(where: string, cause: unknown) {
    super(`PostgreSQL at ${where} cannot be used: ${reasonOf(cause)}. Check that it runs and that the URL is right`, {
      cause,
    });
  }
}

/** SQL of a migration was refused. The transaction was rolled back: the database is as it was before the start. */
export class MigrationFailed extends Error {
  readonly code = 'PG_MIGRATION_FAILED';
  constructor(name: string, line: number | undefined, cause: unknown) {
    const where = line === undefined ? name : `${name}, line ${line}`;
    super(`migration ${where} failed and nothing of it was kept: ${reasonOf(cause)}`, { cause });
  }
}

/** The file of an applied migration is no longer what was applied. */
export class MigrationChanged extends Error {
  readonly code = 'PG_MIGRATION_CHANGED';
  constructor(name: string) {
    super(
      `migration ${name} was applied with other content than it has now: restore the file and put the change into a new migration`,
    );
  }
}

/** Prisma's own command line began a migration here and did not finish it. */
export class MigrationUnfinished extends Error {
  readonly code = 'PG_MIGRATION_UNFINISHED';
  constructor(name: string) {
    super(
      `migration ${name} was begun and not finished: repair the database, then run "npx prisma migrate resolve" for it`,
    );
  }
}

/** The database knows a migration that this program does not have. */
export class DatabaseIsNewer extends Error {
  readonly code = 'PG_DATABASE_IS_NEWER';
  constructor(name: string) {
    super(
      `the database has migration ${name}, which this program does not know: it was used by a newer version; run that one`,
    );
  }
}

/** A refused connection to several addresses is an AggregateError without a message of its own. */
function reasonOf(cause: unknown): string {
  const { message, errors } = Object(cause) as { message?: string; errors?: unknown[] };
  return message || errors?.map(reasonOf).join('; ') || String(cause);
}
