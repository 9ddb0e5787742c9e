/**
 * The commands of the challenge form, in the order of an exchange (architecture §2): the client's RequestTgt and
 * RequestServiceTicket, the service's PresentTicket and VerifyClient, the client's ReturnProof, the service's RequestApplication.
 *
 * A refusal by protocol is a reply with the code of RFC 4120 §7.5.9 and is recorded; a mistake of the caller is thrown as
 * AuthenticationRefusal and is not. Bytes travel as hex. A handle and a ciphertext are given once: the same request asked
 * again is refused with AUTH_ANSWER_GIVEN_ONCE, every other answer is given again.
 */
import { Command } from '@nestjs/cqrs';
import type { CommandRequest, Replied } from '#directory';
import type { SpnParts } from '#spn';
import type { ClientReport } from './presentation.decider.js';

export type Refused = { readonly outcome: 'refused'; readonly code: string; readonly reason: string };

/** How to make the client's key from its password (ETYPE-INFO2, RFC 4120 §5.2.7.5). */
export type EtypeInfo = {
  readonly etype: number;
  readonly salt: string;
  readonly iterations: number;
  readonly kvno: number;
};

export type RequestTgtReply =
  /** The preferred encryption type first. */
  | { readonly outcome: 'preauth-required'; readonly etypeInfo: readonly EtypeInfo[] }
  | { readonly outcome: 'issued'; readonly logon: string; readonly handle: string; readonly expiresAt: string }
  | (Refused & { readonly logon: string });

/**
 * S1. `clientName` is a UPN, a sAMAccountName or sAMAccountName@REALM; `proof` an encrypted PA-ENC-TS-ENC under the client's
 * key of `etype` (default: the first that the etype info names).
 */
export class RequestTgt extends Command<Replied<RequestTgtReply>> {
  constructor(
    readonly request: CommandRequest,
    readonly forest: string,
    readonly clientName: string,
    readonly proof?: string,
    readonly etype?: number,
  ) {
    super();
  }
}

export type RequestServiceTicketReply = { readonly request: string; readonly spn: string } & (
  | {
      readonly outcome: 'issued';
      /** Id of the ticket: upper-case hex SHA-256 of the ciphertext. */
      readonly ticket: string;
      readonly etype: number;
      readonly kvno: number;
      readonly ciphertext: string;
      readonly expiresAt: string;
    }
  | Refused
);

/** S2–S5. The service as its SPN, or as the parts that the client composes it from. */
export class RequestServiceTicket extends Command<Replied<RequestServiceTicketReply>> {
  constructor(
    readonly request: CommandRequest,
    readonly handle: string,
    readonly service: { readonly spn: string } | { readonly compose: SpnParts },
  ) {
    super();
  }
}

export type PresentTicketReply = { readonly presentation: string } & ({ readonly outcome: 'presented' } | Refused);

/** S6, by the service that was handed a ticket (`ticket`: its id). From here on the presentation belongs to this caller. */
export class PresentTicket extends Command<Replied<PresentTicketReply>> {
  constructor(
    readonly request: CommandRequest,
    readonly ticketRequest: string,
    readonly ticket: string,
  ) {
    super();
  }
}

export type VerifyClientReply =
  { readonly outcome: 'verified' } | { readonly outcome: 'rejected'; readonly code: string; readonly reason: string };

/** S7, by the service: what came out when its own process decrypted the ticket with its own key. */
export class VerifyClient extends Command<Replied<VerifyClientReply>> {
  constructor(
    readonly request: CommandRequest,
    readonly presentation: string,
    readonly report: ClientReport,
  ) {
    super();
  }
}

export type ReturnProofReply =
  { readonly outcome: 'verified' } | { readonly outcome: 'failed'; readonly code: string; readonly reason: string };

/** S8 and S9, by the client: `handle` is that of the logon which the ticket was issued to; nobody else can finish the exchange. */
export class ReturnProof extends Command<Replied<ReturnProofReply>> {
  constructor(
    readonly request: CommandRequest,
    readonly presentation: string,
    readonly handle: string,
    readonly proof: string,
  ) {
    super();
  }
}

export type RequestApplicationReply = { readonly outcome: 'allowed'; readonly clientName: string } | Refused;

/** By the service, for each application request that it gets under this presentation. */
export class RequestApplication extends Command<Replied<RequestApplicationReply>> {
  constructor(
    readonly request: CommandRequest,
    readonly presentation: string,
    readonly operation: string,
  ) {
    super();
  }
}
