/** Forests, their domains and their policy. */
import { Body, Controller, Param, Post, Put } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { AddDomain, ChangePolicy, CreateForest, forestPolicy } from '#directory';
import type { Access } from '#operations';
import { Allow, commandRequest, CurrentAccess } from './access.guard.js';
import { CommandContext, type RequestContext } from './request-id.js';

const dnsName = z.string().min(1).max(255);
const netbiosName = z.string().min(1).max(15).optional();
const policy = forestPolicy.partial().meta({ id: 'PolicyChange', description: 'What is not named stays as it is.' });
const forestBody = z.object({ name: dnsName, netbiosName, policy: policy.optional() }).meta({ id: 'NewForest' });
const domainBody = z.object({ domain: dnsName, netbiosName }).meta({ id: 'NewDomain' });

@ApiTags('directory')
@ApiBearerAuth()
@Controller('v1/forests')
@Allow('operator')
export class ForestsController {
  constructor(private readonly commands: CommandBus) {}

  @Post()
  @ApiOperation({ summary: 'Make a forest with its root domain' })
  create(
    @Body({ schema: forestBody }) body: z.infer<typeof forestBody>,
    @CommandContext() context: RequestContext,
    @CurrentAccess() access: Access,
  ) {
    return this.commands.execute(
      new CreateForest(commandRequest(context, access), body.name, body.netbiosName, body.policy),
    );
  }

  @Post(':forest/domains')
  @ApiOperation({ summary: 'Add a domain' })
  addDomain(
    @Param('forest', { schema: dnsName }) forest: string,
    @Body({ schema: domainBody }) body: z.infer<typeof domainBody>,
    @CommandContext() context: RequestContext,
    @CurrentAccess() access: Access,
  ) {
    return this.commands.execute(new AddDomain(commandRequest(context, access), forest, body.domain, body.netbiosName));
  }

  @Put(':forest/policy')
  @ApiOperation({ summary: 'Change the policy: rule profile, enforcement, aliases, skew, lifetimes, etypes' })
  changePolicy(
    @Param('forest', { schema: dnsName }) forest: string,
    @Body({ schema: policy }) body: z.infer<typeof policy>,
    @CommandContext() context: RequestContext,
    @CurrentAccess() access: Access,
  ) {
    return this.commands.execute(new ChangePolicy(commandRequest(context, access), forest, body));
  }
}
