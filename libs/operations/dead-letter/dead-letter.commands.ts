/** Commands on dead letters. Refused with OperationRefusal. */
import { Command } from '@nestjs/cqrs';
import type { CommandRequest, Replied } from '#directory';

/** Who holds the event or record tries it again, within a second or so. */
export class RetryDeadLetter extends Command<Replied<{ readonly letter: string }>> {
  constructor(
    readonly request: CommandRequest,
    readonly letter: string,
  ) {
    super();
  }
}

/** The projection goes on without this event, and leaves it out whenever it is built anew: nothing takes that back. */
export class SkipEvent extends Command<Replied<{ readonly letter: string }>> {
  constructor(
    readonly request: CommandRequest,
    readonly letter: string,
    /** Stays in the log: names nobody, and quotes nothing of the event. */
    readonly reason: string,
  ) {
    super();
  }
}
