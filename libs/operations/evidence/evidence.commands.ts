/** The command on checkpoint keys. Refused with OperationRefusal. */
import { Command } from '@nestjs/cqrs';
import type { CommandRequest, Replied } from '#directory';

/** A new key signs from now on, the ones before it beside it for `overlapDays` more. */
export class RotateCheckpointKey extends Command<
  Replied<{ readonly key: number; readonly verifierKey: string; readonly previousUntil: string }>
> {
  constructor(
    readonly request: CommandRequest,
    readonly overlapDays: number,
  ) {
    super();
  }
}
