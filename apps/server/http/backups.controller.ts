/** What an operator's command line says of a backup that it took beside the server (apps/server/task/backup.ts). */
import { Body, Controller, Post } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { type Access, backupTaken, RecordBackup, type TakenBackup } from '#operations';
import { Allow, commandRequest, CurrentAccess, demandUnscoped } from './access.guard.js';
import { CommandContext, type RequestContext } from './request-id.js';

const backupBody = backupTaken.meta({ id: 'TakenBackup' });

@ApiTags('operation')
@ApiBearerAuth()
@Controller('v1/backups')
@Allow('operator')
export class BackupsController {
  constructor(private readonly commands: CommandBus) {}

  @Post()
  @ApiOperation({ summary: 'Record that a base backup was taken' })
  record(
    @Body({ schema: backupBody }) body: TakenBackup,
    @CommandContext() context: RequestContext,
    @CurrentAccess() access: Access,
  ) {
    demandUnscoped(access);
    return this.commands.execute(new RecordBackup(commandRequest(context, access), body));
  }
}
