/**
 * Dead letters (docs/dead-letters.md): events that a projection could not take and raw records that no parser took, and what an
 * operator decides about them. The list is read from its own table, so it answers while a read model stands still.
 */
import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Pool } from 'pg';
import { z } from 'zod';
import {
  type Access,
  letterKinds,
  type LetterStatus,
  letterStatuses,
  listDeadLetters,
  RetryDeadLetter,
  SkipEvent,
} from '#operations';
import { decodeCursor, instantText, paging, toPage } from '#projections';
import { Allow, commandRequest, CurrentAccess, demandUnscoped } from './access.guard.js';
import { CommandContext, type RequestContext } from './request-id.js';

/** `waiting`: open, or about to be tried again. */
const listParameters = z.object({
  status: z.enum([...letterStatuses, 'waiting']).optional(),
  kind: z.enum(letterKinds).optional(),
  ...paging,
});
const letterId = z.uuid({ error: 'must be the id of a dead letter: a UUID' });
const openedAtAndId = z.tuple([instantText, letterId]);
const skipBody = z
  .object({ reason: z.string().min(1).max(500) })
  .meta({ id: 'Skip', description: 'The reason stays in the log: name nobody, and quote nothing of the event.' });

@ApiTags('operation')
@ApiBearerAuth()
@Controller('v1/dead-letters')
@Allow('operator')
export class DeadLettersController {
  constructor(
    private readonly pool: Pool,
    private readonly commands: CommandBus,
  ) {}

  @Get()
  @Allow('auditor', 'operator')
  @ApiOperation({ summary: 'Events and raw records that could not be processed, the oldest first: where and why' })
  async list(
    @Query({ schema: listParameters }) { status, kind, limit, cursor }: z.infer<typeof listParameters>,
    @CurrentAccess() access: Access,
  ) {
    demandUnscoped(access);
    const [openedAt, id] = cursor === undefined ? [] : decodeCursor(cursor, openedAtAndId);
    const after = openedAt === undefined || id === undefined ? undefined : { openedAt, id };
    const letters = await listDeadLetters(this.pool, { statuses: statusesOf(status), kind, limit: limit + 1, after });
    return toPage(letters, limit, (letter) => [letter.openedAt, letter.id]);
  }

  @Post(':letter/retry')
  @HttpCode(200)
  @ApiOperation({ summary: 'Have it tried again, within a second or so; recorded' })
  retry(
    @Param('letter', { schema: letterId }) letter: string,
    @CommandContext() context: RequestContext,
    @CurrentAccess() access: Access,
  ) {
    demandUnscoped(access);
    return this.commands.execute(new RetryDeadLetter(commandRequest(context, access), letter));
  }

  @Post(':letter/skip')
  @HttpCode(200)
  @ApiOperation({ summary: 'Leave an event out of this read model for good, also when it is built anew; recorded' })
  skip(
    @Param('letter', { schema: letterId }) letter: string,
    @Body({ schema: skipBody }) { reason }: z.infer<typeof skipBody>,
    @CommandContext() context: RequestContext,
    @CurrentAccess() access: Access,
  ) {
    demandUnscoped(access);
    return this.commands.execute(new SkipEvent(commandRequest(context, access), letter, reason));
  }
}

function statusesOf(status: LetterStatus | 'waiting' | undefined): readonly LetterStatus[] | undefined {
  if (status === undefined) return undefined;
  return status === 'waiting' ? ['open', 'retry'] : [status];
}
