/**
 * The server's Nest modules. AppModule, of role `api`: the log, keys, clock and pools as providers, the libs' handlers, and the
 * controllers in front. HealthModule, of a process without that role: what machines ask it about itself.
 */
import { type DynamicModule, Global, Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, APP_PIPE } from '@nestjs/core';
import { CqrsModule } from '@nestjs/cqrs';
import { LoggerModule } from 'nestjs-pino';
import { AuthenticationModule } from '#authentication';
import { DirectoryModule, KEY_STORE, type KeyStore, NAME_KEY, type NameKey } from '#directory';
import { CLOCK, type Clock, EVENT_STORE, type EventStore, RANDOM, type Random } from '#event-store';
import { EVIDENCE, type Evidence } from '#evidence';
import { CHECKPOINT_SEEDS, type CheckpointSeeds, KEY_ENCRYPTION_KEY, OperationsModule } from '#operations';
import type { KeyEncryptionKey } from '#directory';
import { PROJECTORS, type Projectors } from '#projections';
import { Pool } from 'pg';
import { PrismaClient } from '#postgres';
import { PersonEraser } from './erasure/erase-person.js';
import { ARCHIVE, type ArchivePlaces } from './http/archive.controller.js';
import { controllers } from './http/controllers.js';
import { AccessGuard } from './http/access.guard.js';
import { HealthController } from './http/health.controller.js';
import { ProblemFilter } from './http/problem.filter.js';
import { ReadYourWrites } from './http/read-your-writes.js';
import { noNul, schemaPipe } from './http/schema-pipe.js';
import { loggerOptions } from './logging.js';
import { Doctor } from './doctor.js';
import { Metrics } from './metrics.js';
import { type Running, RUNNING } from './running.js';

export type ServerParts = {
  readonly store: EventStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly keyStore: KeyStore;
  readonly eraser: PersonEraser;
  readonly nameKey: NameKey;
  readonly keyEncryptionKey: KeyEncryptionKey;
  readonly pool: Pool;
  readonly prisma: PrismaClient;
  readonly projectors: Projectors;
  readonly evidence: Evidence;
  readonly running: Running;
  readonly archive: ArchivePlaces;
  readonly checkpointSeeds: CheckpointSeeds;
  readonly metrics: Metrics;
  readonly logLevel: string;
};

@Global()
@Module({})
export class AppModule {
  static with(parts: ServerParts): DynamicModule {
    const provided = [
      { provide: EVENT_STORE, useValue: parts.store },
      { provide: CLOCK, useValue: parts.clock },
      { provide: RANDOM, useValue: parts.random },
      { provide: KEY_STORE, useValue: parts.keyStore },
      { provide: PersonEraser, useValue: parts.eraser },
      { provide: NAME_KEY, useValue: parts.nameKey },
      { provide: KEY_ENCRYPTION_KEY, useValue: parts.keyEncryptionKey },
      { provide: Pool, useValue: parts.pool },
      { provide: PrismaClient, useValue: parts.prisma },
      { provide: PROJECTORS, useValue: parts.projectors },
      { provide: EVIDENCE, useValue: parts.evidence },
      { provide: RUNNING, useValue: parts.running },
      { provide: ARCHIVE, useValue: parts.archive },
      { provide: CHECKPOINT_SEEDS, useValue: parts.checkpointSeeds },
      { provide: Metrics, useValue: parts.metrics },
    ];
    return {
      module: AppModule,
      imports: [
        LoggerModule.forRoot(loggerOptions(parts.logLevel)),
        CqrsModule.forRoot(),
        DirectoryModule,
        AuthenticationModule,
        OperationsModule,
      ],
      controllers,
      providers: [
        ...provided,
        Doctor,
        { provide: APP_PIPE, useFactory: schemaPipe },
        { provide: APP_PIPE, useValue: noNul },
        { provide: APP_FILTER, useClass: ProblemFilter },
        { provide: APP_GUARD, useClass: AccessGuard },
        { provide: APP_INTERCEPTOR, useClass: ReadYourWrites },
      ],
      exports: provided,
    };
  }
}

@Module({})
export class HealthModule {
  static with({ running, metrics, logLevel }: Pick<ServerParts, 'running' | 'metrics' | 'logLevel'>): DynamicModule {
    return {
      module: HealthModule,
      imports: [LoggerModule.forRoot(loggerOptions(logLevel))],
      controllers: [HealthController],
      providers: [
        { provide: RUNNING, useValue: running },
        { provide: Metrics, useValue: metrics },
        { provide: APP_FILTER, useClass: ProblemFilter },
      ],
    };
  }
}
