/** Tokens and the key-encryption key: what only an operator hands out. Each of these commands is an event. */
import { Body, Controller, Delete, HttpCode, Param, Post } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { type Access, CreateToken, ExportKeyEncryptionKey, RevokeToken, role, scope } from '#operations';
import { Allow, commandRequest, CurrentAccess, demandUnscoped } from './access.guard.js';
import { CommandContext, type RequestContext } from './request-id.js';

const tokenBody = z
  .object({
    actor: z.string().min(1).max(256),
    roles: z.array(role).min(1).max(6),
    scope: scope.optional(),
    expiresAt: z.string().max(40).optional(),
    note: z.string().min(1).max(256).optional(),
  })
  .meta({
    id: 'NewToken',
    description: '`actor` is `account:<id>` or a name of yours; a part of `scope` left out means all.',
  });
const tokenId = z.string().regex(/^[0-9a-f]{16}$/, 'must be the id of a token: 16 hex digits');

@ApiTags('operation')
@ApiBearerAuth()
@Controller('v1')
@Allow('operator')
export class TokensController {
  constructor(private readonly commands: CommandBus) {}

  @Post('tokens')
  @ApiOperation({ summary: 'Make a token; its text is told once' })
  create(
    @Body({ schema: tokenBody }) body: z.infer<typeof tokenBody>,
    @CommandContext() context: RequestContext,
    @CurrentAccess() access: Access,
  ) {
    demandUnscoped(access);
    return this.commands.execute(new CreateToken(commandRequest(context, access), body));
  }

  @Delete('tokens/:token')
  @ApiOperation({ summary: 'Revoke a token; holds from the next request on' })
  revoke(
    @Param('token', { schema: tokenId }) token: string,
    @CommandContext() context: RequestContext,
    @CurrentAccess() access: Access,
  ) {
    demandUnscoped(access);
    return this.commands.execute(new RevokeToken(commandRequest(context, access), token));
  }

  @Post('keys/export')
  @HttpCode(200)
  @ApiOperation({ summary: 'Give out the key-encryption key for a backup; recorded' })
  exportKey(@CommandContext() context: RequestContext, @CurrentAccess() access: Access) {
    demandUnscoped(access);
    return this.commands.execute(new ExportKeyEncryptionKey(commandRequest(context, access)));
  }
}
