/**
 * A KDC of real parts for tests: a database of its own, the event log, the key store and the command handlers, once or several
 * times over one database, as several server processes would be. Clients and services do their cryptography themselves.
 */
import { Global, Module, type Provider } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { Test, type TestingModule } from '@nestjs/testing';
import { randomBytes, randomUUID } from 'node:crypto';
import {
  createKeyStore,
  createNameKey,
  CreateAccount,
  CreateForest,
  DirectoryModule,
  directoryEvents,
  KEY_STORE,
  NAME_KEY,
  readKeyEncryptionKey,
  RegisterSpns,
  type CommandRequest,
  type KeyEncryptionKey,
} from '#directory';
import {
  CLOCK,
  createEventStore,
  createSystemClock,
  EVENT_STORE,
  instantToNanos,
  nanosToInstant,
  RANDOM,
  systemRandom,
  type EventStore,
  type RecordedEvent,
} from '#event-store';
import { defaultSalt, makeProof, openChallenge, stringToKey, ticketId } from '#kerberos';
import { createPool } from '#postgres';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { AuthenticationModule } from './authentication.module.js';
import {
  PresentTicket,
  RequestServiceTicket,
  RequestTgt,
  ReturnProof,
  VerifyClient,
} from './exchange/exchange.commands.js';
import { exchangeEvents } from './exchange/exchange.events.js';
import { lockoutEvents } from './lockout/lockout.events.js';

export const FOREST = 'corp.example';
export const WEB = 'HTTP/web1.corp.example';
export const ALICE_PASSWORD = 'correct horse battery staple';
export const WEB_PASSWORD = 'web service pass phrase';
const ETYPE = 18;

/** One server: its own pool, log and handlers. */
export type Server = {
  readonly bus: CommandBus;
  readonly store: EventStore;
  /** Moves this server's clock. */
  advance(seconds: number): void;
  now(): string;
  close(): Promise<void>;
};

export type Site = {
  readonly database: TestDatabase;
  readonly server: Server;
  /** Another server over the same database; `wrap` may put something between its handlers and the log. */
  another(wrap?: (store: EventStore) => EventStore): Promise<Server>;
  events(): Promise<RecordedEvent[]>;
  close(): Promise<void>;
};

export async function openSite(): Promise<Site> {
  const database = await createTestDatabase();
  const kek = readKeyEncryptionKey(randomBytes(32).toString('base64'), 'the test');
  const servers: Server[] = [];
  const another = async (wrap?: (store: EventStore) => EventStore): Promise<Server> => {
    const server = await openServer(database, kek, wrap);
    servers.push(server);
    return server;
  };
  const server = await another();
  return {
    database,
    server,
    another,
    events: () => readAllEvents(server.store),
    close: async () => {
      await Promise.all(servers.map((one) => one.close()));
      await database.drop();
    },
  };
}

async function openServer(
  database: TestDatabase,
  kek: KeyEncryptionKey,
  wrap: (store: EventStore) => EventStore = (store) => store,
): Promise<Server> {
  const pool = createPool(database.url, { max: 6, applicationName: 'test server' });
  const store = wrap(createEventStore({ pool, catalogues: [directoryEvents, exchangeEvents, lockoutEvents] }));
  const system = createSystemClock();
  let ahead = 0n;
  const now = (): string => nanosToInstant(instantToNanos(system.now()) + ahead * 1_000_000_000n);
  const module = await compile([
    { provide: EVENT_STORE, useValue: store },
    { provide: KEY_STORE, useValue: createKeyStore(pool, kek) },
    { provide: NAME_KEY, useValue: await createNameKey(pool, kek, systemRandom) },
    { provide: CLOCK, useValue: { now } },
    { provide: RANDOM, useValue: systemRandom },
  ]);
  return {
    bus: module.get(CommandBus),
    store,
    advance: (seconds) => (ahead += BigInt(seconds)),
    now,
    close: async () => {
      await module.close();
      await pool.end();
    },
  };
}

async function compile(providers: Provider[]): Promise<TestingModule> {
  @Global()
  @Module({ providers, exports: providers.map((provider) => (provider as { provide: symbol }).provide) })
  class Ports {}
  const module = await Test.createTestingModule({ imports: [Ports, DirectoryModule, AuthenticationModule] }).compile();
  return module.init();
}

export async function readAllEvents(store: EventStore): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for (;;) {
    const page = await store.readAll({ after: events.length, limit: 1_000 });
    if (page.length === 0) return events;
    events.push(...page);
  }
}

export function by(actor: string, requestId: string = randomUUID()): CommandRequest {
  return { requestId, caller: { actor, administers: actor === 'admin' ? 'all' : 'none' } };
}

export type Accounts = { readonly alice: string; readonly web: string; readonly spare: string };

/** Forest corp.example: alice, svc-web that holds HTTP/web1.corp.example, and svc-spare that holds nothing. */
export async function settle({ bus }: Server): Promise<Accounts> {
  await bus.execute(new CreateForest(by('admin'), FOREST));
  const create = async (samAccountName: string, password: string): Promise<string> => {
    const details = { forest: FOREST, domain: FOREST, kind: 'user', samAccountName, password } as const;
    return (await bus.execute(new CreateAccount(by('admin'), details))).account;
  };
  const alice = await create('alice', ALICE_PASSWORD);
  const web = await create('svc-web', WEB_PASSWORD);
  const spare = await create('svc-spare', 'spare pass phrase');
  await bus.execute(new RegisterSpns(by('admin'), web, [WEB]));
  return { alice, web, spare };
}

/** The client's side of S1: its key from its password, its own clock. */
export async function proofOf(
  password: string,
  { user = 'alice', at, etype = ETYPE }: { user?: string; at?: string; etype?: number } = {},
): Promise<string> {
  const key = await stringToKey(etype, password, defaultSalt(FOREST.toUpperCase(), [user]));
  const nowMicros = at === undefined ? BigInt(Date.now()) * 1_000n : instantToNanos(at) / 1_000n;
  return makeProof({ etype, key, confounder: randomBytes(16), nowMicros }).toString('hex');
}

export async function logOn({ bus, now }: Server): Promise<string> {
  const proof = await proofOf(ALICE_PASSWORD, { at: now() });
  const reply = await bus.execute(new RequestTgt(by('alice'), FOREST, 'alice@CORP.EXAMPLE', proof));
  if (reply.outcome !== 'issued') throw new Error(`alice was not logged on: ${JSON.stringify(reply)}`);
  return reply.handle;
}

export type Ticket = {
  readonly request: string;
  readonly ticket: string;
  readonly ciphertext: string;
  readonly kvno: number;
};

export async function askForTicket({ bus }: Server, handle: string, spn: string = WEB): Promise<Ticket> {
  const reply = await bus.execute(new RequestServiceTicket(by('alice'), handle, { spn }));
  if (reply.outcome !== 'issued') throw new Error(`no ticket for ${spn}: ${JSON.stringify(reply)}`);
  return reply;
}

/** The service's own decryption with its own password; the id of what it was handed. Throws what openChallenge throws. */
export async function decrypt(ciphertext: string, password: string = WEB_PASSWORD, user = 'svc-web') {
  const bytes = Buffer.from(ciphertext, 'hex');
  const key = await stringToKey(ETYPE, password, defaultSalt(FOREST.toUpperCase(), [user]));
  return { ...openChallenge(ETYPE, key, bytes), ticket: ticketId(bytes) };
}

/** S6 and S7 by the service `svc-web`; gives the presentation and the proof that the service passes back. */
export async function present(
  { bus }: Server,
  { request, ticket, ciphertext, kvno }: Ticket,
): Promise<{ readonly presentation: string; readonly proof: string }> {
  const { presentation } = await bus.execute(new PresentTicket(by('svc-web'), request, ticket));
  const { client: clientName, nonce } = await decrypt(ciphertext);
  await bus.execute(
    new VerifyClient(by('svc-web'), presentation, { outcome: 'verified', clientName, etype: ETYPE, kvno }),
  );
  return { presentation, proof: Buffer.from(nonce).toString('hex') };
}

export function returnProof({ bus }: Server, presentation: string, handle: string, proof: string) {
  return bus.execute(new ReturnProof(by('alice'), presentation, handle, proof));
}
