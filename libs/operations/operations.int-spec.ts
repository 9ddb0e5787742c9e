/** Operators' commands on a real log: tokens that authenticate until they do not, keys told once, the name key at a start. */
import 'reflect-metadata';
import { randomBytes, randomUUID } from 'node:crypto';
import { NestFactory } from '@nestjs/core';
import { CommandBus, CqrsModule } from '@nestjs/cqrs';
import type { INestApplicationContext } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Pool } from 'pg';
import { NAME_KEY, readKeyEncryptionKey, type CommandRequest, type NameKey } from '#directory';
import { CLOCK, createEventStore, createSystemClock, EVENT_STORE, RANDOM, type EventStore } from '#event-store';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { recordImportEnd, recordImportStart, recordSourceBinding } from './import/record-import.js';
import { CHECKPOINT_SEEDS } from './evidence/evidence.handlers.js';
import { establishNameKey } from './key/establish-name-key.js';
import { ExportKeyEncryptionKey } from './key/keys.commands.js';
import { isKeyExported, KEY_ENCRYPTION_KEY } from './key/keys.handlers.js';
import { importStream, KEYS_STREAM, tokenStream } from './operation-log.js';
import { operationEvents } from './operation.events.js';
import { OperationsModule } from './operations.module.js';
import { authenticate } from './token/authenticate.js';
import { CreateToken, RevokeToken } from './token/token.commands.js';

const clock = createSystemClock();
const newKek = () => readKeyEncryptionKey(randomBytes(32).toString('base64'), 'test');
const kek = newKek();

let database: TestDatabase;
let store: EventStore;
let nameKey: NameKey;
let app: INestApplicationContext;
let bus: CommandBus;

beforeAll(async () => {
  database = await createTestDatabase();
  store = createEventStore({ pool: database.pool, catalogues: [operationEvents] });
  nameKey = await start();
  const providers = [
    { provide: EVENT_STORE, useValue: store },
    { provide: CLOCK, useValue: clock },
    { provide: RANDOM, useValue: randomBytes },
    { provide: NAME_KEY, useValue: nameKey },
    { provide: KEY_ENCRYPTION_KEY, useValue: kek },
    { provide: Pool, useValue: database.pool },
    { provide: CHECKPOINT_SEEDS, useValue: { establish: async (origin: string, key: number) => `${origin}+${key}` } },
  ];
  const root = {
    module: OperationsModule,
    global: true,
    imports: [CqrsModule.forRoot()],
    providers,
    exports: providers,
  };
  app = await NestFactory.createApplicationContext(root, { logger: false });
  bus = app.get(CommandBus);
});
afterAll(async () => {
  await app.close();
  await database.drop();
});

const start = (by = kek) => establishNameKey({ store, pool: database.pool, kek: by, clock, random: randomBytes });
const operator = (): CommandRequest => ({ requestId: randomUUID(), caller: { actor: 'ops', administers: 'all' } });
const typesOf = async (stream: string) => (await store.readStream(stream)).map(({ type }) => type);
const now = () => clock.now();

describe('tokens', () => {
  it('tell who their bearer is, until they are revoked', async () => {
    const details = { actor: 'jenkins', roles: ['installer'], scope: { accounts: ['a1'] } } as const;
    const created = await bus.execute(new CreateToken(operator(), { ...details, scope: { accounts: ['a1'] } }));
    expect(await authenticate(store, created.text, now())).toEqual({ token: created.token, ...details });
    const revoked = await bus.execute(new RevokeToken(operator(), created.token));
    expect(revoked.position).toBeGreaterThan(created.position);
    expect(await authenticate(store, created.text, now())).toBeNull();
    await expect(bus.execute(new RevokeToken(operator(), 'ffffffffffffffff'))).rejects.toMatchObject({
      code: 'OPS_TOKEN_UNKNOWN',
      kind: 'not-found',
    });
  });

  it('admit nobody with another secret, another id, or after their end', async () => {
    const expiresAt = '2999-01-01T00:00:00Z';
    const [one, two] = await Promise.all(
      [1, 2].map(() => bus.execute(new CreateToken(operator(), { actor: 'a', roles: ['auditor'], expiresAt }))),
    );
    const [, secret] = /^kt_[0-9a-f]{16}_(.*)$/.exec(two!.text)!;
    expect(await authenticate(store, `kt_${one!.token}_${secret}`, now())).toBeNull();
    expect(await authenticate(store, `kt_${'0'.repeat(16)}_${secret}`, now())).toBeNull();
    expect(await authenticate(store, 'nonsense', now())).toBeNull();
    expect(await authenticate(store, one!.text, now())).not.toBeNull();
    expect(await authenticate(store, one!.text, expiresAt)).toBeNull();
  });

  it('stand nowhere: the log has a digest of the secret, and a retry is not told', async () => {
    const request = operator();
    const command = new CreateToken(request, { actor: 'a', roles: ['client'] });
    const { text, token } = await bus.execute(command);
    await expect(bus.execute(command)).rejects.toMatchObject({ code: 'OPS_ANSWER_GIVEN_ONCE', kind: 'conflict' });
    expect(await typesOf(tokenStream(token))).toEqual(['TokenCreated']);
    const { rows } = await database.adminPool.query<{ line: string }>(
      'SELECT body AS line FROM log.event_log UNION ALL SELECT reply FROM log.append_receipt',
    );
    const secret = text.split('_').slice(2).join('_');
    expect(rows.some(({ line }) => line?.includes(token))).toBe(true);
    expect(rows.some(({ line }) => line?.includes(secret))).toBe(false);
  });
});

describe('the key-encryption key', () => {
  it('is exported by an event that names its fingerprint, and told once per request', async () => {
    expect(await isKeyExported(store, kek)).toBe(false);
    const command = new ExportKeyEncryptionKey(operator());
    expect(await bus.execute(command)).toMatchObject({ fingerprint: kek.fingerprint, key: kek.export() });
    expect(await isKeyExported(store, kek)).toBe(true);
    expect(await isKeyExported(store, newKek())).toBe(false);
    await expect(bus.execute(command)).rejects.toMatchObject({ code: 'OPS_ANSWER_GIVEN_ONCE' });
    const { rows } = await database.adminPool.query<{ line: string }>(
      'SELECT body AS line FROM log.event_log UNION ALL SELECT reply FROM log.append_receipt',
    );
    expect(rows.filter(({ line }) => line?.includes(kek.export().replace(/=+$/, '')))).toEqual([]);
  });
});

describe('the name key at a start', () => {
  it('is the same at every start, and its event is written once, also when several processes start a new log', async () => {
    const fresh = await createTestDatabase();
    const stores = Array.from({ length: 4 }, () =>
      createEventStore({ pool: fresh.pool, catalogues: [operationEvents] }),
    );
    const keys = await Promise.all(
      stores.map((each) => establishNameKey({ store: each, pool: fresh.pool, kek, clock, random: randomBytes })),
    );
    expect(new Set(keys.map(({ fingerprint }) => fingerprint)).size).toBe(1);
    expect((await stores[0]!.readStream(KEYS_STREAM)).map(({ type }) => type)).toEqual(['NameKeyEstablished']);
    await fresh.drop();
    expect((await start()).fingerprint).toBe(nameKey.fingerprint);
  });

  it('is refused under another key-encryption key', async () => {
    await expect(start(newKek())).rejects.toMatchObject({ code: 'KEY_UNWRAP_FAILED' });
  });

  it('is refused when the database lost it, or holds that of another log; it is never made again', async () => {
    const lost = await createTestDatabase();
    const lostStore = createEventStore({ pool: lost.pool, catalogues: [operationEvents] });
    const startLost = () => establishNameKey({ store: lostStore, pool: lost.pool, kek, clock, random: randomBytes });
    await startLost();
    await lost.adminPool.query('DELETE FROM secret.log_key');
    await expect(startLost()).rejects.toMatchObject({ code: 'OPS_NAME_KEY_MISSING' });
    const { rows } = await database.adminPool.query('SELECT wrapped FROM secret.log_key');
    await lost.adminPool.query("INSERT INTO secret.log_key (name, wrapped) VALUES ('name', $1)", [rows[0].wrapped]);
    await expect(startLost()).rejects.toMatchObject({ code: 'OPS_NAME_KEY_MISMATCH' });
    await lost.drop();
  });
});

describe('imports and their sources', () => {
  it('are recorded: the source bound once, the import started and finished once', async () => {
    const ports = { store, nameKey, clock };
    const binding = { source: 'samba/lab.example', kind: 'samba', forest: 'observed:lab.example' };
    await recordSourceBinding(ports, 'ops', binding);
    await recordSourceBinding(ports, 'ops', binding);
    expect(await typesOf('operation-source/samba/lab.example')).toEqual(['SourceBound']);
    await expect(
      recordSourceBinding(ports, 'ops', { ...binding, forest: 'observed:else.example' }),
    ).rejects.toMatchObject({ code: 'OPS_SOURCE_BOUND' });

    const end = {
      import: 'i1',
      bytes: 9,
      records: 3,
      appended: 2,
      duplicates: 0,
      unmapped: 1,
      quarantined: 0,
      sha256: 'ab',
    };
    await recordImportStart(ports, 'ops', { import: 'i1', name: 'log.samba', kind: 'samba' });
    await recordImportEnd(ports, 'ops', end);
    await expect(recordImportEnd(ports, 'ops', end)).rejects.toMatchObject({ code: 'OPS_IMPORT_STATE' });
    expect(await typesOf(importStream('i1'))).toEqual(['ImportStarted', 'ImportFinished']);
  });
});
