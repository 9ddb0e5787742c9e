/** The directory as it is read: forests, accounts with their timeline, duplicates, findings, and tickets counted by SPN. */
import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { EVENT_STORE, type EventStore } from '#event-store';
import type { Access } from '#operations';
import { PrismaClient } from '#postgres';
import {
  accountTimelineParameters,
  countTickets,
  countTicketsParameters,
  findAccounts,
  findAccountsParameters,
  findDuplicates,
  findDuplicatesParameters,
  findFindings,
  findFindingsParameters,
  findForests,
  findForestsParameters,
  getAccount,
  getAccountParameters,
  getAccountTimeline,
  getForest,
  type AccountTimelineParameters,
  type CountTickets,
  type FindAccounts,
  type FindDuplicates,
  type FindFindings,
  type FindForests,
} from '#projections';
import { Allow, CurrentAccess, readableForest } from './access.guard.js';
import { Problem } from './problem.filter.js';

const name = z.string().min(1).max(1024);
const accountQuery = getAccountParameters.omit({ account: true });

@ApiTags('directory')
@ApiBearerAuth()
@Controller('v1')
@Allow('auditor', 'operator')
export class DirectoryController {
  constructor(
    private readonly prisma: PrismaClient,
    @Inject(EVENT_STORE) private readonly store: EventStore,
  ) {}

  @Get('forests')
  @ApiOperation({ summary: 'Forests, ours and observed' })
  async forests(@Query({ schema: findForestsParameters }) parameters: FindForests, @CurrentAccess() access: Access) {
    const own = readableForest(access, undefined);
    if (own === undefined) return findForests(this.prisma, parameters);
    const forest = await getForest(this.prisma, own);
    return { rows: forest ? [forest] : [], next: null };
  }

  @Get('forests/:forest')
  @ApiOperation({ summary: 'A forest with its domains and policy' })
  async forest(@Param('forest', { schema: name }) id: string, @CurrentAccess() access: Access) {
    const forest = await getForest(this.prisma, readableForest(access, id) ?? id);
    return forest ?? unknown('FOREST_UNKNOWN', `There is no forest "${id}": GET /v1/forests lists them.`);
  }

  @Get('accounts')
  @ApiOperation({ summary: 'Accounts, ours and observed' })
  accounts(@Query({ schema: findAccountsParameters }) parameters: FindAccounts, @CurrentAccess() access: Access) {
    return findAccounts(this.prisma, { ...parameters, forest: readableForest(access, parameters.forest) });
  }

  @Get('accounts/:account')
  @ApiOperation({ summary: 'An account, by any of its names, with its SPNs at an instant' })
  async account(
    @Param('account', { schema: name }) account: string,
    @Query({ schema: accountQuery }) parameters: z.infer<typeof accountQuery>,
    @CurrentAccess() access: Access,
  ) {
    const forest = readableForest(access, parameters.forest);
    const found = await getAccount(this.prisma, { ...parameters, account, forest });
    return found ?? unknown('ACCOUNT_UNKNOWN', `There is no account "${account}": GET /v1/accounts lists them.`);
  }

  @Get('accounts/:account/timeline')
  @ApiOperation({ summary: 'Everything that was recorded about an account, under any of its names' })
  timeline(
    @Param('account', { schema: name }) account: string,
    @Query({ schema: accountTimelineParameters }) parameters: AccountTimelineParameters,
    @CurrentAccess() access: Access,
  ) {
    return getAccountTimeline(this.prisma, this.store, account, {
      ...parameters,
      forest: readableForest(access, parameters.forest),
    });
  }

  @Get('duplicates')
  @ApiOperation({ summary: 'SPNs held more than once, exactly, by alias or by Unicode; now or as of an instant' })
  duplicates(@Query({ schema: findDuplicatesParameters }) parameters: FindDuplicates, @CurrentAccess() access: Access) {
    return findDuplicates(this.prisma, { ...parameters, forest: readableForest(access, parameters.forest) });
  }

  @Get('findings')
  @ApiOperation({
    summary: 'What somebody should look at: SPNs that no audit record added, invisible characters, assumptions',
  })
  findings(@Query({ schema: findFindingsParameters }) parameters: FindFindings, @CurrentAccess() access: Access) {
    return findFindings(this.prisma, { ...parameters, forest: readableForest(access, parameters.forest) });
  }

  @Get('tickets')
  @ApiOperation({ summary: 'Tickets that KDCs issued, counted by SPN; a ticket is not an attempt' })
  tickets(@Query({ schema: countTicketsParameters }) parameters: CountTickets, @CurrentAccess() access: Access) {
    return countTickets(this.prisma, { ...parameters, forest: readableForest(access, parameters.forest) });
  }
}

function unknown(code: string, detail: string): never {
  throw new Problem(404, code, detail);
}
