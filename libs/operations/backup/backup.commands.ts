/** The command on backups. */
import { Command } from '@nestjs/cqrs';
import type { CommandRequest, Replied } from '#directory';
import type { TakenBackup } from './backup.events.js';

/** The operator's own machine took a backup and says so. */
export class RecordBackup extends Command<Replied<{ readonly manifest: string }>> {
  constructor(
    readonly request: CommandRequest,
    readonly backup: TakenBackup,
  ) {
    super();
  }
}
