/** Arrays in binary arrive in PostgreSQL as they were. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { byteaArray, hexArray, integerArray, textArray, uuidArray } from './array-parameter.js';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

async function arrived(type: string, parameter: Buffer): Promise<unknown> {
  const { rows } = await database.pool.query(`SELECT $1::${type}[] AS value`, [parameter]);
  return rows[0].value;
}

const RUNS = { numRuns: 50 };
const orNull = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<(T | null)[]> => fc.array(fc.option(value), { maxLength: 20 });
/** PostgreSQL's text holds everything but NUL. */
const text = fc.string({ unit: 'binary' }).filter((value) => !value.includes('\0'));
const bytes = fc.uint8Array({ maxLength: 100 });

describe('a binary array parameter', () => {
  it('of text, with quotes, backslashes, any script, and nulls', async () => {
    await fc.assert(
      fc.asyncProperty(orNull(text), async (values) => {
        expect(await arrived('text', textArray(values))).toEqual(values);
      }),
      RUNS,
    );
  });

  it('of integers and nulls', async () => {
    await fc.assert(
      fc.asyncProperty(orNull(fc.integer()), async (values) => {
        expect(await arrived('integer', integerArray(values))).toEqual(values);
      }),
      RUNS,
    );
  });

  it('of bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(bytes, { maxLength: 20 }), async (values) => {
        expect(await arrived('bytea', byteaArray(values))).toEqual(values.map((value) => Buffer.from(value)));
      }),
      RUNS,
    );
  });

  it('of bytes given as hex digits, and nulls', async () => {
    await fc.assert(
      fc.asyncProperty(orNull(bytes), async (values) => {
        const buffers = values.map((value) => value && Buffer.from(value));
        expect(await arrived('bytea', hexArray(buffers.map((value) => value && value.toString('hex'))))).toEqual(
          buffers,
        );
      }),
      RUNS,
    );
  });

  it('of UUIDs', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uuid(), { maxLength: 20 }), async (values) => {
        const { rows } = await database.pool.query('SELECT $1::uuid[]::text[] AS value', [uuidArray(values)]);
        expect(rows[0].value).toEqual(values);
      }),
      RUNS,
    );
  });
});
