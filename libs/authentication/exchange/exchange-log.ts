/**
 * From a decision of the KDC to the log: the request's keyed digest, the metadata and instants of its events, `transact`.
 * And the one rule about secrets: what an answer gives away (a handle, a ciphertext) never enters the receipt.
 */
import { Inject, Injectable } from '@nestjs/common';
import { NAME_KEY } from '#directory';
import type { CommandRequest, NameKey } from '#directory';
import { CLOCK, EVENT_STORE, transact } from '#event-store';
import type { Clock, Committed, DecidedWrite, EventStore, JsonObject, Load } from '#event-store';
import { AuthenticationRefusal } from '../authentication-refusal.error.js';
import { lockoutEvents, type LockoutEvent } from '../lockout/lockout.events.js';
import type { Replied } from './exchange.commands.js';
import { exchangeEvents, type ExchangeEvent } from './exchange.events.js';

export type ExchangeWrite = {
  readonly stream: string;
  readonly events: readonly (ExchangeEvent | LockoutEvent)[];
  readonly expected?: 0;
};

export type ExchangeDecision<Reply> = {
  /** The logon that the conversation rests on. */
  readonly correlationId: string;
  readonly writes: readonly ExchangeWrite[];
  readonly reply: Reply;
  /** The reply as the receipt keeps it, when that differs: without the secrets of an `issued` one. */
  readonly kept?: JsonObject;
};

type ExchangeCommand = { readonly request: CommandRequest };
type Decide<Reply> = (load: Load, now: string) => Promise<ExchangeDecision<Reply>>;

const catalogue = { ...exchangeEvents, ...lockoutEvents };

@Injectable()
export class ExchangeLog {
  constructor(
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(NAME_KEY) private readonly nameKey: NameKey,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Throws what `decide` and `transact` throw, and AUTH_ANSWER_GIVEN_ONCE for an `issued` answer that is asked for again. */
  async record<Reply extends JsonObject>(command: ExchangeCommand, decide: Decide<Reply>): Promise<Replied<Reply>> {
    const { request } = command;
    let given: Reply | undefined;
    const answer: Omit<Committed, 'reply'> & { readonly reply: JsonObject } = await transact<JsonObject>(
      this.store,
      { id: request.requestId, digest: this.digest(command) },
      async (load) => {
        const now = this.clock.now();
        const { writes, reply, kept = reply, correlationId } = await decide(load, now);
        given = reply;
        return { writes: writes.map((write) => decidedWrite(write, request, now, correlationId)), reply: kept };
      },
    );
    const { position, status, reply } = answer;
    if (status === 'committed' && given) return { ...given, position };
    if (reply['outcome'] === 'issued') throw answerGivenOnce(request.requestId);
    return { ...(reply as Reply), position };
  }

  /** The reply that would be given now, when nothing is recorded with it. */
  async look<Reply>(decide: Decide<Reply>): Promise<Replied<Reply>> {
    const { reply } = await decide((stream) => this.store.readStream(stream), this.clock.now());
    return { ...reply, position: await this.store.head() };
  }

  /** The actor belongs to the request; its scope and the trace may differ when it asks again. */
  private digest(command: ExchangeCommand): Buffer {
    const { request, ...fields } = command;
    const { actor } = request.caller;
    return this.nameKey.requestDigest({ command: command.constructor.name, actor, ...(fields as JsonObject) });
  }
}

function decidedWrite(
  { stream, events, expected }: ExchangeWrite,
  { caller, requestId, traceparent }: CommandRequest,
  occurredAt: string,
  correlationId: string,
): DecidedWrite {
  const trace = traceparent === undefined ? {} : { traceparent };
  const metadata = { origin: 'decided', actor: caller.actor, correlationId, causationId: requestId, ...trace } as const;
  const recorded = events.map(({ type, data }) => ({
    type,
    schemaVersion: catalogue[type].schemaVersion,
    occurredAt,
    data,
    metadata,
  }));
  return { stream, events: recorded, ...(expected === undefined ? {} : { expected }) };
}

function answerGivenOnce(requestId: string): AuthenticationRefusal {
  return new AuthenticationRefusal(
    'AUTH_ANSWER_GIVEN_ONCE',
    `request ${requestId} was answered before, and what it gave is given only once: ask again under a new request id`,
  );
}
