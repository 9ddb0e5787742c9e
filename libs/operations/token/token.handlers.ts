/** Handlers of the commands on tokens. */
import { Inject } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { RANDOM, type Random } from '#event-store';
import { givenOnce, OperationLog, operationsOf, tokenStream } from '../operation-log.js';
import { CreateToken, RevokeToken } from './token.commands.js';
import { createToken, foldToken, revokeToken } from './token.decider.js';
import { newTokenText } from './token-text.js';

@CommandHandler(CreateToken)
export class CreateTokenHandler implements ICommandHandler<CreateToken> {
  constructor(
    private readonly log: OperationLog,
    @Inject(RANDOM) private readonly random: Random,
  ) {}

  async execute(command: CreateToken) {
    const { token, text, secretDigest } = newTokenText(this.random);
    const { status, replied } = await this.log.record(command, async (_load, now) => {
      const events = createToken({ token, secretDigest, now }, command.details);
      return { writes: [{ stream: tokenStream(token), events, expected: 0 }], reply: { token } };
    });
    if (status === 'duplicate')
      throw givenOnce(command.request, `revoke token ${replied.token} and ask for another under a new request id`);
    return { ...replied, text };
  }
}

@CommandHandler(RevokeToken)
export class RevokeTokenHandler implements ICommandHandler<RevokeToken> {
  constructor(private readonly log: OperationLog) {}

  async execute(command: RevokeToken) {
    const { token } = command;
    const { replied } = await this.log.record(command, async (load) => {
      const events = revokeToken(foldToken(await operationsOf(load, tokenStream(token))), token);
      return { writes: [{ stream: tokenStream(token), events }], reply: { token } };
    });
    return replied;
  }
}
