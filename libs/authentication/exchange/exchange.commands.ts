/**
 * The commands of the challenge form, in the order of an exchange (architecture §2): the client's RequestTgt and
 * RequestServiceTicket, the service's PresentTicket and VerifyClient, the client's ReturnProof, the service's RequestApplication.
 *
 * A refusal by protocol is a reply with the code of RFC 4120 and is recorded; a mistake of the caller is thrown as
 * AuthenticationRefusal and is not. Bytes travel as hex. Every reply has the log position to read after.
 */
import { Command } from '@nestjs/cqrs';
import type { Caller } from '#directory';
import type { SpnParts } from '#spn';

export type ExchangeRequest = {
  /** UUID; the same id asks for the same answer again, except for the secrets of an answer, which are given once. */
  readonly requestId: string;
  readonly caller: Caller;
  readonly traceparent?: string | undefined;
};

export type Refused = { readonly outcome: 'refused'; readonly code: string; readonly reason: string };

/** How to make the client's key from its password (ETYPE-INFO2, RFC 4120 §5.2.7.5), the preferred type first. */
export type EtypeInfo = {
  readonly etype: number;
  readonly salt: string;
  readonly iterations: number;
  readonly kvno: number;
};

export type RequestTgtReply = { readonly position: number } & (
  | { readonly outcome: 'preauth-required'; readonly etypeInfo: readonly EtypeInfo[] }
  | { readonly outcome: 'issued'; readonly logon: string; readonly handle: string; readonly expiresAt: string }
  | (Refused & { readonly logon: string })
);

/** S1. */
export class RequestTgt extends Command<RequestTgtReply> {
  constructor(
    readonly input: ExchangeRequest & {
      readonly forest: string;
      /** UPN, sAMAccountName, or sAMAccountName@REALM. */
      readonly clientName: string;
      /** PA-ENC-TS-ENC encrypted with the client's key of this etype (default: the first of the etype info). */
      readonly proof?: string | undefined;
      readonly etype?: number | undefined;
    },
  ) {
    super();
  }
}

export type RequestServiceTicketReply = {
  readonly position: number;
  readonly request: string;
  readonly spn: string;
} & (
  | {
      readonly outcome: 'issued';
      /** Upper-case hex SHA-256 of the ciphertext. */
      readonly ticket: string;
      readonly etype: number;
      readonly kvno: number;
      readonly ciphertext: string;
      readonly expiresAt: string;
    }
  | Refused
);

/** S2–S5: the SPN as known, or the parts that the client composes it from. */
export class RequestServiceTicket extends Command<RequestServiceTicketReply> {
  constructor(
    readonly input: ExchangeRequest & { readonly handle: string } & (
        | { readonly spn: string; readonly compose?: undefined }
        | { readonly compose: SpnParts; readonly spn?: undefined }
      ),
  ) {
    super();
  }
}

export type PresentTicketReply = { readonly position: number; readonly presentation: string } & (
  { readonly outcome: 'presented' } | Refused
);

/** S6, by the service: what it was handed. From here on the presentation belongs to this caller. */
export class PresentTicket extends Command<PresentTicketReply> {
  constructor(
    readonly input: ExchangeRequest & {
      readonly request: string;
      /** Upper-case hex SHA-256 of the ciphertext that the service was handed. */
      readonly ticket: string;
    },
  ) {
    super();
  }
}

export type VerifyClientReply = { readonly position: number } & (
  { readonly outcome: 'verified' } | { readonly outcome: 'rejected'; readonly code: string; readonly reason: string }
);

/** S7, by the service: what came out when it decrypted the message with its own key. */
export class VerifyClient extends Command<VerifyClientReply> {
  constructor(
    readonly input: ExchangeRequest & { readonly presentation: string } & (
        | { readonly outcome: 'verified'; readonly clientName: string; readonly etype: number; readonly kvno: number }
        | {
            readonly outcome: 'rejected';
            /** A name of RFC 4120 §7.5.9, such as KRB_AP_ERR_BAD_INTEGRITY. */
            readonly code: string;
            readonly reason: string;
            readonly etype?: number | undefined;
            readonly kvno?: number | undefined;
          }
      ),
  ) {
    super();
  }
}

export type ReturnProofReply = { readonly position: number } & (
  { readonly outcome: 'verified' } | { readonly outcome: 'failed'; readonly code: string; readonly reason: string }
);

/** S8 and S9, by the client that asked for the ticket: what the service passed back to it. */
export class ReturnProof extends Command<ReturnProofReply> {
  constructor(
    readonly input: ExchangeRequest & {
      readonly presentation: string;
      /** Of the logon that the ticket was issued to: nobody else can finish the exchange. */
      readonly handle: string;
      readonly proof: string;
    },
  ) {
    super();
  }
}

export type RequestApplicationReply = { readonly position: number } & (
  { readonly outcome: 'allowed'; readonly clientName: string } | Refused
);

/** By the service, for each application request that a client sends under this presentation. */
export class RequestApplication extends Command<RequestApplicationReply> {
  constructor(readonly input: ExchangeRequest & { readonly presentation: string; readonly operation: string }) {
    super();
  }
}
