/**
 * A process of its own with the directory's command bus, as a server has it; directory-race.int-spec.ts forks several. It
 * is plain JavaScript over dist/, because it runs outside Jest. A message { id, command, args } is answered with
 * { id, reply } or { id, code }.
 */
import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { NestFactory } from '@nestjs/core';
import { CommandBus, CqrsModule } from '@nestjs/cqrs';
import {
  ChangePolicy,
  createKeyStore,
  CreateAccount,
  DeleteAccount,
  directoryEvents,
  DirectoryModule,
  KEY_STORE,
  NAME_KEY,
  readKeyEncryptionKey,
  readNameKey,
  RegisterSpns,
  RenameAccount,
  SetPassword,
} from '#directory';
import { CLOCK, createEventStore, createSystemClock, EVENT_STORE, RANDOM } from '#event-store';
import { createPool } from '#postgres';

const commands = { ChangePolicy, CreateAccount, DeleteAccount, RegisterSpns, RenameAccount, SetPassword };
const [url, kekBase64] = process.argv.slice(2);
const pool = createPool(url, { max: 4, applicationName: 'directory process' });
const kek = readKeyEncryptionKey(kekBase64, 'test');
const providers = [
  { provide: EVENT_STORE, useValue: createEventStore({ pool, catalogues: [directoryEvents] }) },
  { provide: CLOCK, useValue: createSystemClock() },
  { provide: RANDOM, useValue: randomBytes },
  { provide: KEY_STORE, useValue: createKeyStore(pool, kek) },
  { provide: NAME_KEY, useValue: await readNameKey(pool, kek) },
];
const root = { module: DirectoryModule, global: true, imports: [CqrsModule.forRoot()], providers, exports: providers };
const app = await NestFactory.createApplicationContext(root, { logger: ['error'] });
const bus = app.get(CommandBus);

process.on('message', async ({ id, command, args }) => {
  try {
    process.send({ id, reply: await bus.execute(new commands[command](...args)) });
  } catch (error) {
    process.send({ id, code: error.code ?? String(error) });
  }
});
process.on('disconnect', () => process.exit());
process.send({ ready: true });
