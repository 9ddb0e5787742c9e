/** The directory as the server runs it, over a database of the suite: the Nest module, its ports, and the command bus in front. */
import 'reflect-metadata';
import { randomBytes, randomUUID } from 'node:crypto';
import { NestFactory } from '@nestjs/core';
import { CommandBus, CqrsModule, type Command } from '@nestjs/cqrs';
import type { Pool } from 'pg';
import { CLOCK, createEventStore, createSystemClock, EVENT_STORE, RANDOM, type EventStore } from '#event-store';
import type { Caller, CommandRequest } from './caller.js';
import { directoryEvents } from './directory.events.js';
import { DirectoryModule } from './directory.module.js';
import { readKeyEncryptionKey, type KeyEncryptionKey } from './secret/key-encryption-key.js';
import { createKeyStore, KEY_STORE, type KeyStore } from './secret/key-store.js';
import { createNameKey, NAME_KEY, type NameKey } from './secret/name-key.js';

export type TestDirectory = {
  readonly store: EventStore;
  readonly kek: KeyEncryptionKey;
  readonly keyStore: KeyStore;
  readonly nameKey: NameKey;
  execute<Reply>(command: Command<Reply>): Promise<Reply>;
  close(): Promise<void>;
};

export async function openDirectory(
  pool: Pool,
  kekBase64 = randomBytes(32).toString('base64'),
): Promise<TestDirectory> {
  const kek = readKeyEncryptionKey(kekBase64, 'test');
  const nameKey = await createNameKey(pool, kek, randomBytes);
  const keyStore = createKeyStore(pool, kek);
  const store = createEventStore({ pool, catalogues: [directoryEvents] });
  const providers = [
    { provide: EVENT_STORE, useValue: store },
    { provide: CLOCK, useValue: createSystemClock() },
    { provide: RANDOM, useValue: randomBytes },
    { provide: KEY_STORE, useValue: keyStore },
    { provide: NAME_KEY, useValue: nameKey },
  ];
  const root = {
    module: DirectoryModule,
    global: true,
    imports: [CqrsModule.forRoot()],
    providers,
    exports: providers,
  };
  const app = await NestFactory.createApplicationContext(root, { logger: false });
  const bus = app.get(CommandBus);
  return {
    store,
    kek,
    keyStore,
    nameKey,
    execute: <Reply>(command: Command<Reply>) => bus.execute(command),
    close: () => app.close(),
  };
}

/** A request of its own, by an administrator of everything unless it says who asks. */
export function requestBy(
  caller: Caller = { actor: 'adm-kim', administers: 'all' },
  requestId: string = randomUUID(),
): CommandRequest {
  return { requestId, caller };
}
