/**
 * The whole command path of the server without HTTP: one RegisterSpns command per call through the command bus, on accounts of
 * its own. Each is a real decision: forest, account and name streams loaded, the rule profile applied, two events in two
 * streams and a guard on the forest, one receipt.
 */
import 'reflect-metadata';
import { randomBytes, randomUUID } from 'node:crypto';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { CommandBus, CqrsModule } from '@nestjs/cqrs';
import type { Pool } from 'pg';
import {
  CreateAccount,
  createKeyStore,
  CreateForest,
  DirectoryModule,
  KEY_STORE,
  NAME_KEY,
  readKeyEncryptionKey,
  RegisterSpns,
} from '#directory';
import { CLOCK, createSystemClock, EVENT_STORE, type EventStore, RANDOM, systemRandom } from '#event-store';
import { establishNameKey } from '#operations';
import type { AppendCase } from './event-log-cases.js';

const FOREST = 'bench.example';
/** Then the caller makes itself another account, which is one command more: an account holds a bounded list. */
const SPNS_PER_ACCOUNT = 100;

@Module({})
class BenchModule {}

export async function registerSpn(store: EventStore, pool: Pool): Promise<AppendCase & { close(): Promise<void> }> {
  const kek = readKeyEncryptionKey(randomBytes(32).toString('base64'), 'bench');
  const clock = createSystemClock();
  const nameKey = await establishNameKey({ store, pool, kek, clock, random: systemRandom });
  const providers = [
    { provide: EVENT_STORE, useValue: store },
    { provide: CLOCK, useValue: clock },
    { provide: RANDOM, useValue: systemRandom },
    { provide: KEY_STORE, useValue: createKeyStore(pool, kek) },
    { provide: NAME_KEY, useValue: nameKey },
  ];
  const imports = [CqrsModule.forRoot(), DirectoryModule];
  const root = { module: BenchModule, global: true, imports, providers, exports: providers };
  const app = await NestFactory.createApplicationContext(root, { logger: ['error'] });
  const bus = app.get(CommandBus);
  const request = () => ({ requestId: randomUUID(), caller: { actor: 'bench', administers: 'all' } }) as const;
  await bus.execute(new CreateForest(request(), FOREST));
  const newAccount = async (): Promise<string> => {
    const samAccountName = `svc-${randomBytes(6).toString('hex')}`;
    const details = { forest: FOREST, domain: FOREST, kind: 'user', samAccountName } as const;
    return (await bus.execute(new CreateAccount(request(), details))).account;
  };
  return {
    name: 'RegisterSpns command',
    caller: () => {
      let n = 0;
      let account = '';
      return async () => {
        if (n % SPNS_PER_ACCOUNT === 0) account = await newAccount();
        n++;
        const spn = `HTTP/${randomBytes(8).toString('hex')}.${FOREST}`;
        const reply = await bus.execute(new RegisterSpns(request(), account, [spn]));
        if (reply.outcome !== 'accepted') throw new Error(`not accepted: ${JSON.stringify(reply)}`);
      };
    },
    close: () => app.close(),
  };
}
