/** Commands on tokens. Refused with OperationRefusal. */
import { Command } from '@nestjs/cqrs';
import type { CommandRequest, Replied } from '#directory';
import type { NewToken } from './token.decider.js';

/** `text` is the token itself, told once: the same request asked again is refused with OPS_ANSWER_GIVEN_ONCE. */
export class CreateToken extends Command<Replied<{ readonly token: string; readonly text: string }>> {
  constructor(
    readonly request: CommandRequest,
    readonly details: NewToken,
  ) {
    super();
  }
}

export class RevokeToken extends Command<Replied<{ readonly token: string }>> {
  constructor(
    readonly request: CommandRequest,
    readonly token: string,
  ) {
    super();
  }
}
