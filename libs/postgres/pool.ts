/**
 * Connection pools. The program works as role `kerbtrail_app`, which owns the read models and may only add to the log;
 * migrations run as the role that the migration URL logs in with.
 *
 * One URL (`DATABASE_URL`, or the embedded server): every pool logs in as the migration role and steps down to
 * `kerbtrail_app` at connect. That guards against mistakes, not against a program that says SET ROLE NONE.
 * Two URLs (`DATABASE_URL` and `KERBTRAIL_MIGRATION_URL`): the separation is strict. `DATABASE_URL` logs in with a role
 * that is a member of `kerbtrail_app` and of nothing else; only `migrate` ever sees the migration URL.
 */
import { Pool, types } from 'pg';

export type PoolOptions = {
  /** Most connections at a time; further callers wait. */
  readonly max: number;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  /** Role to work as; `none` keeps the role of the URL (migrations, tests). Default `kerbtrail_app`. */
  readonly asRole?: 'kerbtrail_app' | 'none';
  /** The server cancels a statement that runs longer. Default: no limit. */
  readonly statementTimeoutMs?: number;
  /** A connection sends each query at once, behind those that are not answered yet. Default: it waits for the answer first. */
  readonly pipelined?: boolean;
};

const CONNECT_TIMEOUT_MS = 10_000;
const { builtins } = types;
const INT8_ARRAY = 1016;
const TEXT_ARRAY: number = 1009;
const TIMESTAMPTZ_ARRAY = 1185;

export class IntegerTooLarge extends Error {
  readonly code = 'PG_INTEGER_TOO_LARGE';
  constructor(text: string) {
    super(`${text} does not fit a JavaScript number exactly: select it as text (::text)`);
  }
}

function toSafeInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new IntegerTooLarge(text);
  return value;
}

/** `2026-11-22 10:53:32.933392+00`, as a session in UTC prints it, to `2026-11-22T10:53:32.933392Z`. */
function toInstant(text: string): string {
  return text.replace(' ', 'T').replace(/\+00$/, 'Z');
}

const PARSERS = new Map<number, (text: string) => unknown>([
  [builtins.INT8, toSafeInteger],
  [INT8_ARRAY, arrayOf(toSafeInteger)],
  [builtins.TIMESTAMPTZ, toInstant],
  [TIMESTAMPTZ_ARRAY, arrayOf(toInstant)],
  [builtins.TIMESTAMP, String],
  [builtins.DATE, String],
]);

/** Arrays of one dimension. */
function arrayOf<T>(parse: (text: string) => T): (text: string) => (T | null)[] {
  const split = types.getTypeParser(TEXT_ARRAY) as (text: string) => (string | null)[];
  return (text) => split(text).map((entry) => (entry === null ? null : parse(entry)));
}

/**
 * A pool whose rows hold int8 as a number (beyond 2^53: `IntegerTooLarge`), timestamptz as RFC 3339 UTC text with the
 * server's microseconds, timestamp and date as text; never a Date. The parsers are this pool's own: Prisma and other
 * users of `pg` in the process keep theirs. Sessions are in UTC. Losing a connection never ends the process: the next
 * query on it fails instead. The caller ends the pool.
 */
export function createPool(
  url: string,
  { max, applicationName, asRole = 'kerbtrail_app', statementTimeoutMs, pipelined = false }: PoolOptions,
): Pool {
  const settings = ['-c TimeZone=UTC', '-c DateStyle=ISO'];
  if (asRole !== 'none') settings.push(`-c role=${asRole}`);
  if (statementTimeoutMs !== undefined) settings.push(`-c statement_timeout=${statementTimeoutMs}`);
  const pool = new Pool({
    connectionString: withSettings(url, settings),
    application_name: applicationName,
    max,
    pipeline: pipelined,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    types: {
      getTypeParser: (oid: number, format?: 'text' | 'binary') =>
        (format !== 'binary' && PARSERS.get(oid)) || types.getTypeParser(oid, format as 'text'),
    },
  });
  // Without listeners the loss of an idle connection, in the pool or in a caller's hands, would be an unhandled 'error'.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}

/** Options in the URL win over options beside it (pg), so ours are added to those in the URL. */
function withSettings(url: string, settings: readonly string[]): string {
  const parsed = new URL(url);
  const options = [parsed.searchParams.get('options'), ...settings].filter(Boolean).join(' ');
  parsed.searchParams.set('options', options);
  return parsed.toString();
}
