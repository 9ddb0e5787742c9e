/** KDC logic: logons, ticket requests, presentations and lockouts; their commands and events. */
export { AuthenticationModule } from './authentication.module.js';
export { AuthenticationRefusal, type AuthenticationRefusalCode } from './authentication-refusal.error.js';
export {
  exchangeEvents,
  logonEvents,
  presentationEvents,
  ticketRequestEvents,
  type ExchangeEvent,
  type LogonEvent,
  type PresentationEvent,
  type TicketRequestEvent,
} from './exchange/exchange.events.js';
export { lockoutEvents, type LockoutEvent } from './lockout/lockout.events.js';
export {
  PresentTicket,
  RequestApplication,
  RequestServiceTicket,
  RequestTgt,
  ReturnProof,
  VerifyClient,
  type EtypeInfo,
  type PresentTicketReply,
  type Refused,
  type RequestApplicationReply,
  type RequestServiceTicketReply,
  type RequestTgtReply,
  type ReturnProofReply,
  type VerifyClientReply,
} from './exchange/exchange.commands.js';
export type { ClientReport } from './exchange/presentation.decider.js';
