/**
 * The four commands on a presentation. Two parties take turns at it: the agent that presented (the service), and the client
 * whose logon the ticket was issued to. Guarded: the presentation, its ticket request, and the logon where a handle is shown.
 */
import { Inject } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { Caller, CommandRequest, Replied } from '#directory';
import { RANDOM } from '#event-store';
import type { Load, Random } from '#event-store';
import { errorByName, nonceDigest, proofMatches } from '#kerberos';
import { AuthenticationRefusal } from '../authentication-refusal.error.js';
import { ExchangeLog, type ExchangeWrite } from './exchange-log.js';
import {
  PresentTicket,
  RequestApplication,
  ReturnProof,
  VerifyClient,
  type PresentTicketReply,
  type RequestApplicationReply,
  type ReturnProofReply,
  type VerifyClientReply,
} from './exchange.commands.js';
import {
  exchangeStream,
  loadIssuedTicket,
  loadLogon,
  loadPresentation,
  newExchangeId,
  presentationIdOf,
} from './exchange-streams.js';
import {
  decideApplicationRequest,
  presentTicket,
  reportClient,
  verifyService,
  type ClientReport,
  type MisplacedStep,
  type Presentation,
  type StepDecision,
} from './presentation.decider.js';
import type { IssuedTicket } from './ticket-request.decider.js';

const TICKET_ID = /^[0-9A-F]{64}$/;
/** A nonce has 16 bytes; a wrong proof may have any number up to this. */
const PROOF = /^(?:[0-9a-f]{2}){1,64}$/i;
const TEXT_MAX = 500;

@CommandHandler(PresentTicket)
export class PresentTicketHandler implements ICommandHandler<PresentTicket> {
  constructor(
    private readonly log: ExchangeLog,
    @Inject(RANDOM) private readonly random: Random,
  ) {}

  async execute(command: PresentTicket): Promise<Replied<PresentTicketReply>> {
    const { request, ticketRequest, ticket } = command;
    if (!TICKET_ID.test(ticket)) throw invalid('the ticket id is not upper-case hex of a SHA-256');
    return this.log.record(command, async (load, now) => {
      const issued = await loadIssuedTicket(load, ticketRequest);
      const first = presentationIdOf(issued);
      const replayed = (await load(exchangeStream(first))).length > 0;
      const presentation = ticket === issued.ticket && !replayed ? first : newExchangeId(now, this.random);
      const service = agentOf(request.caller);
      const decision = presentTicket({ presentation, now, issued, ticket, service, replayed });
      return {
        writes: [{ stream: exchangeStream(presentation), events: decision.events, expected: 0 }],
        reply: { presentation, ...outcome(decision, 'presented') },
      };
    });
  }
}

@CommandHandler(VerifyClient)
export class VerifyClientHandler implements ICommandHandler<VerifyClient> {
  constructor(private readonly log: ExchangeLog) {}

  async execute(command: VerifyClient): Promise<Replied<VerifyClientReply>> {
    const report = checkedReport(command.report);
    return this.log.record(command, async (load, now) => {
      const { state, issued } = await loadOwnPresentation(load, command);
      const decision = inOrder(reportClient(state, issued, report, now));
      const told = outcome(decision, 'verified');
      const reply = told.outcome === 'refused' ? ({ ...told, outcome: 'rejected' } as const) : told;
      return { writes: written(state, decision), reply };
    });
  }
}

@CommandHandler(ReturnProof)
export class ReturnProofHandler implements ICommandHandler<ReturnProof> {
  constructor(private readonly log: ExchangeLog) {}

  async execute(command: ReturnProof): Promise<Replied<ReturnProofReply>> {
    if (!PROOF.test(command.proof)) throw invalid('the proof is not hex of what the service returned');
    const returned = Buffer.from(command.proof, 'hex');
    return this.log.record(command, async (load, now) => {
      const { state, issued } = await loadPresentation(load, command.presentation);
      const logon = await loadLogon(load, command.handle);
      if (logon.logon !== issued.logon) {
        throw new AuthenticationRefusal(
          'AUTH_NOT_THE_CLIENT',
          'the ticket of this presentation was issued to another logon',
        );
      }
      const matches = issued.nonceDigest !== undefined && proofMatches(returned, issued.nonceDigest);
      const proof = { proofDigest: nonceDigest(returned), matches, verifier: 'kdc' } as const;
      const decision = inOrder(verifyService(state, issued, proof, now));
      const told = outcome(decision, 'verified');
      const reply = told.outcome === 'refused' ? ({ ...told, outcome: 'failed' } as const) : told;
      return { writes: written(state, decision), reply };
    });
  }
}

@CommandHandler(RequestApplication)
export class RequestApplicationHandler implements ICommandHandler<RequestApplication> {
  constructor(private readonly log: ExchangeLog) {}

  async execute(command: RequestApplication): Promise<Replied<RequestApplicationReply>> {
    const { operation } = command;
    if (operation === '' || operation.length > TEXT_MAX) throw invalid(`an operation has 1 to ${TEXT_MAX} characters`);
    let ticket: IssuedTicket | undefined;
    const replied = await this.log.record(command, async (load, now) => {
      const { state, issued } = await loadOwnPresentation(load, command);
      ticket = issued;
      const decision = decideApplicationRequest(state, issued, operation, now);
      return { writes: written(state, decision), reply: outcome(decision, 'allowed') };
    });
    if (replied.outcome === 'refused') return replied;
    // A receipt is kept for ever and in clear, so it holds no names: who the client is, the log tells a retry.
    ticket ??= (await loadPresentation((stream) => this.log.store.readStream(stream), command.presentation)).issued;
    return { ...replied, clientName: ticket.clientName };
  }
}

/** An agent reports for the account that it is, or under its outside id. */
function agentOf({ account, actor }: Caller): string {
  return account ?? actor;
}

/** Throws AUTH_NOT_THE_SERVICE when another agent presented. */
async function loadOwnPresentation(
  load: Load,
  { request, presentation }: { readonly request: CommandRequest; readonly presentation: string },
): Promise<{ readonly state: Presentation; readonly issued: IssuedTicket }> {
  const found = await loadPresentation(load, presentation);
  if (found.state.service === agentOf(request.caller)) return found;
  throw new AuthenticationRefusal('AUTH_NOT_THE_SERVICE', `presentation ${presentation} belongs to another service`);
}

function written({ presentation }: Presentation, { events }: StepDecision): ExchangeWrite[] {
  return [{ stream: exchangeStream(presentation), events }];
}

function outcome<Accepted extends string>(decision: StepDecision, accepted: Accepted) {
  if (decision.outcome === 'accepted') return { outcome: accepted };
  return { outcome: decision.outcome, code: decision.code, reason: decision.reason };
}

function inOrder(decision: StepDecision | MisplacedStep): StepDecision {
  if (decision.outcome !== 'misplaced') return decision;
  throw new AuthenticationRefusal('AUTH_STEP_MISPLACED', decision.reason);
}

/** The code becomes the spelling of RFC 4120, whichever the acceptor uses. */
function checkedReport(report: ClientReport): ClientReport {
  if (report.outcome === 'verified') return report;
  const code = errorByName(report.code)?.name;
  if (!code) throw invalid('the code of a rejection is a name of RFC 4120 §7.5.9, such as KRB_AP_ERR_BAD_INTEGRITY');
  if (report.reason.length > TEXT_MAX) throw invalid(`a reason has at most ${TEXT_MAX} characters`);
  return { ...report, code };
}

function invalid(what: string): AuthenticationRefusal {
  return new AuthenticationRefusal('AUTH_INPUT_INVALID', what);
}
