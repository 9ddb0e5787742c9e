/** Every controller of the server: the list that the access matrix test walks. */
import { AccountsController } from './accounts.controller.js';
import { EventsController } from './events.controller.js';
import { ExchangesController } from './exchanges.controller.js';
import { ForestsController } from './forests.controller.js';
import { HealthController } from './health.controller.js';
import { ImportsController } from './imports.controller.js';
import { TokensController } from './tokens.controller.js';

export const controllers = [
  HealthController,
  ForestsController,
  AccountsController,
  ExchangesController,
  ImportsController,
  EventsController,
  TokensController,
];
