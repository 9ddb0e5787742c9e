/**
 * The log as the KDC's handlers write it, with the one rule about secrets: what an answer gives away (a handle, a ciphertext)
 * never enters the receipt, and so is given once.
 */
import { Inject, Injectable } from '@nestjs/common';
import { NAME_KEY, recordCommand } from '#directory';
import type { CommandRequest, CommandWrite, NameKey, Replied } from '#directory';
import { CLOCK, EVENT_STORE } from '#event-store';
import type { Clock, EventStore, JsonObject, Load } from '#event-store';
import { AuthenticationRefusal } from '../authentication-refusal.error.js';
import { lockoutEvents, type LockoutEvent } from '../lockout/lockout.events.js';
import { exchangeEvents, type ExchangeEvent } from './exchange.events.js';

export type ExchangeWrite = CommandWrite<ExchangeEvent | LockoutEvent>;

export type ExchangeDecision<Reply> = {
  readonly writes: readonly ExchangeWrite[];
  readonly reply: Reply;
  /** The field of an `issued` reply that the receipt must not keep. */
  readonly secret?: 'handle' | 'ciphertext';
};

type Decide<Reply> = (load: Load, now: string) => Promise<ExchangeDecision<Reply>>;

const catalogue = { ...exchangeEvents, ...lockoutEvents };

@Injectable()
export class ExchangeLog {
  constructor(
    @Inject(EVENT_STORE) readonly store: EventStore,
    @Inject(NAME_KEY) readonly nameKey: NameKey,
    @Inject(CLOCK) readonly clock: Clock,
  ) {}

  /** Throws what `decide` and `transact` throw, and AUTH_ANSWER_GIVEN_ONCE for an `issued` answer that is asked for again. */
  async record<Reply extends JsonObject>(
    command: { readonly request: CommandRequest },
    decide: Decide<Reply>,
  ): Promise<Replied<Reply>> {
    let given: JsonObject = {};
    const { status, replied } = await recordCommand(this, catalogue, command, async (load, now) => {
      const { writes, reply, secret } = await decide(load, now);
      given = secret === undefined ? {} : { [secret]: reply[secret] };
      return { writes, reply: secret === undefined ? reply : { ...reply, [secret]: undefined } };
    });
    if (status === 'committed') return { ...(replied as Replied<Reply>), ...given };
    if (replied['outcome'] === 'issued') throw answerGivenOnce(command.request.requestId);
    return replied as Replied<Reply>;
  }

  /** The reply that would be given now, when nothing is recorded with it. */
  async look<Reply>(decide: Decide<Reply>): Promise<Replied<Reply>> {
    const { reply } = await decide((stream) => this.store.readStream(stream), this.clock.now());
    return { ...reply, position: await this.store.head() };
  }
}

function answerGivenOnce(requestId: string): AuthenticationRefusal {
  return new AuthenticationRefusal(
    'AUTH_ANSWER_GIVEN_ONCE',
    `request ${requestId} was answered before, and what it gave is given only once: ask again under a new request id`,
  );
}
