/** Handler of the command on backups: what was done is recorded, whatever was done before. */
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { streamName } from '#event-store';
import { OperationLog } from '../operation-log.js';
import { RecordBackup } from './backup.commands.js';

const BACKUPS_STREAM = streamName('operation', 'backups');

@CommandHandler(RecordBackup)
export class RecordBackupHandler implements ICommandHandler<RecordBackup> {
  constructor(private readonly log: OperationLog) {}

  async execute(command: RecordBackup) {
    const { backup } = command;
    const { replied } = await this.log.record(command, async () => ({
      writes: [{ stream: BACKUPS_STREAM, events: [{ type: 'BackupTaken', data: backup }], expected: 'any' }],
      reply: { manifest: backup.manifest },
    }));
    return replied;
  }
}
