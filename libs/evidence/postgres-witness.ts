/**
 * The witness as a table of another PostgreSQL, or at least of another role than those of the log:
 *
 *   CREATE TABLE kerbtrail_witness (origin text PRIMARY KEY, note text NOT NULL, changed_at timestamptz NOT NULL);
 *   GRANT SELECT, INSERT, UPDATE ON kerbtrail_witness TO <role of the witness URL>;
 *
 * A role that may create it does so at its first use. The swap is an UPDATE of the row that still has the note of before.
 */
import { createPool } from '#postgres';
import { WitnessUnavailable } from './evidence.error.js';
import type { Witness } from './witness.js';

const STATEMENT_TIMEOUT_MS = 5_000;
const UNDEFINED_TABLE = '42P01';
const TABLE =
  'CREATE TABLE IF NOT EXISTS kerbtrail_witness (origin text PRIMARY KEY, note text NOT NULL, changed_at timestamptz NOT NULL)';

export function createPostgresWitness(url: string, origin: string): Witness {
  const { host, pathname } = new URL(url);
  const place = `postgresql://${host}${pathname}`;
  const pool = createPool(url, {
    max: 1,
    applicationName: 'kerbtrail witness',
    asRole: 'none',
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
  });
  const query = async <Row extends object>(text: string, values: unknown[]) => {
    try {
      return await pool.query<Row>(text, values).catch(async (error: Error & { code?: string }) => {
        if (error.code !== UNDEFINED_TABLE) throw error;
        await pool.query(TABLE);
        return pool.query<Row>(text, values);
      });
    } catch (cause) {
      throw new WitnessUnavailable(place, cause);
    }
  };
  return {
    place,
    async read() {
      const { rows } = await query<{ note: string }>('SELECT note FROM kerbtrail_witness WHERE origin = $1', [origin]);
      return rows[0]?.note ?? null;
    },
    async swap(last, next) {
      const { rowCount } =
        last === null
          ? await query(
              'INSERT INTO kerbtrail_witness (origin, note, changed_at) VALUES ($1, $2, clock_timestamp()) ON CONFLICT DO NOTHING',
              [origin, next],
            )
          : await query(
              'UPDATE kerbtrail_witness SET note = $3, changed_at = clock_timestamp() WHERE origin = $1 AND note = $2',
              [origin, last, next],
            );
      return rowCount === 1;
    },
    close: () => pool.end(),
  };
}
