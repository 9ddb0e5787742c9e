/**
 * The KDC's command handlers. The log, the keys, the clock and the random source come from the application, under the
 * tokens EVENT_STORE, KEY_STORE, NAME_KEY, CLOCK and RANDOM.
 */
import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import { ExchangeLog } from './exchange/exchange-log.js';
import { RequestTgtHandler } from './exchange/logon.handlers.js';
import {
  PresentTicketHandler,
  RequestApplicationHandler,
  ReturnProofHandler,
  VerifyClientHandler,
} from './exchange/presentation.handlers.js';
import { RequestServiceTicketHandler } from './exchange/ticket-request.handlers.js';

@Module({
  imports: [CqrsModule],
  providers: [
    ExchangeLog,
    RequestTgtHandler,
    RequestServiceTicketHandler,
    PresentTicketHandler,
    VerifyClientHandler,
    ReturnProofHandler,
    RequestApplicationHandler,
  ],
})
export class AuthenticationModule {}
