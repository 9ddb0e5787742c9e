/** Accounts and the SPNs registered on them. A refused write of SPNs is a problem that names the other holders. */
import { Body, Controller, Delete, HttpCode, Param, Patch, Post, Put } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import {
  accountKind,
  CreateAccount,
  DeleteAccount,
  DisableAccount,
  EnableAccount,
  RegisterSpns,
  RemoveSpns,
  RenameAccount,
  ReplaceSpns,
  SetPassword,
  type SpnWriteReply,
} from '#directory';
import type { Access } from '#operations';
import { Allow, commandRequest, CurrentAccess } from './access.guard.js';
import { Problem } from './problem.filter.js';
import { CommandContext, type RequestContext } from './request-id.js';

const name = z.string().min(1).max(1024);
const password = z.string().min(1).max(1024);
const accountBody = z
  .object({
    forest: name,
    domain: name,
    kind: accountKind,
    samAccountName: name,
    userPrincipalName: name.optional(),
    dnsHostName: name.optional(),
    password: password.optional(),
    enabled: z.boolean().optional(),
  })
  .meta({ id: 'NewAccount' });
const namesBody = z
  .object({
    samAccountName: name.optional(),
    userPrincipalName: name.nullable().optional(),
    dnsHostName: name.nullable().optional(),
  })
  .refine((names) => Object.keys(names).length > 0, 'name at least one field to change')
  .meta({ id: 'AccountNames', description: 'What is not named stays; null removes.' });
const passwordBody = z.object({ password }).meta({ id: 'NewPassword' });
const spnText = z.string().max(4096);
const spnsBody = z.object({ spns: z.array(spnText).min(1).max(1000) }).meta({ id: 'Spns' });
const spnListBody = z
  .object({ spns: z.array(spnText).max(1000) })
  .meta({ id: 'SpnList', description: 'The whole list; empty clears it.' });

@ApiTags('directory')
@ApiBearerAuth()
@Controller('v1/accounts')
@Allow('installer', 'operator')
export class AccountsController {
  constructor(private readonly commands: CommandBus) {}

  @Post()
  @ApiOperation({ summary: 'Make an account' })
  create(
    @Body({ schema: accountBody }) body: z.infer<typeof accountBody>,
    @CommandContext() context: RequestContext,
    @CurrentAccess() access: Access,
  ) {
    return this.commands.execute(new CreateAccount(commandRequest(context, access), body));
  }

  @Patch(':account')
  @ApiOperation({ summary: 'Rename; a computer’s SPNs follow its names' })
  async rename(
    @Param('account', { schema: name }) account: string,
    @Body({ schema: namesBody }) body: z.infer<typeof namesBody>,
    @CommandContext() context: RequestContext,
    @CurrentAccess() access: Access,
  ) {
    return accepted(await this.commands.execute(new RenameAccount(commandRequest(context, access), account, body)));
  }

  @Put(':account/password')
  @ApiOperation({ summary: 'Set the password: new keys under the next key version' })
  setPassword(
    @Param('account', { schema: name }) account: string,
    @Body({ schema: passwordBody }) body: z.infer<typeof passwordBody>,
    @CommandContext() context: RequestContext,
    @CurrentAccess() access: Access,
  ) {
    return this.commands.execute(new SetPassword(commandRequest(context, access), account, body.password));
  }

  @Post(':account/enable')
  @HttpCode(200)
  @ApiOperation({ summary: 'Enable' })
  enable(
    @Param('account', { schema: name }) account: string,
    @CommandContext() context: RequestContext,
    @CurrentAccess() access: Access,
  ) {
    return this.commands.execute(new EnableAccount(commandRequest(context, access), account));
  }

  @Post(':account/disable')
  @HttpCode(200)
  @ApiOperation({ summary: 'Disable' })
  disable(
    @Param('account', { schema: name }) account: string,
    @CommandContext() context: RequestContext,
    @CurrentAccess() access: Access,
  ) {
    return this.commands.execute(new DisableAccount(commandRequest(context, access), account));
  }

  @Delete(':account')
  @ApiOperation({ summary: 'Delete; it then holds nothing' })
  delete(
    @Param('account', { schema: name }) account: string,
    @CommandContext() context: RequestContext,
    @CurrentAccess() access: Access,
  ) {
    return this.commands.execute(new DeleteAccount(commandRequest(context, access), account));
  }

  @Post(':account/spns')
  @HttpCode(200)
  @ApiOperation({ summary: 'S0: register SPNs, all or none' })
  async register(
    @Param('account', { schema: name }) account: string,
    @Body({ schema: spnsBody }) body: z.infer<typeof spnsBody>,
    @CommandContext() context: RequestContext,
    @CurrentAccess() access: Access,
  ) {
    return accepted(await this.commands.execute(new RegisterSpns(commandRequest(context, access), account, body.spns)));
  }

  @Put(':account/spns')
  @ApiOperation({ summary: 'Replace the whole list of SPNs' })
  async replace(
    @Param('account', { schema: name }) account: string,
    @Body({ schema: spnListBody }) body: z.infer<typeof spnListBody>,
    @CommandContext() context: RequestContext,
    @CurrentAccess() access: Access,
  ) {
    return accepted(await this.commands.execute(new ReplaceSpns(commandRequest(context, access), account, body.spns)));
  }

  @Post(':account/spns/remove')
  @HttpCode(200)
  @ApiOperation({ summary: 'Remove SPNs' })
  async remove(
    @Param('account', { schema: name }) account: string,
    @Body({ schema: spnsBody }) body: z.infer<typeof spnsBody>,
    @CommandContext() context: RequestContext,
    @CurrentAccess() access: Access,
  ) {
    return accepted(await this.commands.execute(new RemoveSpns(commandRequest(context, access), account, body.spns)));
  }
}

function accepted<Reply extends SpnWriteReply>(reply: Reply): Extract<Reply, { outcome: 'accepted' }> {
  if (reply.outcome === 'refused') {
    const { code, reason, outcome: _, status, ...fields } = reply;
    throw new Problem(409, code, reason, { directoryStatus: status, ...fields });
  }
  return reply as Extract<Reply, { outcome: 'accepted' }>;
}
