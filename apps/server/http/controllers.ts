/** Every controller of the server: the list that the access matrix test walks. */
import { AccountsController } from './accounts.controller.js';
import { ArchiveController } from './archive.controller.js';
import { AttemptsController } from './attempts.controller.js';
import { BackupsController } from './backups.controller.js';
import { DeadLettersController } from './dead-letters.controller.js';
import { DirectoryController } from './directory.controller.js';
import { EventsController } from './events.controller.js';
import { EvidenceController } from './evidence.controller.js';
import { ExchangesController } from './exchanges.controller.js';
import { ForestsController } from './forests.controller.js';
import { HealthController } from './health.controller.js';
import { ImportsController } from './imports.controller.js';
import { OperationController } from './operation.controller.js';
import { PersonsController } from './persons.controller.js';
import { SpnsController } from './spns.controller.js';
import { TokensController } from './tokens.controller.js';

export const controllers = [
  HealthController,
  ForestsController,
  AccountsController,
  ExchangesController,
  ImportsController,
  SpnsController,
  DirectoryController,
  AttemptsController,
  EventsController,
  TokensController,
  OperationController,
  DeadLettersController,
  ArchiveController,
  EvidenceController,
  BackupsController,
  PersonsController,
];
