/** The worked example of docs/schema-evolution.md, executed as it stands there, on a real log that seals. */
import { randomBytes, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import { z } from 'zod';
import { createEventStore, defineEvent, PERSON, systemRandom, type EventDefinition } from '#event-store';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { readKeyEncryptionKey } from './key-encryption-key.js';
import { createNameKey } from './name-key.js';
import { createSubjectKeys, type ErasableSubjectKeys } from './subject-keys.js';

const page = readFileSync(new URL('../../../docs/schema-evolution.md', import.meta.url), 'utf8');

/** The text of the block that the page marks so. */
function block(example: string): string {
  const found = new RegExp(`^\`\`\`\\w+ example=${example}\n(.*?)^\`\`\``, 'ms').exec(page);
  if (!found) throw new Error(`docs/schema-evolution.md has no example ${example}`);
  return found[1]!;
}

function definition(example: string): EventDefinition {
  const { outputText } = ts.transpileModule(block(example), { compilerOptions: { target: ts.ScriptTarget.ES2022 } });
  return new Function('defineEvent', 'z', 'PERSON', `${outputText}; return TicketSeen;`)(
    defineEvent,
    z,
    PERSON,
  ) as EventDefinition;
}

let database: TestDatabase;
let subjectKeys: ErasableSubjectKeys;

beforeAll(async () => {
  database = await createTestDatabase();
  const kek = readKeyEncryptionKey(randomBytes(32).toString('base64'), 'test');
  const nameKey = await createNameKey(database.pool, kek, systemRandom);
  subjectKeys = createSubjectKeys({ pool: database.pool, kek, nameKey, random: systemRandom });
});
afterAll(() => database.drop());

const storeWith = (example: string) =>
  createEventStore({ pool: database.pool, catalogues: [{ TicketSeen: definition(example) }], subjectKeys });

describe('the worked example', () => {
  it('is read in the newest shape whatever it was written in, and still is when the person is erased', async () => {
    const written = JSON.parse(block('written')) as { client: string; spn: string };
    const event = {
      type: 'TicketSeen',
      schemaVersion: 1,
      occurredAt: '2026-11-22T10:00:00Z',
      data: written,
      metadata: { origin: 'observed' },
    } as const;
    const writes = [{ stream: 'source-a', expected: 0, events: [event] }];
    await storeWith('1').append([{ id: randomUUID(), digest: Buffer.alloc(32), writes }]);

    const [second] = await storeWith('2').readStream('source-a');
    expect(second).toMatchObject({ schemaVersion: 2, data: { clientName: 'alice', realm: 'CORP.EXAMPLE' } });
    const [third] = await storeWith('3').readStream('source-a');
    const read: unknown = JSON.parse(block('read'));
    expect(third!.data).toEqual(read);
    expect(definition('3').schema.safeParse(third!.data).success).toBe(true);

    await subjectKeys.erase(await subjectKeys.find([{ forest: '', name: written.client }]));
    const [erased] = await storeWith('3').readStream('source-a');
    expect(erased!.data).toEqual({ clientName: expect.stringMatching(/^erased:/), spns: [written.spn] });
    expect(definition('3').schema.safeParse(erased!.data).success).toBe(true);
  });

  it('is refused by a program that does not know its version', async () => {
    const event = { type: 'TicketSeen', schemaVersion: 3, occurredAt: '2026-11-22T10:00:00Z' };
    const data = JSON.parse(block('read')) as Record<string, string>;
    const writes = [
      {
        stream: 'source-b',
        expected: 0 as const,
        events: [{ ...event, data, metadata: { origin: 'observed' as const } }],
      },
    ];
    await storeWith('3').append([{ id: randomUUID(), digest: Buffer.alloc(32), writes }]);
    await expect(storeWith('1').readStream('source-b')).rejects.toMatchObject({ code: 'ES_NEWER_SCHEMA_VERSION' });
  });
});
