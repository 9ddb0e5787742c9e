/** The SPN directory: who holds what, now, as of an instant, or as it was known then; and what a registration would clash with. */
import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Access } from '#operations';
import { PrismaClient } from '#postgres';
import {
  checkSpn,
  checkSpnParameters,
  findSpns,
  findSpnsParameters,
  getSpnHistory,
  getSpnHistoryParameters,
  getSpnHolders,
  getSpnHoldersParameters,
  type CheckSpn,
  type FindSpns,
  type GetSpnHistory,
  type GetSpnHolders,
} from '#projections';
import { Allow, CurrentAccess, forestInScope, readableForest } from './access.guard.js';

const checkBody = checkSpnParameters.meta({ id: 'SpnCheck' });

@ApiTags('spns')
@ApiBearerAuth()
@Controller('v1/spns')
@Allow('auditor', 'operator')
export class SpnsController {
  constructor(private readonly prisma: PrismaClient) {}

  @Get()
  @ApiOperation({ summary: 'SPNs and their holders, by SPN (with * for any characters) or by account' })
  find(@Query({ schema: findSpnsParameters }) parameters: FindSpns, @CurrentAccess() access: Access) {
    return findSpns(this.prisma, { ...parameters, forest: readableForest(access, parameters.forest) });
  }

  @Get('holders')
  @ApiOperation({ summary: 'Who holds this SPN: yes, no or not known, each with its interval' })
  holders(@Query({ schema: getSpnHoldersParameters }) parameters: GetSpnHolders, @CurrentAccess() access: Access) {
    return getSpnHolders(this.prisma, { ...parameters, forest: readableForest(access, parameters.forest) });
  }

  @Get('history')
  @ApiOperation({ summary: 'Everybody who ever held this SPN, in order of time' })
  history(@Query({ schema: getSpnHistoryParameters }) parameters: GetSpnHistory, @CurrentAccess() access: Access) {
    return getSpnHistory(this.prisma, { ...parameters, forest: readableForest(access, parameters.forest) });
  }

  @Post('check')
  @HttpCode(200)
  @Allow('installer', 'auditor', 'operator')
  @ApiOperation({ summary: 'What would clash if these were registered? Changes nothing' })
  async check(@Body({ schema: checkBody }) body: CheckSpn, @CurrentAccess() access: Access) {
    // An installer of one domain is told no more than a refused registration would tell it.
    return { rows: await checkSpn(this.prisma, { ...body, forest: forestInScope(access, body.forest) }) };
  }
}
